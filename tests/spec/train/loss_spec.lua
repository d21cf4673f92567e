-- Losses: values by hand, values and gradients against formulas in double precision and their finite differences.
local core = require "fovea.core"
local fovea = require "fovea"
local near = require "support.near"
local part = require "fovea.train.part"

--- Value and gradient of a loss with options.
local function loss(given, logits, target, activation)
  local found = part.find("loss", given)
  return found.module.value(logits, target, found.options, activation or "sigmoid")
end

-- naive formulas over z[n][k][i] and t[n][k][i] ----------------------------------------------------------------------

local function sigmoid(row) -- of one position
  local p = {}
  for k, z in ipairs(row) do p[k] = 1 / (1 + math.exp(-z)) end
  return p
end

local function softmax(row)
  local p, sum = {}, 0
  for k, z in ipairs(row) do
    p[k] = math.exp(z)
    sum = sum + p[k]
  end
  for k in ipairs(row) do p[k] = p[k] / sum end
  return p
end

--- Calls f(n, k, probability, target) for each element.
local function each(z, t, activation, f)
  for n in ipairs(z) do
    for i in ipairs(z[n][1]) do
      local row = {}
      for k in ipairs(z[n]) do row[k] = z[n][k][i] end
      for k, p in ipairs((activation == "softmax" and softmax or sigmoid)(row)) do f(n, k, p, t[n][k][i]) end
    end
  end
end

local naive = {}

function naive.cross_entropy(z, t, activation, o)
  local sum, weights, count = 0, 0, 0
  each(z, t, activation, function(_, k, p, y)
    local w, g = o.weights and o.weights[k] or 1, o.gamma or 0
    count, weights = count + 1, weights + w * y
    sum = sum - w * (o.positive or 1) * y * (1 - p) ^ g * math.log(p)
    if activation == "sigmoid" then sum = sum - w * (o.negative or 1) * (1 - y) * p ^ g * math.log(1 - p) end
  end)
  return sum / (activation == "sigmoid" and count or weights)
end

function naive.overlap(z, t, activation, o)
  local sets, loss_sum, weights, images = {}, 0, 0, o.per_image and #z or 1
  each(z, t, activation, function(n, k, p, y)
    local key = (o.per_image and n or 1) * 100 + k
    local s = sets[key] or { k = k, tp = 0, fp = 0, fn = 0 }
    sets[key] = s
    s.tp, s.fp, s.fn = s.tp + p * y, s.fp + p * (1 - y), s.fn + (1 - p) * y
  end)
  for k = 1, #z[1] do weights = weights + (o.weights and o.weights[k] or 1) end
  for _, s in pairs(sets) do
    local ratio = (s.tp + o.smooth) / (s.tp + o.alpha * s.fp + o.beta * s.fn + o.smooth)
    loss_sum = loss_sum + (o.weights and o.weights[s.k] or 1) * (1 - ratio)
  end
  return loss_sum / weights / images
end

function naive.dice(z, t, activation, o)
  return naive.overlap(z, t, activation, { alpha = 0.5, beta = 0.5, smooth = (o.smooth or 1) / 2,
    per_image = o.per_image, weights = o.weights })
end

naive.bce = naive.cross_entropy
naive.tversky = naive.overlap

function naive.focal(z, t, activation, o)
  local gamma = o.gamma or 2
  if activation == "softmax" then
    return naive.cross_entropy(z, t, activation, { gamma = gamma, weights = o.weights })
  end
  local alpha = o.alpha or 0.25
  return naive.cross_entropy(z, t, activation, { gamma = gamma, positive = alpha, negative = 1 - alpha,
    weights = o.weights })
end

function naive.dice_bce(z, t, activation, o)
  return (o.dice or 1) * naive.dice(z, t, activation, o)
    + (o.bce or 1) * naive.cross_entropy(z, t, activation, { positive = o.positive, weights = o.weights })
end

-- cases --------------------------------------------------------------------------------------------------------------

