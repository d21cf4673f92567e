local alloc_sweep = require "support.alloc_sweep"
local core = require "fovea.core"
local fovea = require "fovea"
local nd = require "support.nd"
local op_check = require "support.op_check"

local functions = {
  add = function(a, b) return a + b end,
  sub = function(a, b) return a - b end,
  mul = function(a, b) return a * b end,
  div = function(a, b) return a / b end,
  min = math.min,
  max = math.max,
}

--- Size of an array along axis i of `rank` axes, aligned at the right.
local function size(array, i, rank)
  return array.shape[i - rank + #array.shape] or 1
end

--- Element of an array that is stretched to the index list.
local function stretched(array, index)
  local own, missing = {}, #index - #array.shape
  for i, d in ipairs(array.shape) do own[i] = d == 1 and 1 or index[i + missing] end
  return array:get(own)
end

local function reference(op)
  return function(arrays)
    local a, b = arrays[1], arrays[2]
    local rank, shape = math.max(#a.shape, #b.shape), {}
    for i = 1, rank do shape[i] = math.max(size(a, i, rank), size(b, i, rank)) end
    return nd.build(shape, function(at) return functions[op](stretched(a, at), stretched(b, at)) end)
  end
end

local function case(op, a, b, given)
  given = given or {}
  op_check.case { op = op, reference = reference(op), probes = 2,
    label = table.concat(a, "x") .. " " .. table.concat(b, "x"),
    sources = { { shape = a, param = given.first },
      { shape = b, min = op == "div" and 0.5 or -1, param = given.second } } }
end

--- Values of an op and its gradients (seed 1).
local function run(op, a, b)
  local g = core.graph()
  local x, y = g:input { #a }, g:input { #b }
  local z = g[op](g, { x, y })
  local plan = assert(g:plan { mode = "explain", taps = { z }, seeds = { z }, gradients = { x, y } })
  plan:set_input(x, fovea.tensor({ #a }, a))
  plan:set_input(y, fovea.tensor({ #b }, b))
  assert(plan:forward())
  plan:set_seed(z, fovea.full(z:shape(), 1))
  assert(plan:backward())
  return plan:value(z):values(), plan:gradient(x):values(), plan:gradient(y):values()
end

describe("binary", function()
  for op in pairs(functions) do
    it(op .. " broadcasts in every way, gradients are summed back", function()
      case(op, { 2, 3, 4, 5 }, { 2, 3, 4, 5 })
      case(op, { 2, 3, 4, 5 }, { 1, 3, 1, 1 })
      case(op, { 2, 1, 4, 5 }, { 2, 3, 4, 5 })
      case(op, { 2, 3, 1, 1 }, { 1, 3, 4, 5 })
      case(op, { 2, 3, 4, 5 }, { 3, 4, 5 })
      case(op, { 5 }, { 2, 3, 4, 5 })
      case(op, { 2, 3, 4, 5 }, { 1 })
    end)
  end

  it("works on vectors, matrices, signals, volumes", function()
    case("mul", { 7 }, { 7 })
    case("sub", { 3, 5 }, { 3, 1 })
    case("mul", { 4, 1 }, { 1, 3 })
    case("div", { 2, 3, 9 }, { 3, 1 })
    case("mul", { 2, 3, 2, 3, 4 }, { 2, 3, 1, 1, 1 })
    case("add", { 1, 3, 2, 3, 4 }, { 1, 1, 2, 3, 4 })
    case("sub", { 1, 3, 2, 3, 4 }, { 3, 4 })
  end)

  it("takes parameters and constants", function()
    case("mul", { 2, 3, 4, 5 }, { 1, 3, 1, 1 }, { second = true })
    case("add", { 2, 3, 4, 5 }, { 3, 1, 1 }, { second = true })
    case("div", { 1 }, { 2, 3, 4, 5 }, { first = true })
    case("mul", { 2, 3, 4, 5 }, { 2, 3, 4, 5 }, { second = true })
  end)

  it("sums long runs over many channels", function()
    case("mul", { 1, 13, 9, 31 }, { 1, 13, 1, 1 })
    case("mul", { 1, 1, 2, 3 }, { 1, 300, 2, 3 })
    case("mul", { 2, 300, 2, 2 }, { 300, 1, 1 })
    case("sub", { 1, 3, 17, 31 }, { 1 })
  end)

  it("gives one source both gradients", function()
    local g = core.graph()
    local x = g:input { 3 }
    local y = g:mul { x, x }
    local plan = assert(g:plan { mode = "explain", taps = { y }, seeds = { y }, gradients = { x } })
    plan:set_input(x, fovea.tensor { 1, 2, -3 })
    assert(plan:forward())
    plan:set_seed(y, fovea.tensor { 1, 1, 1 })
    assert(plan:backward())
    assert.same({ 2, 4, -6 }, plan:gradient(x):values())
  end)

  it("halves the gradient of equal sources in min and max, lets NaN win", function()
    for _, op in ipairs { "min", "max" } do
      local low = op == "min" and 1 or 0
      local values, da, db = run(op, { 1, 2, 3 }, { 2, 2, 2 })
      assert.same(op == "min" and { 1, 2, 2 } or { 2, 2, 3 }, values)
      assert.same({ low, 0.5, 1 - low }, da)
      assert.same({ 1 - low, 0.5, low }, db)
      values = run(op, { 0 / 0, 1 }, { 1, 0 / 0 })
      assert(values[1] ~= values[1] and values[2] ~= values[2])
    end
  end)

  it("refuses shapes that do not broadcast", function()
    op_check.fails("add", { { 1, 3, 4, 5 }, { 1, 2, 4, 5 } }, {}, "1x3x4x5", "1x2x4x5")
    op_check.fails("mul", { { 3, 4 }, { 3 } }, {}, "3x4", "3")
    op_check.fails("max", { { 3, 4 } }, {}, "sources")
    op_check.fails("max", { { 3, 4 }, { 4 } }, { axis = 1 }, "unknown option 'axis'")
  end)

  it("notices every allocation that fails while it is planned", function()
    for _, op in ipairs { "add", "mul", "max" } do
      local g = core.graph()
      local x = g:input { 1, 8, 6, 6 }
      local y = g[op](g, { g:relu { x }, x })
      alloc_sweep(function()
        local plan, message, code = g:plan { mode = "explain", taps = { y }, seeds = { y }, gradients = { x },
          fold = false }
        if not plan then return nil, message, code end
        return true
      end)
    end
  end)
end)
