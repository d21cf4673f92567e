local fovea = require "fovea"
local tiny = require "support.tiny_net"

describe("sweep_thresholds", function()
  local model, input = tiny.model(), tiny.input()
  local eigen = { name = "squared", first_order = false, map = function(a, g) return (a * g):relu():sum { 2,
    keep_dims = true } end }

  local function sweep(options)
    options.layers = options.layers or "enc*.relu"
    return assert(fovea.sweep_thresholds(model, input, options))
  end

  it("gives the maps of each threshold, from bands (oracle 10)", function()
    for _, reduction in ipairs { "sum", "mean" } do
      for _, score in ipairs { "logit", "probability" } do
        local methods = { "gradcam", "hirescam", eigen }
        local found = sweep { from = 0.4, to = 0.52, steps = 7, methods = methods, reduction = reduction,
          score = score }
        assert.are.equal(6, #found.series)
        for i, tau in ipairs(found.thresholds) do
          local alone = assert(fovea.explain_all(model, input, { layers = "enc*.relu", threshold = tau,
            methods = methods, reduction = reduction, score = score }))
          for n, series in ipairs(found.series) do
            local heat = series.maps[i]
            assert.are.equal(alone[n].layer, heat.layer)
            assert.are.equal(alone[n].method, heat.method)
            assert.are.equal(alone[n].count, heat.count)
            assert.are.equal(alone[n].status, heat.status)
            assert.are.equal(alone[n].score.value, heat.score.value)
            assert.is_true(alone[n].mask:equal(heat.mask))
            local scale = math.max(alone[n].raw:abs():max(), 1e-6)
            assert.is_true((alone[n].raw - heat.raw):abs():max() <= 2e-5 * scale, heat.method)
          end
        end
      end
    end
  end)

  it("costs one backward pass per level that has pixels", function()
    local found = sweep { thresholds = { 0, 0.001, 0.5, 0.9999, 1 } }
    assert.are.equal(2, found.backward_passes)
    assert.same({ 120, 120, found.counts[3], 0, 0 }, found.counts)
    assert.are.equal("EMPTY_TARGET", found.maps[4].status)
    assert.are.equal(0, found.maps[5].raw:abs():max())
  end)

  it("has a stability curve (R8)", function()
    local found = sweep { layers = "enc2.relu", thresholds = { 0.44, 0.46, 0.48, 1 }, reference = 0.465 }
    assert.are.equal(2, found.reference)
    local curve, area, covered = found:stability()
    assert.are.near(1, curve[2], 1e-9)
    assert.is_true(curve[4] ~= curve[4]) -- an empty target has no order
    assert.are.near((curve[1] + 2 * curve[2] + curve[3]) / 4, area, 1e-9)
    assert.are.near(0.04 / 0.56, covered, 1e-9)
    local function ranks(list)
      local out = {}
      for i, v in ipairs(list) do
        local less, equal = 0, 0
        for _, w in ipairs(list) do
          if w < v then less = less + 1 elseif w == v then equal = equal + 1 end
        end
        out[i] = less + (equal + 1) / 2
      end
      return out
    end
    local a, b = ranks(found.maps[1].raw:relu():values()), ranks(found.maps[2].raw:relu():values())
    local mean, ab, aa, bb = (#a + 1) / 2, 0, 0, 0
    for i in ipairs(a) do
      local x, y = a[i] - mean, b[i] - mean
      ab, aa, bb = ab + x * y, aa + x * x, bb + y * y
    end
    assert.are.near(ab / math.sqrt(aa * bb), curve[1], 1e-5)
    local two = sweep { layers = "enc2.relu", thresholds = { 0.44, 0.46, 0.48 } }
    local c, mean_height = two:stability()
    assert.are.near((c[1] + 2 * c[2] + c[3]) / 4, mean_height, 1e-9)
  end)

  it("draws a strip and a plot, and prints", function()
    local found = sweep { steps = 5, from = 0.3, to = 0.7, methods = { "gradcam", "hirescam" } }
    local strip = found:strip { columns = 3, series = 2 }
    assert.are.equal(3, strip:shape()[1])
    assert.is_true(strip:shape()[3] > 3 * strip:shape()[2] / 2)
    local picture = found:plot { width = 400, height = 200 }
    assert.same({ 3, 400, 400 }, picture:shape())
    assert.is_true(picture:min() >= 0 and picture:max() <= 255 and picture:std() > 1)
    local text = tostring(found)
    assert.matches("5 thresholds, 4 series", text)
    assert.matches("%(reference%)", text)
    assert.matches("enc2.relu hirescam: stability", text)
  end)

  it("refuses what it cannot do", function()
    local function refuses(options, words)
      assert.error_matches(function() fovea.sweep_thresholds(model, input, options) end, words)
    end
    refuses({ steps = 0 }, "steps must be")
    refuses({ step = 3 }, "did you mean 'steps'")
    refuses({ from = -1 }, "not a probability")
    refuses({ from = 0.9, to = 0.1 }, "must rise")
    refuses({ thresholds = {} }, "no thresholds")
    refuses({ threshold = 0.5 }, "unknown option 'threshold'")
    assert.is_nil((fovea.sweep_thresholds(model, fovea.zeros { 1, 3, 12, 10 })))
  end)

  it("sweeps volumes", function()
    local deep = tiny.model { input = { 1, 2, false, false, false } }
    local found = assert(fovea.sweep_thresholds(deep, tiny.input { 1, 2, 4, 6, 5 }, { steps = 4, from = 0.3, to = 0.6,
      layers = "enc2.relu" }))
    assert.are.equal(3, #found.maps[1].raw:shape())
    assert.are.equal(2, select(2, found:plot():shape()[1], 2))
  end)
end)

describe("plot", function()
  local plot = require "fovea.plot"

  it("chooses round ticks", function()
    local function same(want, got)
      assert.are.equal(#want, #got)
      for i in ipairs(want) do assert.are.near(want[i], got[i], 1e-9) end
    end
    same({ 0, 0.2, 0.4, 0.6, 0.8, 1 }, plot.ticks(0, 1, 5))
    same({ -10, 0, 10, 20 }, plot.ticks(-12, 23, 4))
    same({ 2000, 4000 }, plot.ticks(1500, 5000, 3))
  end)

  it("draws lines with gaps, and constants", function()
    local picture = plot.lines { lines = { { x = { 0, 1, 2 }, y = { 0, 0 / 0, 1 }, label = "a" } }, width = 300,
      height = 200, mark = 1, title = "t" }
    assert.same({ 3, 200, 300 }, picture:shape())
    assert.is_true(picture:is_finite())
    assert.is_true(plot.lines { lines = { { x = { 1 }, y = { 5 } } } }:is_finite())
    assert.error_matches(function() plot.lines { line = {} } end, "did you mean 'lines'")
  end)
end)
