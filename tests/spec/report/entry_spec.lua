-- Records as a page takes them: what is not as it should be counts as not there.
local entry = require "fovea.report.entry"

local function record()
  return { model = "m.onnx", image = "i.png", layer = "dec", layer_shape = { 1, 2, 3, 4 }, method = "gradcam",
    threshold = { spec = "otsu", value = 0.25 }, pixels = 7, score = { kind = "logit", reduction = "sum", value = 1.5 },
    range = { min = -1, max = 2 }, status = "OK", statuses = { "OK" }, picture = "a.png",
    view = { map = "view/a.png", size = { 10, 20 }, place = { 0, 0, 20, 10 }, scores = { dice = 0.5 },
      inside = { target = 0.75 }, share = { target = 0.1 } } }
end

describe("an entry", function()
  it("holds what a record of explain says", function()
    local map = assert(entry.explain(record(), "out dir", 3))
    assert.same({ "m.onnx", "i.png", "dec", "gradcam", "otsu", 0.25, 7, "logit", 1.5 }, { map.model, map.image,
      map.layer, map.method, map.threshold, map.threshold_value, map.pixels, map.score, map.score_value })
    assert.same({ 10, 20 }, map.view.size)
    assert.same({ dice = 0.5 }, map.view.scores)
    assert.equal("fovea explain --from 'out dir/explain.json#3' --out again", map.command)
    assert.equal("fovea explain --from 'it'\\''s/explain.json#1' --out again",
      entry.explain(record(), "it's", 1).command)
  end)

  it("is a failure where there is no map", function()
    local map, failure = entry.explain({ model = "m", image = "i.png", error = "no such file", code = "io" }, "d", 1)
    assert.is_nil(map)
    assert.same({ model = "m", image = "i.png", error = "no such file", code = "io" }, failure)
    for _, broken in ipairs { 5, "text", {}, { layer = 7 } } do
      assert.equal("record 2 holds no map", select(2, entry.explain(broken, "d", 2)).error)
    end
  end)

  it("survives any type at any place", function()
    local strange = { 1, "text", true, {}, { 1, "a" }, { x = { y = {} } }, -1e300, 0 / 0 }
    for key in pairs(record()) do
      for _, value in ipairs(strange) do
        local broken = record()
        broken[key] = value
        local map, failure = entry.explain(broken, "d", 1)
        assert.is_truthy(map or failure)
      end
    end
    for key in pairs(record().view) do
      for _, value in ipairs(strange) do
        local broken = record()
        broken.view[key] = value
        local map = assert(entry.explain(broken, "d", 1))
        assert.is_true(map.view.size == nil or #map.view.size == 2)
      end
    end
  end)

  it("holds the maps of a record of run, and its failure", function()
    local result = record()
    result.score, result.overlay, result.metrics = 4, "overlays/x.png", { gini = 0.5 }
    local maps, failure = entry.run({ case = "1f", model = "m", image = "i", layer = "dec", threshold = "otsu",
      method = "gradcam", score = "probability", results = { result, result } }, "d")
    assert.is_nil(failure)
    assert.same({ 2, "dec", "probability", 4, "overlays/x.png", 0.5 }, { #maps, maps[1].layer, maps[1].score,
      maps[1].score_value, maps[1].picture, maps[1].metrics.gini })
    maps, failure = entry.run({ model = "m", image = "i", layer = "dec", threshold = "otsu", error = "broken" }, "d")
    assert.same({ 0, "broken", "dec  otsu" }, { #maps, failure.error, failure.what })
  end)

  it("reads the scores of a run", function()
    local rows = { { model = "a", metric = "dice", mean = "0.5", low = "0.4", high = "0.6", n = "3", missing = "1" },
      { model = "a", metric = "hd95", mean = "NaN", n = "0", missing = "4" },
      { model = "b", metric = "dice", mean = "0.25", low = "NaN", high = "NaN", n = "1", missing = "0" },
      { model = "c" } }
    assert.same({ { model = "a", data = "run", images = 4, failed = 0,
      summary = { dice = { mean = 0.5, low = 0.4, high = 0.6, n = 3 } } }, { model = "b", data = "run", images = 1,
      failed = 0, summary = { dice = { mean = 0.25, n = 1 } } } }, entry.summary(rows, "run"))
  end)

  it("reads an evaluation", function()
    local found = entry.evaluation { model = "m", data = { phantom = "fundus" }, images = { {}, {} }, failed = 1,
      summary = { dice = { mean = 0.5, low = 0.4, high = 0.6, n = 2 }, hd95 = { n = 0 } } }
    assert.same({ model = "m", data = "fundus", images = 2, failed = 1,
      summary = { dice = { mean = 0.5, low = 0.4, high = 0.6, n = 2 } } }, found)
    assert.is_nil(entry.evaluation { model = "m" })
    assert.is_nil(entry.evaluation "text")
  end)
end)
