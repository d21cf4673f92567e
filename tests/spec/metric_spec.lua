-- Metrics on small maps with values worked out by hand (definitions 9.1, 9.3, 9.4; oracles 67 to 69).
local fovea = require "fovea"
local heatmap = require "fovea.heatmap"
local metric = require "fovea.metric"

-- A heat map whose grid is that of the picture: raw map, mask, and what else is given.
local function heat(raw, mask, fields)
  raw, mask = fovea.tensor(raw), fovea.tensor(mask)
  local all = { raw = raw, mask = mask, probability = mask, status = "OK",
    range = { min = raw:min(), max = raw:max(), sum = raw:sum() } }
  for key, value in pairs(fields or {}) do all[key] = value end
  return heatmap.new(all)
end

local function near(want, got) assert.is_true(math.abs(want - got) < 1e-6, ("%g is not %g"):format(got, want)) end
local function nan(value) assert.is_true(value ~= value, ("%s is not NaN"):format(value)) end

local MAP = { { 1, 2, -5 }, { 0, 4, 3 } }
local MASK = { { 0, 1, 1 }, { 0, 1, 0 } }

describe("metrics of localisation", function()
  it("energy_inside: what lies inside over all that is positive", function()
    near(6 / 10, metric.compute("energy_inside", heat(MAP, MASK)))
    nan(metric.compute("energy_inside", heat({ { -1, 0 } }, { { 1, 0 } })))
    near(0, metric.compute("energy_inside:ground_truth", heat(MAP, MASK), fovea.tensor { { 0, 0, 1 }, { 1, 0, 0 } }))
    near(4 / 10, metric.compute("energy_inside:ground_truth", heat(MAP, MASK),
      fovea.tensor { { 255, 0, 0 }, { 0, 0, 255 } }))
  end)

  it("energy_lift: 1 for a uniform map", function()
    near(0.6 * 6 / 3, metric.compute("energy_lift", heat(MAP, MASK)))
    near(1, metric.compute("energy_lift", heat({ { 2, 2, 2 }, { 2, 2, 2 } }, MASK)))
    nan(metric.compute("energy_lift:ground_truth", heat(MAP, MASK), fovea.zeros { 2, 3 }))
  end)

  it("pointing_game: the highest value, with a tolerance", function()
    near(1, metric.compute("pointing_game", heat(MAP, MASK)))
    local truth = fovea.tensor { { 1, 0, 0 }, { 0, 0, 0 } } -- the peak is a diagonal step away
    near(0, metric.compute("pointing_game:ground_truth", heat(MAP, MASK), truth))
    near(0, metric.compute("pointing_game:ground_truth,tolerance=1", heat(MAP, MASK), truth))
    near(1, metric.compute("pointing_game:ground_truth,tolerance=1.5", heat(MAP, MASK), truth))
  end)

  it("pointing_game: of several highest the first; a constant map and an empty reference have no answer", function()
    local value, status = metric.compute("pointing_game", heat({ { 3, 3, 1 } }, { { 1, 0, 0 } }))
    near(1, value)
    assert.equal("TIES", status)
    near(0, (metric.compute("pointing_game", heat({ { 3, 3, 1 } }, { { 0, 1, 0 } }))))
    value, status = metric.compute("pointing_game", heat({ { 3, 3, 3 } }, { { 0, 1, 0 } }))
    nan(value)
    assert.equal("TIES", status)
    nan((metric.compute("pointing_game:ground_truth", heat(MAP, MASK), fovea.zeros { 2, 3 })))
  end)

  it("roc_auc: pairs won, ties half", function()
    -- positive map 1 2 0 / 0 4 3; inside 2, 0, 4; outside 1, 0, 3: 2 wins 2, 0 ties 1, 4 wins 3
    near((2 + 0.5 + 3) / 9, metric.compute("roc_auc", heat(MAP, MASK)))
    near(0.5, metric.compute("roc_auc", heat({ { 2, 2, 2 }, { 2, 2, 2 } }, MASK)))
    near(1, metric.compute("roc_auc", heat({ { 0, 5 } }, { { 0, 1 } })))
    near(0, metric.compute("roc_auc", heat({ { 5, 0 } }, { { 0, 1 } })))
    nan(metric.compute("roc_auc", heat({ { 5, 0 } }, { { 1, 1 } })))
  end)
end)