local function nested(tensor)
  local shape = tensor:shape()
  return tensor:reshape { shape[1], shape[2], shape[3] * shape[4] }:to_table()
end

local function one_hot(shape, seed)
  local winner = fovea.uniform({ shape[1], shape[2], shape[3], shape[4] }, { seed = seed }):argmax(2)
  local planes = {}
  for k = 1, shape[2] do planes[k] = winner:eq(k):reshape { shape[1], 1, shape[3], shape[4] } end
  return assert(fovea.concat(planes, 2))
end

--- Compares value and gradient with a naive formula.
local function check(name, options, activation, channels, target)
  local shape = { 2, channels, 3, 4 }
  local logits = fovea.uniform(shape, { seed = 3, min = -3, max = 3 })
  target = target or fovea.uniform(shape, { seed = 4 })
  local given = { name = name }
  for key, value in pairs(options) do given[key] = value end
  local value, gradient = loss(given, logits, target, activation)
  local z, t = nested(logits), nested(target)
  near.number(naive[name](z, t, activation, options), value, 1e-6, name)
  local slopes, h = {}, 1e-5
  for n in ipairs(z) do
    for k in ipairs(z[n]) do
      for i, at in ipairs(z[n][k]) do
        z[n][k][i] = at + h
        local up = naive[name](z, t, activation, options)
        z[n][k][i] = at - h
        slopes[#slopes + 1] = (up - naive[name](z, t, activation, options)) / (2 * h)
        z[n][k][i] = at
      end
    end
  end
  near.values(slopes, gradient, 1e-7)
end

local TVERSKY = { alpha = 0.3, beta = 0.7, smooth = 1 }

describe("a loss", function()
  it("of binary cross-entropy", function()
    check("bce", {}, "sigmoid", 1)
    check("bce", { positive = 3, weights = { 1, 0.5, 2 } }, "sigmoid", 3)
    check("bce", {}, "sigmoid", 1, one_hot({ 2, 2, 3, 4 }, 8):slice(2, 1, 1))
  end)

  it("of cross-entropy", function()
    check("cross_entropy", {}, "softmax", 3, one_hot({ 2, 3, 3, 4 }, 9))
    check("cross_entropy", { weights = { 0.2, 1, 3 } }, "softmax", 3, one_hot({ 2, 3, 3, 4 }, 9))
    check("cross_entropy", {}, "softmax", 2)
  end)

  it("of Dice", function()
    check("dice", {}, "sigmoid", 1)
    check("dice", { smooth = 0, per_image = true, weights = { 1, 2 } }, "sigmoid", 2)
    check("dice", { weights = { 0, 1, 2 } }, "softmax", 3, one_hot({ 2, 3, 3, 4 }, 9))
    check("dice", { per_image = true }, "softmax", 2)
  end)

  it("of Tversky", function()
    check("tversky", TVERSKY, "sigmoid", 2)
    check("tversky", { alpha = 1, beta = 0.2, smooth = 0.1, per_image = true }, "softmax", 3)
  end)

  it("of focal loss", function()
    check("focal", {}, "sigmoid", 2)
    check("focal", { gamma = 0.5, alpha = 0.6, weights = { 1, 3 } }, "sigmoid", 2)
    check("focal", { gamma = 1 }, "softmax", 3, one_hot({ 2, 3, 3, 4 }, 9))
    check("focal", { gamma = 2.5, weights = { 1, 2 } }, "softmax", 2)
    check("focal", { gamma = 0, alpha = 0.5 }, "sigmoid", 1)
  end)

  it("of Dice and cross-entropy", function()
    check("dice_bce", {}, "sigmoid", 1)
    check("dice_bce", { dice = 0.3, bce = 2, positive = 4 }, "sigmoid", 2)
    check("dice_bce", { dice = 0.3 }, "softmax", 3, one_hot({ 2, 3, 3, 4 }, 9))
  end)

  it("has values that can be worked out by hand", function()
    local z, t = fovea.tensor { { { { 0, 0 } } } }, fovea.tensor { { { { 1, 0 } } } }
    near.number(math.log(2), (loss("bce", z, t)))
    near.number(0.5 * 0.25 * math.log(2), (loss({ name = "focal", alpha = 0.5 }, z, t)))
    near.number(1 - (2 * 0.5 + 1) / (1 + 1 + 1), (loss("dice", z, t))) -- p = 1/2, 1/2; t = 1, 0
    near.number(1 - 1.5 / (0.5 + 0.15 + 0.35 + 1), (loss("tversky", z, t)))
    local three = fovea.tensor { { { { math.log(2) } }, { { math.log(3) } }, { { math.log(5) } } } }
    local second = fovea.tensor { { { { 0 } }, { { 1 } }, { { 0 } } } }
    local value, gradient = loss("cross_entropy", three, second, "softmax")
    near.number(-math.log(0.3), value)
    near.values({ 0.2, -0.7, 0.5 }, gradient)
  end)

  it("is finite and exact at both ends", function()
    local z, t = fovea.tensor { { { { 200, -200, 200, -200 } } } }, fovea.tensor { { { { 1, 0, 0, 1 } } } }
    local value, gradient = loss("bce", z, t)
    near.number(100, value)
    near.values({ 0, 0, 0.25, -0.25 }, gradient)
    for _, name in ipairs { "dice", "tversky", "focal", "dice_bce" } do
      local number, slope = loss(name, z, t)
      assert.is_true(number == number and slope:is_finite(), name)
    end
    local pair = fovea.tensor { { { { 300, -300 } }, { { -300, 300 } } } }
    local truth = fovea.tensor { { { { 1, 1 } }, { { 0, 0 } } } }
    near.number(300, (loss("cross_entropy", pair, truth, "softmax")))
    local _, slope = loss({ name = "focal", gamma = 0.5 }, pair, truth, "softmax")
    assert.is_true(slope:is_finite())
  end)

  it("of empty masks is 0 when nothing is predicted and nothing is smoothed", function()
    local z, t = fovea.full({ 1, 1, 2, 2 }, -1e4), fovea.zeros { 1, 1, 2, 2 }
    local value, gradient = loss({ name = "dice", smooth = 0 }, z, t)
    assert.are.equal(0, value)
    assert.are.equal(0, gradient:abs():max())
  end)

  it("does not depend on the number of threads", function()
    local z, t = fovea.normal({ 3, 2, 150, 150 }, { seed = 1 }), fovea.uniform({ 3, 2, 150, 150 }, { seed = 2 }):gt(0.7)
    local before = fovea.threads()
    local texts = {}
    for _, threads in ipairs { 1, 2, 5 } do
      fovea.threads(threads)
      for _, activation in ipairs { "sigmoid", "softmax" } do
        for _, name in ipairs { "dice_bce", "focal", "tversky" } do
          local value, gradient = loss(name, z, t, activation)
          local key = activation .. name
          local text = ("%.17g %s"):format(value, gradient:hash())
          texts[key] = texts[key] or text
          assert.are.equal(texts[key], text)
        end
      end
    end
    fovea.threads(before)
  end)

  it("refuses what does not fit", function()
    local z = fovea.zeros { 1, 1, 2, 2 }
    assert.has_error(function() core.train.cross_entropy(z, fovea.zeros { 1, 1, 2, 3 }) end)
    assert.has_error(function() core.train.cross_entropy(z, z, { softmax = true }) end)
    assert.has_error(function() core.train.cross_entropy(z, z, { gamma = -1 }) end)
    assert.has_error(function() core.train.overlap(z, z, { alpha = -1 }) end)
    assert.has_error(function() core.train.overlap(z, z, { weights = { 1, 2 } }) end)
    assert.has_error(function() core.train.overlap(z, z, { smoth = 1 }) end)
  end)
end)
