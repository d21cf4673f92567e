local core = require "fovea.core"
local fovea = require "fovea"
local nd = require "support.nd"
local op_check = require "support.op_check"

--- Entry of a per-axis option.
local function axis(value, i, fallback)
  if value == nil then return fallback end
  return type(value) == "table" and value[i] or value
end

local function reference(arrays, attrs)
  local src, shape, taps, steps = arrays[1], {}, {}, {}
  shape[1], shape[2] = src.shape[1], src.shape[2]
  for i = 1, #src.shape - 2 do
    local k, d, pad = axis(attrs.kernel, i), axis(attrs.dilation, i, 1), axis(attrs.pad, i, 0)
    local stride = axis(attrs.stride, i, k)
    local padded = src.shape[i + 2] + pad + axis(attrs.pad_end, i, pad)
    local out = (padded - d * (k - 1) - 1) / stride
    out = (attrs.ceil and math.ceil(out) or math.floor(out)) + 1
    if attrs.ceil and (out - 1) * stride >= src.shape[i + 2] + pad then out = out - 1 end
    shape[i + 2], taps[i], steps[i] = out, k, { stride = stride, dilation = d, pad = pad }
  end
  return nd.build(shape, function(at)
    local best, from = -math.huge, { at[1], at[2] }
    for tap in nd.indices(taps) do
      for i, s in ipairs(steps) do from[i + 2] = (at[i + 2] - 1) * s.stride + (tap[i] - 1) * s.dilation - s.pad + 1 end
      local flat = src:at(from)
      if flat then best = math.max(best, src.data[flat]) end
    end
    return best
  end)
end

local function case(src, attrs)
  op_check.case { op = "max_pool", sources = { { shape = src } }, attrs = attrs, reference = reference,
    step = 1e-6, label = table.concat(src, "x") }
end

--- Runs a pool of one image; value, gradient for a seed of 1, 2, 3, ..., and implementations.
local function run(values, height, width, attrs)
  local g = core.graph()
  local x = g:input { 1, 1, height, width }
  attrs[1] = x
  local y = g:max_pool(attrs)
  local plan = assert(g:plan { mode = "explain", taps = { y }, seeds = { y }, gradients = { x } })
  plan:set_input(x, fovea.tensor({ 1, 1, height, width }, values))
  assert(plan:forward())
  local seed = fovea.zeros(y:shape())
  for i = 1, y:shape()[4] do seed:set(1, 1, 1, i, i) end
  plan:set_seed(y, seed)
  assert(plan:backward())
  return plan:value(y):values(), plan:gradient(x):values()
end

describe("max_pool", function()
  it("matches the naive maximum in 1 to 3 dimensions", function()
    case({ 2, 3, 8 }, { kernel = 2 })
    case({ 1, 5, 7, 9 }, { kernel = 3, stride = 2, pad = 1 })
    case({ 2, 17, 6, 6 }, { kernel = 2 })
    case({ 1, 3, 4, 6, 5 }, { kernel = 2 })
    case({ 2, 3, 5, 4, 5 }, { kernel = 3, stride = { 1, 2, 2 }, pad = 1 })
  end)

  it("takes kernels, strides and padding per axis", function()
    case({ 1, 3, 8, 7 }, { kernel = { 2, 3 }, stride = { 1, 2 }, pad = { 0, 1 }, pad_end = { 1, 2 } })
    case({ 1, 3, 8, 7 }, { kernel = 3, stride = 1, pad = 0, pad_end = 2 })
  end)

  it("rounds up without windows that begin behind the end", function()
    case({ 1, 3, 7, 8 }, { kernel = 2, ceil = true })
    case({ 1, 3, 7, 10 }, { kernel = 3, stride = 2, ceil = true })
    case({ 1, 3, 5, 6 }, { kernel = 2, stride = 3, pad = 1, ceil = true })
    case({ 1, 3, 3, 6, 7 }, { kernel = 2, ceil = true })
  end)

  it("takes dilation", function()
    case({ 1, 3, 9, 8 }, { kernel = 3, stride = 1, dilation = 2, pad = 2 })
    case({ 2, 17, 9, 8 }, { kernel = { 2, 3 }, stride = 2, dilation = { 3, 1 }, pad = 1, ceil = true })
    case({ 1, 3, 11 }, { kernel = 3, stride = 1, dilation = 3 })
    case({ 1, 2, 5, 6, 5 }, { kernel = 2, stride = 1, dilation = 2 })
  end)

  it("gives the gradient to the first of equal maxima", function()
    for dilation = 1, 2 do
      local values, gradient = run({ 5, 5, 5, 5, 5, 5, 5, 5, 5 }, 3, 3,
        { kernel = 2, stride = 1, dilation = dilation, ceil = true })
      assert.same(5, values[1])
      assert.same(1, gradient[1])
    end
    local _, gradient = run({ 0, 7, 7, 0, 7, 7, 0, 0 }, 2, 4, { kernel = 2 })
    assert.same({ 0, 1, 2, 0, 0, 0, 0, 0 }, gradient)
  end)

  it("never lets padding win", function()
    local values = run({ -3, -2, -5, -4 }, 2, 2, { kernel = 3, stride = 1, pad = 1 })
    assert.same({ -2, -2, -2, -2 }, values)
    values = run({ -3, -2, -5, -4 }, 2, 2, { kernel = 2, stride = 1, dilation = 2, pad = 1 })
    assert.same({ -4, -5, -2, -3 }, values)
  end)

  it("names what does not fit", function()
    op_check.fails("max_pool", { { 3, 8 } }, { kernel = 2 }, "3x8", "3 to 5 dimensions")
    op_check.fails("max_pool", { { 1, 3, 2, 8 } }, { kernel = 3 }, "1x3x2x8", "window has 3", "axis 3")
    op_check.fails("max_pool", { { 1, 3, 8, 8 } }, { kernel = 2, pad = 2 }, "padding 2", "only 2")
    op_check.fails("max_pool", { { 1, 3, 8, 8 } }, { kernel = { 2, 2, 2 } }, "kernel has 3 entries")
    op_check.fails("max_pool", { { 1, 3, 8, 8 } }, { kernel = 0 }, "kernel must be at least 1")
    op_check.fails("max_pool", { { 1, 3, 8, 8 } }, {}, "'kernel' is required")
    op_check.fails("max_pool", { { 1, 3, 8, 8 } }, { kernel = 2, ceil_mode = true }, "unknown option 'ceil_mode'")
  end)
end)
