local core = require "fovea.core"
local fovea = require "fovea"
local nd = require "support.nd"
local op_check = require "support.op_check"

--- Entry of a per-axis option.
local function axis(value, i, fallback)
  if value == nil then return fallback end
  return type(value) == "table" and value[i] or value
end

--- First and last position of a window (from 1, inside the source), and how many positions count.
local function window(o, a, size, include_pad)
  local first = (o - 1) * a.stride - a.pad + 1
  local last = math.min(first + a.kernel - 1, size + a.pad_end)
  local clipped = { math.max(first, 1), math.min(last, size) }
  return clipped[1], clipped[2], include_pad and last - first + 1 or clipped[2] - clipped[1] + 1
end

local function reference(arrays, attrs)
  local src, shape, axes = arrays[1], { arrays[1].shape[1], arrays[1].shape[2] }, {}
  for i = 1, #src.shape - 2 do
    local a = { kernel = axis(attrs.kernel, i), pad = axis(attrs.pad, i, 0) }
    a.stride, a.pad_end = axis(attrs.stride, i, a.kernel), axis(attrs.pad_end, i, a.pad)
    local out = (src.shape[i + 2] + a.pad + a.pad_end - a.kernel) / a.stride
    out = (attrs.ceil and math.ceil(out) or math.floor(out)) + 1
    if attrs.ceil and (out - 1) * a.stride >= src.shape[i + 2] + a.pad then out = out - 1 end
    shape[i + 2], axes[i] = out, a
  end
  return nd.build(shape, function(at)
    local sum, divisor, first, extent = 0, 1, {}, {}
    for i, a in ipairs(axes) do
      local from, to, count = window(at[i + 2], a, src.shape[i + 2], attrs.include_pad)
      first[i], extent[i], divisor = from, to - from + 1, divisor * count
    end
    local position = { at[1], at[2] }
    for k in nd.indices(extent) do
      for i = 1, #axes do position[i + 2] = first[i] + k[i] - 1 end
      sum = sum + src:get(position)
    end
    return sum / divisor
  end)
end

local function case(src, attrs)
  op_check.case { op = "avg_pool", sources = { { shape = src } }, attrs = attrs, reference = reference,
    label = table.concat(src, "x") }
end

local function both(src, attrs)
  case(src, attrs)
  attrs.include_pad = true
  case(src, attrs)
end

describe("avg_pool", function()
  it("matches the naive mean in 1 to 3 dimensions", function()
    case({ 2, 3, 8 }, { kernel = 2 })
    case({ 2, 17, 6, 6 }, { kernel = 2 })
    case({ 1, 3, 4, 6, 5 }, { kernel = 2 })
  end)

  it("counts padding or not", function()
    both({ 1, 5, 7, 9 }, { kernel = 3, stride = 2, pad = 1 })
    both({ 1, 3, 8, 7 }, { kernel = { 2, 3 }, stride = { 1, 2 }, pad = { 0, 1 }, pad_end = { 1, 2 } })
    both({ 2, 3, 5, 4, 5 }, { kernel = 3, stride = { 1, 2, 2 }, pad = 1 })
  end)

  it("rounds up; what lies behind the padding never counts", function()
    both({ 1, 3, 7, 8 }, { kernel = 2, ceil = true })
    both({ 2, 3, 8, 10 }, { kernel = 3, stride = 2, pad = 1, ceil = true })
    both({ 1, 3, 5, 6 }, { kernel = 2, stride = 3, pad = 1, ceil = true })
    both({ 1, 5, 8 }, { kernel = 3, stride = 2, pad = 1, ceil = true })
    both({ 1, 2, 3, 6, 6 }, { kernel = 3, stride = 2, pad = { 1, 1, 0 }, ceil = true })
  end)

  it("has PyTorch's divisor in a rounded-up corner", function()
    local g = core.graph()
    local x = g:input { 1, 1, 4, 4 }
    local y = g:avg_pool { x, kernel = 3, stride = 2, pad = 1, ceil = true, include_pad = true }
    local plan = assert(g:plan { taps = { y } })
    plan:set_input(x, fovea.full({ 1, 1, 4, 4 }, 36))
    assert(plan:forward())
    -- The corner window covers one element and 3 of padding: 36 / 4.
    assert.same({ 16, 24, 12, 24, 36, 18, 12, 18, 9 }, plan:value(y):values())
  end)

  it("names what does not fit", function()
    op_check.fails("avg_pool", { { 3, 8 } }, { kernel = 2 }, "3x8", "3 to 5 dimensions")
    op_check.fails("avg_pool", { { 1, 3, 2, 8 } }, { kernel = 3 }, "1x3x2x8", "window has 3", "axis 3")
    op_check.fails("avg_pool", { { 1, 3, 8, 8 } }, { kernel = 2, pad_end = 2 }, "padding 0 and 2")
    op_check.fails("avg_pool", { { 1, 3, 8, 8 } }, {}, "'kernel' is required")
    op_check.fails("avg_pool", { { 1, 3, 8, 8 } }, { kernel = 2, dilation = 2 }, "unknown option 'dilation'")
  end)
end)
