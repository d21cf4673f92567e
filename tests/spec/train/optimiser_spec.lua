-- Optimisers against their published update rules, worked out here element by element in double precision.
local core = require "fovea.core"
local fovea = require "fovea"
local near = require "support.near"
local part = require "fovea.train.part"

local START = { 0.5, -1.25, 2, 0 }

--- Gradient of step t for element i: anything that changes sign.
local function slope(t, i) return math.sin(1.7 * t + i) * (i == 4 and 1e-3 or 1) end

local RATES = { 0.1, 0.1, 0.05, 0.05, 0.02, 0.02 }

--- Weights after each step of the optimiser.
local function run(given, scale)
  local optimiser = part.find("optimiser", given)
  local w, slots, trace = fovea.tensor({ 2, 2 }, START), {}, {}
  for _, name in ipairs(optimiser.module.slots(optimiser.options)) do slots[name] = fovea.zeros { 2, 2 } end
  for t, rate in ipairs(RATES) do
    local values = {}
    for i = 1, 4 do values[i] = slope(t, i) end
    optimiser.module.update(w, fovea.tensor({ 2, 2 }, values), slots,
      optimiser.module.settings(optimiser.options, { step = t, rate = rate, scale = scale or 1 }))
    trace[t] = w:values()
  end
  return trace
end

--- The same by a rule: rule(state, w, g, rate, t) gives the new weight.
local function by_rule(rule, scale)
  local trace, w, states = {}, { table.unpack(START) }, { {}, {}, {}, {} }
  for t, rate in ipairs(RATES) do
    for i = 1, 4 do w[i] = rule(states[i], w[i], (scale or 1) * slope(t, i), rate, t) end
    trace[t] = { table.unpack(w) }
  end
  return trace
end

local function check(given, rule, scale)
  local got, wanted = run(given, scale), by_rule(rule, scale)
  for t = 1, #RATES do
    for i = 1, 4 do near.number(wanted[t][i], got[t][i], 2e-6, ("step %d, weight %d"):format(t, i)) end
  end
end

local function moments(s, g, b1, b2)
  s.m = b1 * (s.m or 0) + (1 - b1) * g
  s.v = b2 * (s.v or 0) + (1 - b2) * g * g
  return s.m, s.v
end

describe("an optimiser", function()
  it("sgd: plain, with momentum, with Nesterov's", function()
    check({ name = "sgd", momentum = 0, decay = 0.1 }, function(_, w, g, rate) return w - rate * (g + 0.1 * w) end)
    check({ name = "sgd", momentum = 0.8 }, function(s, w, g, rate)
      s.m = 0.8 * (s.m or 0) + g
      return w - rate * s.m
    end)
    check({ name = "sgd", momentum = 0.9, nesterov = true, decay = 0.05 }, function(s, w, g, rate)
      g = g + 0.05 * w
      s.m = 0.9 * (s.m or 0) + g
      return w - rate * (g + 0.9 * s.m)
    end, 0.5)
  end)

  it("adam, with decay in the gradient", function()
    check({ name = "adam", decay = 0.02 }, function(s, w, g, rate, t)
      local m, v = moments(s, g + 0.02 * w, 0.9, 0.999)
      return w - rate * (m / (1 - 0.9 ^ t)) / (math.sqrt(v / (1 - 0.999 ^ t)) + 1e-8)
    end)
    check({ name = "adam", beta1 = 0.5, beta2 = 0.9, epsilon = 1e-3 }, function(s, w, g, rate, t)
      local m, v = moments(s, g, 0.5, 0.9)
      return w - rate * (m / (1 - 0.5 ^ t)) / (math.sqrt(v / (1 - 0.9 ^ t)) + 1e-3)
    end, 0.25)
  end)

  it("adamw, with decay beside it", function()
    check({ name = "adamw", decay = 0.3 }, function(s, w, g, rate, t)
      local m, v = moments(s, g, 0.9, 0.999)
      return w * (1 - rate * 0.3) - rate * (m / (1 - 0.9 ^ t)) / (math.sqrt(v / (1 - 0.999 ^ t)) + 1e-8)
    end)
  end)

  --- Dozat's Nadam as Keras writes it: m_bar = (1 - mu) g' + mu' m'.
  local function nadam(d, epsilon)
    return function(s, w, g, rate, t)
      local function mu(at) return 0.9 * (1 - 0.5 * 0.96 ^ (at * d)) end
      local m, v = moments(s, g, 0.9, 0.999)
      s.product = (s.product or 1) * mu(t)
      local g_hat, m_hat = g / (1 - s.product), m / (1 - s.product * mu(t + 1))
      local bar = (1 - mu(t)) * g_hat + mu(t + 1) * m_hat
      return w - rate * bar / (math.sqrt(v / (1 - 0.999 ^ t)) + epsilon)
    end
  end

  it("nadam, as PyTorch and early Keras, and as Keras 3", function()
    check("nadam", nadam(0.004, 1e-8))
    check({ name = "nadam", momentum_decay = 1, epsilon = 1e-7 }, nadam(1, 1e-7))
  end)

  it("nadam goes on from any step", function()
    local optimiser = part.find("optimiser", "nadam")
    local at = { step = 5000, rate = 1, scale = 1 }
    local settings = optimiser.module.settings(optimiser.options, at)
    near.number(1 - 0.9 * (1 - 0.5 * 0.96 ^ 20), settings.rate_g, 1e-9)
  end)

  it("does the same for any number of threads and length", function()
    local before, hashes = fovea.threads(), {}
    for _, threads in ipairs { 1, 3 } do
      fovea.threads(threads)
      local w, g = fovea.normal({ 100003 }, { seed = 1 }), fovea.normal({ 100003 }, { seed = 2 })
      local m, v = fovea.zeros { 100003 }, fovea.zeros { 100003 }
      for t = 1, 3 do core.train.adam(w, g, m, v, { rate_m = 0.1 / t, epsilon = 1e-8 }) end
      hashes[#hashes + 1] = w:hash() .. m:hash() .. v:hash()
    end
    fovea.threads(before)
    assert.are.equal(hashes[1], hashes[2])
  end)

  it("refuses other shapes", function()
    local a, b = fovea.zeros { 3 }, fovea.zeros { 4 }
    assert.has_error(function() core.train.sgd(a, b, nil, { rate = 1 }) end)
    assert.has_error(function() core.train.sgd(a, a, b, { rate = 1 }) end)
    assert.has_error(function() core.train.sgd(a, a, nil, { momentum = 0.5 }) end)
    assert.has_error(function() core.train.adam(a, a, a, b, {}) end)
  end)

  it("square_sum adds in double precision", function()
    near.number(3e8 + 9, core.train.square_sum(fovea.tensor { 1e4, 1e4, 1e4, 3 }), 1e-15)
    assert.are.equal(0, core.train.square_sum(fovea.zeros { 0 }))
  end)
end)
