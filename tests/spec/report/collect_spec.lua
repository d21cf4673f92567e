-- What a report is made of: folders found, cases put together, failures kept.
local collect = require "fovea.report.collect"
local results = require "support.results"
local scratch = require("support.scratch").new()
local lfs = require "lfs"

describe("a report", function()
  local folder

  setup(function() folder = results.make(scratch.folder, { "eye.png", "skin.png" }) end)
  teardown(function() results.remove(scratch.folder) end)

  it("puts the maps of an image together", function()
    local report = assert(collect.read { folder .. "/" })
    assert.same({ "results", 2, 0 }, { report.name, #report.cases, #report.failures })
    local case = report.cases[2]
    assert.same({ "tiny", "skin", 12 }, { case.model_name, case.image_name, #case.maps })
    assert.same({ "enc.relu.Relu", "deep.relu.Relu" }, case.layers)
    assert.same({ "fixed:0.4", "quantile:0.9", "fixed:1" }, case.thresholds)
    assert.same({ { method = "gradcam", score = "logit" }, { method = "hirescam", score = "logit" } }, case.variants)
    local map = assert(collect.find(case, "deep.relu.Relu", "quantile:0.9", case.variants[2]))
    assert.same({ "deep.relu.Relu", "hirescam" }, { map.layer, map.method })
    assert.is_nil(collect.find(case, "no layer", "fixed:1", case.variants[1]))
  end)

  it("looks into the folders below", function()
    local report = assert(collect.read { scratch.folder })
    assert.equal(2, #report.cases)
  end)

  it("tells several targets of one strategy apart", function()
    local records, write = results.records(folder)
    records[2].layer, records[2].method, records[2].threshold.spec = records[1].layer, records[1].method,
      records[1].threshold.spec
    local twin = scratch:path "twins"
    assert(lfs.mkdir(twin))
    scratch:write("twins/explain.json", require("fovea.json").encode(records))
    local case = assert(collect.read { twin }).cases[1]
    assert.equal("fixed:0.4 (target 2)", case.thresholds[2])
    write()
  end)

  it("keeps what is broken as failures", function()
    assert(lfs.mkdir(scratch:path "mixed"))
    scratch:write("mixed/cases.jsonl", '{"model":"m","image":"i","error":"too dark"}\nnot json\n')
    local report = assert(collect.read { folder, scratch:path "mixed", scratch:path "nowhere" })
    assert.equal(2, #report.cases)
    assert.same({ "too dark", "line 2 of cases.jsonl" }, { report.failures[1].error, report.failures[2].what })
    assert.is_truthy(report.failures[3].error:find("no such folder", 1, true))
  end)

  it("is none when there is nothing", function()
    local report, message = collect.read { scratch:path "nowhere" }
    assert.is_nil(report)
    assert.is_truthy(message:find("nowhere: no such folder", 1, true))
    assert(lfs.mkdir(scratch:path "empty"))
    assert.is_truthy(select(2, collect.read { scratch:path "empty" }):find("no results", 1, true))
    scratch:write("empty/explain.json", "{")
    assert.is_truthy(select(2, collect.read { scratch:path "empty" }):find("explain.json", 1, true))
  end)

  it("groups failures by network and reason", function()
    local groups = collect.grouped { { model = "m", image = "a.png", error = "dark" }, { error = "odd" },
      { model = "m", image = "b.png", error = "dark" }, { model = "m", image = "b.png", error = "dark" } }
    assert.same({ 3, "dark", { "a", "b" }, 1, "odd" }, { groups[1].count, groups[1].failure.error, groups[1].images,
      groups[2].count, groups[2].failure.error })
  end)

  it("shortens paths to names", function()
    for path, name in pairs { ["a/b.png"] = "b", ["b.v2.onnx"] = "b.v2", ["ISIC_0012.0034"] = "ISIC_0012.0034",
      ["phantom:fundus:7,size=128"] = "fundus.7",
      ["phantom:fundus:7,size=128,shortcut=true"] = "fundus.7,shortcut=true", ["out/"] = "out", [".png"] = ".png" } do
      assert.equal(name, collect.base_name(path))
    end
  end)
end)
