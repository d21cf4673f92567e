local core = require "fovea.core"
local fovea = require "fovea"
local nd = require "support.nd"
local op_check = require "support.op_check"

local function log1p(x) return x < 1e-5 and x - x * x / 2 or math.log(1 + x) end

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

local function softplus(x) return math.max(x, 0) + log1p(math.exp(-math.abs(x))) end

--- tanh(softplus(x)), its terms multiplied out.
local function gate(x)
  local e = math.exp(-math.abs(x))
  if x >= 0 then return (1 + 2 * e) / (1 + 2 * e + 2 * e * e) end
  return e * (e + 2) / (e * (e + 2) + 2)
end

local functions = {
  erf = erf,
  log = function(x) return math.log(x) end,
  reciprocal = function(x) return 1 / x end,
  softplus = softplus,
  mish = function(x) return x * gate(x) end,
  hard_sigmoid = function(x, a) return math.min(math.max((a.alpha or 1 / 6) * x + (a.beta or 0.5), 0), 1) end,
  selu = function(x, a)
    local alpha, gamma = a.alpha or 1.67326319217681884765625, a.gamma or 1.05070102214813232421875
    return gamma * (x > 0 and x or alpha * (math.exp(x) - 1))
  end,
  pow = function(x, a) return x ^ a.exponent end,
}

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

--- Runs an op over a list of points; values and derivatives (seed 1).
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

--- Every value within 1e-6 of the reference, relative to itself, over points that float32 holds exactly.
local function accurate(op, first, last, step, attrs)
  local points = {}
  for x = first, last, step do points[#points + 1] = x end
  local values = at(op, points, attrs)
  for i, x in ipairs(points) do
    local want = functions[op](x, attrs or {})
    if math.abs(values[i] - want) > 1e-6 * math.abs(want) then
      error(("%s(%g) is %.9g, the reference has %.9g"):format(op, x, values[i], want))
    end
  end
end

describe("eltwise_own", function()
  it("matches the formulas and their derivatives", function()
    for _, op in ipairs { "erf", "softplus", "mish", "hard_sigmoid", "selu" } do check(op, {}) end
    check("log", {}, 0.1)
    check("reciprocal", {}, 0.5)
  end)

  it("takes options", function()
    check("hard_sigmoid", { alpha = 0.2, beta = 0.4 })
    check("selu", { alpha = 1.2, gamma = 0.9 })
    for _, exponent in ipairs { 0, 1, 2, 3, 4, -1, -2, 5, 0.5, -0.5, 2.5 } do
      check("pow", { exponent = exponent }, 0.5, 2)
    end
    check("pow", { exponent = 3 })
    check("pow", { exponent = 5 })
  end)

  it("keeps all digits of small and large values", function()
    accurate("softplus", -86, 30, 0.25)
    accurate("mish", -80, 30, 0.25)
    accurate("log", 0.0078125, 4, 0.0078125)
    accurate("log", 16, 65536, 1024)
    accurate("erf", -2, 2, 0.03125)
    accurate("selu", -20, 2, 0.0625)
    accurate("selu", -0.01, 0, 2 ^ -10)
  end)

  it("handles the ends of the number range", function()
    local huge = math.huge
    local far = { 100, -200, 1e30, -1e30, 3e38, -3e38 }
    local values, slopes
    for _, op in ipairs { "softplus", "mish" } do
      values, slopes = at(op, far)
      assert.same({ 1, 0, 1, 0, 1, 0 }, slopes)
      assert(values[1] == 100 and values[2] == 0 and values[4] == 0 and values[6] == 0, op)
      assert(values[3] / 1e30 > 0.999 and values[5] < huge, op)
    end
    values = at("log", { 0, huge, -1, 1e-40, 1 })
    assert(values[1] == -huge and values[2] == huge and values[3] ~= values[3] and values[5] == 0)
    assert(math.abs(values[4] - math.log(1e-40)) < 1e-3)
    values, slopes = at("pow", { 0, 2 }, { exponent = 0 })
    assert.same({ 1, 1 }, values)
    assert.same({ 0, 0 }, slopes)
  end)

  it("lets NaN through", function()
    for op in pairs(functions) do
      local value = at(op, { 0 / 0 }, op == "pow" and { exponent = 2 } or {})[1]
      assert(value ~= value, op)
    end
  end)

  it("refuses what makes no sense", function()
    op_check.fails("pow", { { 2, 3 } }, {}, "'exponent' is required")
    op_check.fails("pow", { { 2, 3 } }, { exponent = "two" }, "'exponent' must be a number")
    op_check.fails("selu", { { 2, 3 } }, { beta = 1 }, "unknown option 'beta'")
  end)
end)
