-- fovea explain --from: a map is made again from its record alone, to the last bit; what has changed is said.
local command = require "support.command"
local fovea = require "fovea"
local replay = require "fovea.replay"
local scratch = require("support.scratch").new()
local tiny = require "support.tiny_onnx"

describe("fovea explain --from", function()
  local model, image, truth, script, records

  local function explain(arguments, out)
    local words = { "explain", "--out", scratch:path(out) }
    for _, word in ipairs(arguments) do words[#words + 1] = word end
    return command.run(words)
  end

  local function decoded(out) return assert(fovea.json.decode(scratch:read(out .. "/explain.json"))) end

  setup(function()
    model = scratch:write("tiny.onnx", tiny.bytes())
    image, truth = scratch:path "image.png", scratch:path "truth.png"
    assert(fovea.image.write(image, fovea.uniform({ 3, 20, 24 }, { seed = 1, min = 0, max = 255 })))
    assert(fovea.image.write(truth, fovea.uniform({ 1, 20, 24 }, { seed = 2 }):gt(0.5) * 255))
    script = scratch:write("mine.lua", "return function(u) return u:gt(u:mean()) end")
    local status, _, err = explain({ model, image, "--layer", "enc.relu*", "--layer", "deep.relu*", "--raw", "npy",
      "--method", "gradcam", "--method", "hirescam", "--score", "probability", "--reduction", "mean",
      "--threshold", "otsu", "--threshold", "largest_component(otsu) - band:0.5,0.55 | file:" .. script,
      "--threshold", "tp(otsu)", "--threshold", "border(otsu):1.5", "--threshold", "component(otsu):each,min_size=3",
      "--ground-truth", truth, "--spacing", "0.5", "0.25", "--mean", "0.4", "--scale", "0.003" }, "first")
    assert.are.equal(0, status, err)
    records = decoded "first"
  end)

  teardown(function()
    os.execute("rm -rf " .. scratch.folder)
  end)

  it("repeats every map to the last bit", function()
    assert.is_true(#records >= 20, tostring(#records))
    for i, record in ipairs(records) do
      if i <= 16 and i % 3 ~= 0 or i == #records then
        local status, _, err = explain({ "--from", ("%s#%d"):format(scratch:path "first/explain.json", i), "--raw",
          "npy" }, "again")
        assert.are.equal(0, status, err)
        local again = decoded("again")[1]
        assert.is_true(assert(fovea.npy.read(scratch:path("again/" .. again.raw))):equal(
          (assert(fovea.npy.read(scratch:path("first/" .. record.raw))))), record.threshold.spec)
        record.seconds, again.seconds = nil, nil
        record.picture, again.picture, record.raw, again.raw = nil, nil, nil, nil
        assert.same(record, again)
      end
    end
  end)

  it("keeps strategy, parameters, resolved value and hashes", function()
    local record = records[5]
    assert.are.equal(("component(otsu):largest - band:0.5,high=0.55 | file:%s"):format(script), record.threshold.spec)
    assert.are.equal("or", record.threshold.strategy)
    local component = record.threshold.of[1].of[1]
    assert.are.equal("T7", component.id)
    assert.are.equal(8, component.detail.connectivity)
    assert.is_true(component.of[1].value > 0)
    for _, hash in ipairs { record.model_hash, record.image_hash, record.ground_truth.hash,
      record.threshold.of[2].detail.hash } do
      assert.matches("^%x+$", hash)
      assert.are.equal(32, #hash)
    end
  end)

  it("warns of files that have changed", function()
    scratch:write("mine.lua", "return function(u) return u:gt(u:mean()) end -- edited")
    local status, _, err = explain({ "--from", scratch:path "first/explain.json" .. "#5" }, "changed")
    assert.are.equal(0, status, err)
    assert.is_truthy(err:find("warning: " .. script .. ": has changed since the record was made", 1, true), err)
    assert.is_falsy(err:find "image.png")
    local record = replay.read(scratch:path "first/explain.json" .. "#1")
    record.model_hash, record.image_hash = ("0"):rep(32), ("1"):rep(32)
    assert.are.equal(2, #replay.changes(record))
  end)

  it("refuses what it cannot repeat, and says why", function()
    local function fails(status, arguments, words)
      local got, _, err = explain(arguments, "bad")
      assert.are.equal(status, got, err)
      assert.is_truthy(err:find(words, 1, true), err)
    end
    local json = scratch:path "first/explain.json"
    fails(1, { "--from", json }, "say which")
    fails(1, { "--from", json .. "#9999" }, "record 9999 of")
    fails(1, { "--from", scratch:path "none.json" .. "#1" }, "none.json: no such file")
    fails(1, { "--from", script }, "mine.lua")
    fails(2, { "--from", json .. "#1", model }, "come from the record")
    fails(2, { "--from", json .. "#1", "--threshold", "otsu" }, "--threshold comes from the record")
    fails(2, { "--from", json .. "#1", "--ground-truth", truth }, "--ground-truth comes from the record")
    fails(2, {}, "the model is missing")
    fails(2, { model, image, "--ground-truth", truth, "--ground-truth", truth }, "2 masks for 1 images")
    local heat = assert(fovea.explain(assert(fovea.load(model)), assert(fovea.image.read(image)), {
      threshold = function(u) return u:gt(0.3) end }))
    local options, message = replay.options(heat:record())
    assert.is_nil(options)
    assert.matches("was a Lua function or a mask", message)
  end)

  it("lists the strategies with their parameters in its help", function()
    local _, out = command.run { "explain", "--help" }
    for _, name in ipairs(fovea.threshold.names()) do assert.is_truthy(out:find("\n  " .. name, 1, true), name) end
    assert.matches("low = 0.3, high = 0.6, connectivity = 0", out)
  end)
end)
