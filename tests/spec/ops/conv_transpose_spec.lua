local nd = require "support.nd"
local op_check = require "support.op_check"

local function axis(value, i, fallback)
  if value == nil then return fallback end
  return type(value) == "table" and (value[i] or value[1]) or value
end

--- Scatters every source element times its kernel.
local function reference(arrays, attrs)
  local src, weights, bias = arrays[1], arrays[2], arrays[3]
  local rank, groups = #src.shape, attrs.groups or 1
  local per_group_in, per_group_out = weights.shape[1] // groups, weights.shape[2]
  local shape = { src.shape[1], per_group_out * groups }
  for i = 3, rank do
    local pad = axis(attrs.pad, i - 2, 0)
    shape[i] = (src.shape[i] - 1) * axis(attrs.stride, i - 2, 1) - pad - axis(attrs.pad_end, i - 2, pad)
      + axis(attrs.dilation, i - 2, 1) * (weights.shape[i] - 1) + 1 + axis(attrs.output_pad, i - 2, 0)
  end
  local dst = nd.build(shape, function(at) return bias and bias.data[at[2]] or 0 end)
  local kernel = { table.unpack(weights.shape, 2) }
  local taps, to = nd.count(kernel), {}
  for at in nd.indices(src.shape) do
    local x, w = src:get(at), (at[2] - 1) * taps
    for tap in nd.indices(kernel) do
      w = w + 1
      to[1], to[2] = at[1], (at[2] - 1) // per_group_in * per_group_out + tap[1]
      for i = 3, rank do
        to[i] = (at[i] - 1) * axis(attrs.stride, i - 2, 1) + (tap[i - 1] - 1) * axis(attrs.dilation, i - 2, 1)
          - axis(attrs.pad, i - 2, 0) + 1
      end
      if dst:at(to) then dst:add(to, x * weights.data[w]) end
    end
  end
  return dst
end

local function case(src, weights, attrs, with_bias)
  local sources = { { shape = src }, { shape = weights, param = true } }
  if with_bias then sources[3] = { shape = { weights[2] * (attrs.groups or 1) }, param = true } end
  op_check.case { op = "conv_transpose", sources = sources, attrs = attrs, reference = reference }
end

describe("conv_transpose", function()
  it("matches the naive scatter and its gradients in 1 to 3 dimensions", function()
    case({ 2, 3, 5 }, { 3, 4, 2 }, { stride = 2 }, true)
    case({ 1, 3, 4, 5 }, { 3, 4, 2, 2 }, { stride = 2 }, true)
    case({ 1, 2, 3, 2, 3 }, { 2, 3, 2, 2, 2 }, { stride = 2 }, true)
  end)

  it("takes padding, output padding, dilation and groups", function()
    case({ 1, 3, 4, 5 }, { 3, 2, 3, 3 }, { stride = 2, pad = 1, output_pad = 1 }, true)
    case({ 1, 3, 4, 5 }, { 3, 2, 3, 3 }, { stride = 2, pad = 0, output_pad = 1 }, true)
    case({ 1, 3, 4, 5 }, { 3, 2, 4, 4 }, { stride = 2, pad = { 1, 2 }, pad_end = { 2, 1 } })
    case({ 1, 2, 4, 4 }, { 2, 3, 3, 3 }, { dilation = 2 })
    case({ 1, 4, 4, 4 }, { 4, 3, 2, 2 }, { stride = 2, groups = 2 }, true)
    case({ 1, 4, 4, 4 }, { 4, 1, 3, 3 }, { stride = 2, groups = 4, pad = 1 }, true)
    case({ 1, 2, 3, 3, 3 }, { 2, 2, 3, 3, 3 }, { stride = 2, pad = 1, output_pad = 1 })
  end)

  it("names what does not fit", function()
    op_check.fails("conv_transpose", { { 1, 3, 8, 8 }, { 2, 4, 2, 2 } }, {}, "1x3x8x8", "2x4x2x2")
    op_check.fails("conv_transpose", { { 1, 3, 1, 1 }, { 3, 4, 2, 2 } }, { pad = 2 }, "nothing is left")
  end)
end)
