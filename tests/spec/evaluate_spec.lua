-- Segmentation metrics on small masks with values worked out by hand, and their edge cases.
local evaluate = require "fovea.evaluate"
local fovea = require "fovea"

local function near(want, got, tolerance)
  assert.is_true(math.abs(want - got) < (tolerance or 1e-6), ("%.9g is not %.9g"):format(got, want))
end
local function nan(value) assert.is_true(value ~= value, ("%s is not NaN"):format(value)) end

-- TP 2 (0.9, 0.6), FP 1 (0.8), FN 1 (0.4), TN 2 (0.1, 0.5: not above the threshold)
local P = fovea.tensor { { 0.9, 0.8, 0.1 }, { 0.4, 0.6, 0.5 } }
local T = fovea.tensor { { 1, 0, 0 }, { 1, 1, 0 } }
local EMPTY, FULL = fovea.zeros { 2, 3 }, fovea.full({ 2, 3 }, 1)

describe("overlap", function()
  it("counts", function()
    local s = evaluate.scores(P, T)
    near(4 / 6, s.dice)
    near(2 / 4, s.iou)
    near(2 / 3, s.sensitivity)
    near(2 / 3, s.specificity)
    near(2 / 3, s.precision)
    near(4 / 6, s.accuracy)
  end)

  it("the threshold is strict and can be chosen", function()
    near(4 / 7, evaluate.scores(P, T, { threshold = 0.499 }).dice) -- 0.5 is taken too: TP 2, FP 2, FN 1
    near(0, evaluate.scores(P, T, { threshold = 0.9 }).dice)
  end)

  it("both masks empty: agreement, and no sensitivity or precision", function()
    local s = evaluate.scores(EMPTY, EMPTY)
    near(1, s.dice)
    near(1, s.iou)
    near(1, s.specificity)
    near(1, s.accuracy)
    near(0, s.hd95)
    near(0, s.assd)
    for _, name in ipairs { "sensitivity", "precision", "auc", "auprc" } do nan(s[name]) end
  end)

  it("one mask empty: no overlap, no distance", function()
    local missed, invented = evaluate.scores(EMPTY, T), evaluate.scores(P, EMPTY)
    for _, s in ipairs { missed, invented } do
      near(0, s.dice)
      near(0, s.iou)
      nan(s.hd95)
      nan(s.assd)
    end
    near(0, missed.sensitivity)
    nan(missed.precision)
    nan(invented.sensitivity)
    near(0, invented.precision)
  end)

  it("no negatives: no specificity, no AUC, an average precision of 1", function()
    local s = evaluate.scores(P, FULL)
    nan(s.specificity)
    nan(s.auc)
    near(1, s.auprc)
    near(3 / 6, s.accuracy)
  end)

  it("outside of the field of view nothing counts", function()
    local fov = fovea.tensor { { 1, 0, 1 }, { 1, 1, 0 } } -- without the 0.8 and the 0.5
    local s = evaluate.scores(P, T, { fov = fov })
    near(4 / 5, s.dice)
    near(1, s.specificity)
    near(3 / 4, s.accuracy)
    near(1, s.auc)
    near(1, s.auprc)
    nan(evaluate.scores(P, T, { fov = EMPTY }).accuracy)
  end)

  it("a mask in place of probabilities", function()
    local s = evaluate.scores(nil, T, { prediction = fovea.tensor { { 7, 0, 0 }, { 0, 0, 0 } } })
    near(2 / 4, s.dice)
    nan(s.auc)
  end)
end)