describe("metrics of complexity", function()
  it("gini: 0 for a uniform map, (n - 1) / n for one pixel, the sign does not matter", function()
    near(0, metric.compute("gini", heat({ { -2, 2, 2 }, { 2, 2, -2 } }, MASK)))
    near(5 / 6, metric.compute("gini", heat({ { 0, 0, 0 }, { 0, -7, 0 } }, MASK)))
    -- ascending 0 1 2 3 4 5, n = 6: (-3 + -2 + 3 + 12 + 25) / (6 * 15)
    near(35 / 90, metric.compute("gini", heat(MAP, MASK)))
    nan(metric.compute("gini", heat({ { 0, 0 } }, { { 1, 0 } })))
  end)

  it("entropy: 0 for one pixel, ln n for a uniform map", function()
    near(0, metric.compute("entropy", heat({ { 0, 0, 0 }, { 0, -7, 0 } }, MASK)))
    near(math.log(6), metric.compute("entropy", heat({ { -2, 2, 2 }, { 2, 2, -2 } }, MASK)))
    near(1, metric.compute("entropy:yes", heat({ { -2, 2, 2 }, { 2, 2, -2 } }, MASK)))
    local p = { 1 / 15, 2 / 15, 5 / 15, 4 / 15, 3 / 15 }
    local want = 0
    for _, v in ipairs(p) do want = want - v * math.log(v) end
    near(want, metric.compute("entropy", heat(MAP, MASK)))
    nan(metric.compute("entropy", heat({ { 0, 0 } }, { { 1, 0 } })))
  end)
end)

describe("spearman", function()
  it("is 1 for the same order, -1 for the reverse, mid-ranks for ties", function()
    local same = fovea.tensor { { 0.2, 0.3, 0.1 }, { 0.1, 0.5, 0.4 } }
    near(1, metric.compute("spearman", heat(MAP, MASK, { probability = same })))
    near(-1, metric.compute("spearman", heat(MAP, MASK, { probability = -same })))
    -- ranks 1 2 3.5 3.5 against 1 2 3 4: covariance 4.5, variances 4.5 and 5
    near(4.5 / math.sqrt(4.5 * 5), metric.spearman(fovea.tensor { 1, 2, 9, 9 }, fovea.tensor { 1, 2, 3, 4 }))
    nan(metric.spearman(fovea.tensor { 1, 1 }, fovea.tensor { 1, 2 }))
    nan(metric.compute("spearman:image", heat(MAP, MASK)))
    near(metric.spearman(fovea.tensor(MAP):relu(), fovea.tensor(MASK)),
      metric.compute("spearman:target", heat(MAP, MASK)))
  end)
end)

describe("metric", function()
  it("has no value without target or ground truth", function()
    for _, name in ipairs(metric.names()) do
      nan((metric.compute(name, heat(MAP, MASK, { status = "EMPTY_TARGET" }))))
      nan((metric.compute(name, heat(MAP, MASK, { status = "NONFINITE" }))))
    end
    nan(metric.compute("energy_inside:ground_truth", heat(MAP, MASK)))
  end)

  it("reads names, texts, tables and functions", function()
    assert.equal("pointing_game:ground_truth,tolerance=15", metric.parse("pointing_game:ground_truth,15").spec)
    assert.equal("pointing_game:ground_truth,tolerance=15",
      metric.parse({ name = "pointing_game", reference = "ground_truth", tolerance = 15 }).spec)
    assert.is_true(metric.parse("roc_auc:ground_truth").needs_truth)
    assert.is_false(metric.parse("roc_auc").needs_truth)
    near(4, metric.compute(function(view) return view:map():max() end, heat(MAP, MASK)))
  end)

  it("says what is wrong", function()
    local function complaint(spec, ...)
      local ok, message = pcall(metric.parse, spec)
      assert.is_false(ok)
      for _, word in ipairs { ... } do assert.is_truthy(message:find(word, 1, true), message) end
    end
    complaint("energy_insid", "unknown metric", "did you mean 'energy_inside'")
    complaint("roc_auc:truth", "unknown reference 'truth'", "ground_truth")
    complaint("pointing_game:target,tolerance=far", "tolerance must be a number")
    complaint("gini:3", "too many arguments")
    complaint({ name = "pointing_game", tolerence = 3 }, "tolerence", "tolerance")
    complaint(3, "not a number")
    assert.has_error(function() metric.compute(function() return "x" end, heat(MAP, MASK)) end)
  end)

  it("has a summary and a text form of its own for each", function()
    for _, name in ipairs(metric.names()) do
      local one = require("fovea.metric." .. name)
      assert.equal(name, one.name)
      assert.equal("string", type(one.summary))
      assert.equal(name, metric.parse(name).spec)
    end
  end)
end)
