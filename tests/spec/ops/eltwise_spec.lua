local core = require "fovea.core"
local fovea = require "fovea"
local nd = require "support.nd"
local op_check = require "support.op_check"

--- erf in doubles: its power series.
local function erf(x)
  local sum, term, n = x, x, 0
  repeat
    n = n + 1
    term = -term * x * x / n
    sum = sum + term / (2 * n + 1)
  until math.abs(term) < 1e-17 * math.abs(sum) or x == 0
  return sum * 2 / math.sqrt(math.pi)
end

local function sigmoid(x) return 1 / (1 + math.exp(-x)) end
local function tanh(x) return 2 * sigmoid(2 * x) - 1 end
local function clip(x, low, high) return math.min(math.max(x, low), high) end

local functions = {
  relu = function(x) return math.max(x, 0) end,
  leaky_relu = function(x, a) return x > 0 and x or (a.alpha or 0.01) * x end,
  elu = function(x, a) return x > 0 and x or (a.alpha or 1) * (math.exp(x) - 1) end,
  clip = function(x, a) return clip(x, a.min or -math.huge, a.max or math.huge) end,
  sigmoid = sigmoid,
  tanh = tanh,
  silu = function(x) return x * sigmoid(x) end,
  hard_swish = function(x) return x * clip(x / 6 + 0.5, 0, 1) end,
  gelu = function(x, a)
    if a.approximate == "tanh" then
      return 0.5 * x * (1 + tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x ^ 3)))
    end
    return 0.5 * x * (1 + erf(x / math.sqrt(2)))
  end,
  exp = math.exp,
  sqrt = math.sqrt,
  abs = math.abs,
  neg = function(x) return -x end,
}

--- Checks an op over 1 to 5 dimensions, batches and odd sizes.
local function check(op, attrs, min, max)
  local f = functions[op]
  for _, shape in ipairs { { 7 }, { 2, 3, 5 }, { 2, 5, 3, 4 }, { 1, 3, 2, 3, 3 } } do
    op_check.case { op = op, attrs = attrs, sources = { { shape = shape, min = min or -4, max = max or 4 } },
      probes = 3, label = #shape .. "-D",
      reference = function(arrays, given)
        local out = nd.new(arrays[1].shape)
        for i, x in ipairs(arrays[1].data) do out.data[i] = f(x, given) end
        return out
      end }
  end
end

--- Values and derivatives (seed 1) of an op at the given points.
local function at(op, points, attrs)
  local g = core.graph()
  local x = g:input { #points }
  local args = { x }
  for k, v in pairs(attrs or {}) do args[k] = v end
  local y = g[op](g, args)
  local plan = assert(g:plan { mode = "explain", taps = { y }, seeds = { y }, gradients = { x } })
  plan:set_input(x, fovea.tensor({ #points }, points))
  assert(plan:forward())
  plan:set_seed(y, fovea.full({ #points }, 1))
  assert(plan:backward())
  return plan:value(y):values(), plan:gradient(x):values()
end

describe("eltwise", function()
  for op in pairs(functions) do
    it(op .. " matches its formula and its derivative", function()
      check(op, {}, op == "sqrt" and 0.1 or nil)
    end)
  end

  it("takes options", function()
    check("leaky_relu", { alpha = 0.3 })
    check("elu", { alpha = 0.7 })
    check("clip", { min = -1, max = 2 })
    check("clip", { min = 0.5 })
    check("clip", { max = 6 }, 0, 12)
    check("gelu", { approximate = "tanh" })
  end)

  it("has slope 0 at kinks and bounds", function()
    local _, slopes = at("relu", { 0, -0.0, 1e-30, -1e-30 })
    assert.same({ 0, 0, 1, 0 }, slopes)
    _, slopes = at("clip", { 0, 6, 3, 7, -1 }, { min = 0, max = 6 })
    assert.same({ 0, 0, 1, 0, 0 }, slopes)
    _, slopes = at("abs", { 0, 2, -2 })
    assert.same({ 0, 1, -1 }, slopes)
  end)

  it("stays finite far out", function()
    local far = { 100, -100, 1e4, -1e4, 1e30, -1e30 }
    assert.same({ 1, 0, 1, 0, 1, 0 }, (at("sigmoid", far)))
    assert.same({ 1, -1, 1, -1, 1, -1 }, (at("tanh", far)))
    for _, op in ipairs { "sigmoid", "tanh", "silu", "hard_swish", "gelu", "elu" } do
      local values, slopes = at(op, far)
      for i = 1, #far do
        assert(math.abs(values[i]) <= math.abs(far[i]) * 1.001, ("%s(%g) is %g"):format(op, far[i], values[i]))
        assert(math.abs(slopes[i]) <= 1.001, ("%s'(%g) is %g"):format(op, far[i], slopes[i]))
      end
    end
  end)

  it("keeps the digits of small probabilities", function()
    local values = at("sigmoid", { -10, -20, -50, -80 })
    for i, x in ipairs { -10, -20, -50, -80 } do
      assert(math.abs(values[i] / sigmoid(x) - 1) < 1e-6, ("sigmoid(%g) is %.9g"):format(x, values[i]))
    end
  end)

  it("refuses what makes no sense", function()
    op_check.fails("clip", { { 2, 3 } }, { min = 1, max = 0 }, "min is 1", "max is 0")
    op_check.fails("gelu", { { 2, 3 } }, { approximate = "fast" }, "'none', 'tanh'")
    op_check.fails("relu", { { 2, 3 } }, { slope = 1 }, "unknown option 'slope'")
    op_check.fails("relu", { { 2, 3 }, { 2, 3 } }, {}, "sources")
  end)
end)