describe("areas under curves", function()
  it("pairs won, ties half; precision at each threshold", function()
    -- inside 0.9 0.6 0.4, outside 0.8 0.5 0.1: wins 3, 2, 1
    local s = evaluate.scores(P, T)
    near(6 / 9, s.auc)
    near((1 / 1 + 2 / 3 + 3 / 5) / 3, s.auprc)
  end)

  it("equal probabilities are one threshold, wherever they stand", function()
    -- 0.7: one inside, two outside; 0.2: one inside, one outside
    for _, order in ipairs { { 1, 2, 3, 4, 5 }, { 3, 5, 1, 4, 2 } } do
      local p, t, values = {}, {}, { { 0.7, 1 }, { 0.7, 0 }, { 0.7, 0 }, { 0.2, 1 }, { 0.2, 0 } }
      for i, k in ipairs(order) do p[i], t[i] = values[k][1], values[k][2] end
      local s = evaluate.scores(fovea.tensor { p }, fovea.tensor { t }, { metrics = { "auc", "auprc" } })
      near((0.5 * 2 + 1 + 0.5 * 1) / (2 * 3), s.auc)
      near((1 / 3 + 2 / 5) / 2, s.auprc)
    end
  end)

  it("a constant map: chance", function()
    local s = evaluate.scores(fovea.full({ 2, 3 }, 0.3), T)
    near(0.5, s.auc)
    near(3 / 6, s.auprc)
  end)

  it("agrees with counting all pairs on random values with ties", function()
    local p = (fovea.uniform({ 300 }, { seed = 5 }) * 20):floor() / 20
    local t = (p * 0.5 + fovea.uniform({ 300 }, { seed = 6 })):gt(0.8)
    local pv, tv, wins, pairs_, precision, positives = p:values(), t:values(), 0, 0, 0, 0
    for i = 1, 300 do
      if tv[i] == 1 then
        local taken, right = 0, 0
        for j = 1, 300 do
          if pv[j] >= pv[i] then taken, right = taken + 1, right + tv[j] end
          if tv[j] == 0 then
            pairs_, wins = pairs_ + 1, wins + (pv[i] > pv[j] and 1 or pv[i] == pv[j] and 0.5 or 0)
          end
        end
        positives, precision = positives + 1, precision + right / taken
      end
    end
    local s = evaluate.scores(p:reshape { 1, 300 }, t:reshape { 1, 300 })
    near(wins / pairs_, s.auc, 1e-12)
    near(precision / positives, s.auprc, 1e-12)
  end)

  it("NaN in, NaN out", function()
    local p = fovea.tensor { { 0.1, 0 / 0, 0.3 } }
    nan(evaluate.scores(p, fovea.tensor { { 0, 1, 1 } }).auc)
  end)
end)

describe("surface distances", function()
  local function square(first, last, size)
    local mask = fovea.zeros { size or 12, size or 12 }
    for y = first, last do
      for x = first, last do mask:set(y, x, 1) end
    end
    return mask
  end

  it("the surface has a neighbour outside; the edge of the image is outside", function()
    local surface = require("fovea.evaluate.view").surface
    assert.equal(16 - 4, surface(square(3, 6)):count_nonzero())
    assert.equal(4 * 12 - 4, surface(square(1, 12)):count_nonzero())
    assert.equal(1, surface(square(5, 5)):count_nonzero())
  end)

  it("identical masks: 0", function()
    local s = evaluate.scores(square(3, 6), square(3, 6))
    near(0, s.hd95)
    near(0, s.assd)
  end)

  it("two points, in pixels and in mm", function()
    local a, b = fovea.zeros { 9, 9 }, fovea.zeros { 9, 9 }
    a:set(2, 2, 1)
    b:set(5, 6, 1)
    near(5, evaluate.scores(a, b).hd95)
    local s = evaluate.scores(a, b, { spacing = { 2, 0.5 } })
    near(math.sqrt(36 + 4), s.hd95)
    near(math.sqrt(36 + 4), s.assd)
  end)

  it("against a naive reference, with the two directions apart", function()
    local a, b, spacing = square(2, 5), square(3, 9), { 1, 3 }
    local function members(mask)
      local list = {}
      for y = 1, 12 do
        for x = 1, 12 do
          local function at(i, j) return i >= 1 and i <= 12 and j >= 1 and j <= 12 and mask:get(i, j) or 0 end
          if at(y, x) == 1 and at(y - 1, x) * at(y + 1, x) * at(y, x - 1) * at(y, x + 1) == 0 then
            list[#list + 1] = { y, x }
          end
        end
      end
      return list
    end
    local function directed(from, to)
      local list = {}
      for i, p in ipairs(from) do
        local best = math.huge
        for _, q in ipairs(to) do
          best = math.min(best, math.sqrt(((p[1] - q[1]) * spacing[1]) ^ 2 + ((p[2] - q[2]) * spacing[2]) ^ 2))
        end
        list[i] = best
      end
      table.sort(list)
      return list
    end
    local function percentile(list)
      local at = 1 + (#list - 1) * 0.95
      local low = math.floor(at)
      return list[low] + (at - low) * ((list[low + 1] or list[low]) - list[low])
    end
    local one, other, sum = directed(members(a), members(b)), directed(members(b), members(a)), 0
    for _, list in ipairs { one, other } do
      for _, d in ipairs(list) do sum = sum + d end
    end
    local s = evaluate.scores(a, b, { spacing = spacing })
    near(math.max(percentile(one), percentile(other)), s.hd95, 1e-5)
    near(sum / (#one + #other), s.assd, 1e-5)
  end)

  it("volumes", function()
    local a, b = fovea.zeros { 5, 4, 4 }, fovea.zeros { 1, 1, 5, 4, 4 }
    a:set(1, 2, 2, 1)
    b:set(1, 1, 4, 2, 2, 1)
    near(3, evaluate.scores(b, a).hd95)
    near(7.5, evaluate.scores(b, a, { spacing = { 2.5, 1, 1 } }).hd95)
  end)
end)

describe("misuse", function()
  it("names the shapes, the metric, the option", function()
    assert.error_matches(function() evaluate.scores(P, fovea.zeros { 3, 3 }) end, "probability is 2x3, the mask 3x3")
    assert.error_matches(function() evaluate.scores(P, T, { metrics = { "dise" } }) end, "did you mean 'dice'")
    assert.error_matches(function() evaluate.scores(P, T, { treshold = 1 }) end, "did you mean 'threshold'")
    assert.error_matches(function() evaluate.scores(P, T, { spacing = { 1 } }) end, "spacing has 1 numbers")
    assert.error_matches(function() evaluate.scores(nil, T) end, "neither a probability")
  end)

  it("the names come in the order of tables", function()
    assert.equal("dice iou sensitivity specificity precision accuracy auc auprc hd95 assd",
      table.concat(evaluate.names(), " "))
  end)
end)

describe("the summary", function()
  it("mean, sample deviation, median; what does not exist is counted apart", function()
    local rows = {}
    for i, value in ipairs { 0.2, 0.6, 0 / 0, 0.7, 0.9 } do rows[i] = { dice = value } end
    local s = evaluate.summarise(rows).dice
    assert.equal(4, s.n)
    assert.equal(1, s.missing)
    near(0.6, s.mean)
    near(math.sqrt((0.16 + 0 + 0.01 + 0.09) / 3), s.sd)
    near(0.65, s.median)
    assert.is_true(s.low < 0.6 and s.high > 0.6 and s.low >= 0.2 and s.high <= 0.9)
  end)

  it("the interval of many normal values is mean ± 1.96 standard errors", function()
    local rows = {}
    for i, value in ipairs(fovea.normal({ 400 }, { seed = 3 }):values()) do rows[i] = { dice = value } end
    local s = evaluate.summarise(rows, { resamples = 4000 }).dice
    local error_of_mean = s.sd / math.sqrt(400)
    near(s.mean - 1.96 * error_of_mean, s.low, 0.15 * error_of_mean)
    near(s.mean + 1.96 * error_of_mean, s.high, 0.15 * error_of_mean)
  end)

  it("of two values: both ends are possible means", function()
    local s = evaluate.summarise({ { iou = 0 }, { iou = 1 } }).iou
    near(0, s.low)
    near(1, s.high)
  end)

  it("is the same for the same seed, and another for another", function()
    local rows = {}
    for i, value in ipairs(fovea.uniform({ 9 }, { seed = 8 }):values()) do rows[i] = { dice = value, iou = value } end
    local a, b = evaluate.summarise(rows), evaluate.summarise(rows)
    assert.same(a, b)
    assert.not_equal(a.dice.low, evaluate.summarise(rows, { seed = 1 }).dice.low)
  end)

  it("of one value or none there is no interval", function()
    local s = evaluate.summarise({ { dice = 0.5, hd95 = 0 / 0 } })
    nan(s.dice.low)
    nan(s.dice.sd)
    assert.equal(0, s.hd95.n)
    nan(s.hd95.mean)
    assert.is_nil(s.iou)
  end)
end)
