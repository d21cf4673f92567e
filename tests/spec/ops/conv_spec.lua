local core = require "fovea.core"
local fovea = require "fovea"
local nd = require "support.nd"
local op_check = require "support.op_check"

--- Entry of a per-axis option.
local function axis(value, i, fallback)
  if value == nil then return fallback end
  return type(value) == "table" and (value[i] or value[1]) or value
end

local function conv_reference(arrays, attrs)
  local src, weights, bias = arrays[1], arrays[2], arrays[3]
  local rank, groups = #src.shape, attrs.groups or 1
  local shape = { src.shape[1], weights.shape[1] }
  for i = 3, rank do
    local k, d = weights.shape[i], axis(attrs.dilation, i - 2, 1)
    local pad = axis(attrs.pad, i - 2, 0)
    local size = src.shape[i] + pad + axis(attrs.pad_end, i - 2, pad)
    shape[i] = (size - (d * (k - 1) + 1)) // axis(attrs.stride, i - 2, 1) + 1
  end
  local per_group_in, per_group_out = weights.shape[2], weights.shape[1] // groups
  local kernel, position = { table.unpack(weights.shape, 2) }, {}
  local taps = nd.count(kernel)
  return nd.build(shape, function(at)
    local sum, w = bias and bias.data[at[2]] or 0, (at[2] - 1) * taps
    local first = (at[2] - 1) // per_group_out * per_group_in
    for tap in nd.indices(kernel) do
      w = w + 1
      position[1], position[2] = at[1], first + tap[1]
      for i = 3, rank do
        position[i] = (at[i] - 1) * axis(attrs.stride, i - 2, 1) + (tap[i - 1] - 1) * axis(attrs.dilation, i - 2, 1)
          - axis(attrs.pad, i - 2, 0) + 1
      end
      sum = sum + src:get(position) * weights.data[w]
    end
    return sum
  end)
end

local function case(src, weights, attrs, with_bias)
  local sources = { { shape = src }, { shape = weights, param = true } }
  if with_bias then sources[3] = { shape = { weights[1] }, param = true } end
  op_check.case { op = "conv", sources = sources, attrs = attrs, reference = conv_reference }
end

--- Gradient of a sum of conv_sum parts (or of conv, for one) with respect to each of them, and what computed it.
local function gradients(conv, mode)
  local g, sources, taps = core.graph(), {}, {}
  local channels = 0
  for i, count in ipairs(conv.channels) do
    local shape = { 2, count, table.unpack(conv.size) }
    sources[i], channels = g:input(shape), channels + count
    taps[i] = fovea.normal(shape, { seed = i })
  end
  local weights = g:param(fovea.normal({ conv.out, channels, table.unpack(conv.kernel) }, { seed = 9 }))
  local attrs = { #sources == 1 and sources[1] or g:concat(sources), weights }
  for key, value in pairs(conv.attrs) do attrs[key] = value end
  local y = g:conv(attrs)
  local plan = assert(g:plan { mode = mode, taps = { y }, seeds = { y }, gradients = sources, exact = true })
  for i, source in ipairs(sources) do assert(plan:set_input(source, taps[i])) end
  assert(plan:forward())
  local seed = fovea.normal(y:shape(), { seed = 8 })
  assert(plan:set_seed(y, seed))
  assert(plan:backward())
  local found, left, turned = {}, (assert(plan:value(y)) * seed):sum(), 0
  for i, source in ipairs(sources) do
    found[i] = assert(plan:gradient(source))
    left = left - (found[i] * taps[i]):sum()
  end
  for _, step in ipairs(plan:steps()) do
    if step.implementation == "turn:own" then turned = turned + 1 end
  end
  return found, left / (y:shape()[2] * seed:count()), turned
end

describe("conv", function()
  it("matches the naive sum and its gradients in 1 to 3 dimensions", function()
    case({ 2, 3, 7 }, { 4, 3, 3 }, { pad = 1 }, true)
    case({ 1, 3, 8, 7 }, { 5, 3, 3, 3 }, { pad = 1 }, true)
    case({ 2, 3, 5, 4, 6 }, { 2, 3, 2, 3, 3 }, { pad = 1 }, true)
  end)

  it("takes stride, dilation, asymmetric padding and no bias", function()
    case({ 1, 2, 9, 8 }, { 3, 2, 3, 2 }, { stride = { 2, 3 }, pad = { 1, 0 }, pad_end = { 2, 1 } })
    case({ 1, 2, 9, 9 }, { 3, 2, 3, 3 }, { dilation = 2, pad = 2 })
    case({ 1, 16, 5, 4 }, { 16, 16, 3, 3 }, { dilation = 3, pad = 3 })
    case({ 1, 17, 5, 4 }, { 19, 17, 1, 1 }, { stride = 2 })
  end)

  it("takes groups and depthwise kernels", function()
    case({ 1, 4, 6, 6 }, { 6, 2, 3, 3 }, { groups = 2, pad = 1 }, true)
    case({ 1, 5, 6, 6 }, { 5, 1, 3, 3 }, { groups = 5, pad = 1, stride = 2 }, true)
    case({ 2, 32, 3, 3 }, { 32, 1, 3, 3 }, { groups = 32, pad = 1 }, true)
    case({ 1, 4, 4, 4, 4 }, { 4, 1, 3, 3, 3 }, { groups = 4, pad = 1 })
  end)

  it("does an activation in the same step", function()
    local functions = {
      relu = function(x) return math.max(x, 0) end,
      leaky_relu = function(x) return x > 0 and x or 0.1 * x end,
      elu = function(x) return x > 0 and x or 0.5 * (math.exp(x) - 1) end,
      clip = function(x) return math.min(math.max(x, -0.2), 0.6) end,
      sigmoid = function(x) return 1 / (1 + math.exp(-x)) end,
    }
    local constants = { leaky_relu = { 0.1 }, elu = { 0.5 }, clip = { -0.2, 0.6 } }
    for kind, f in pairs(functions) do
      local alpha, beta = table.unpack(constants[kind] or {})
      op_check.case { op = "conv", label = kind, step = 1e-6,
        sources = { { shape = { 1, 3, 4, 5 } }, { shape = { 4, 3, 3, 3 }, param = true },
          { shape = { 4 }, param = true } },
        attrs = { pad = 1, activation = kind, alpha = alpha, beta = beta },
        reference = function(arrays, attrs)
          local out = conv_reference(arrays, attrs)
          for i, v in ipairs(out.data) do out.data[i] = f(v) end
          return out
        end }
    end
  end)

  it("names what does not fit", function()
    op_check.fails("conv", { { 1, 3, 8, 8 }, { 4, 2, 3, 3 } }, {}, "1x3x8x8", "4x2x3x3")
    op_check.fails("conv", { { 1, 3, 8, 8 }, { 4, 3, 3 } }, {}, "3 to 5 dimensions")
    op_check.fails("conv", { { 1, 3, 2, 2 }, { 4, 3, 3, 3 } }, {}, "nothing is left")
    op_check.fails("conv", { { 1, 3, 8, 8 }, { 4, 3, 3, 3 }, { 5 } }, {}, "bias")
    op_check.fails("conv", { { 1, 3, 8, 8 }, { 4, 3, 3, 3 } }, { kernal = 1 }, "unknown option 'kernal'")
    op_check.fails("conv", { { 1, 3, 8, 8 }, { 4, 3, 3, 3 } }, { stride = { 1, 1, 1 } }, "stride")
  end)

  it("has gradients that are convolutions with turned kernels, where that is faster", function()
    local turned = 0
    for _, conv in ipairs {
      { channels = { 32 }, out = 48, size = { 9, 12 }, kernel = { 3, 3 }, attrs = { pad = 1 } },
      { channels = { 32 }, out = 32, size = { 10, 7 }, kernel = { 5, 3 },
        attrs = { pad = { 1, 2 }, pad_end = { 3, 0 } } },
      { channels = { 16 }, out = 40, size = { 14, 13 }, kernel = { 3, 3 }, attrs = { pad = 2, dilation = 2 } },
      { channels = { 32 }, out = 16, size = { 5, 6, 7 }, kernel = { 3, 1, 3 }, attrs = { pad = { 1, 0, 1 } } },
      { channels = { 17, 32, 16 }, out = 24, size = { 8, 8 }, kernel = { 3, 3 }, attrs = { pad = 1 } },
      -- and those that are not
      { channels = { 32 }, out = 32, size = { 9, 9 }, kernel = { 3, 3 }, attrs = { pad = 3 } },
      { channels = { 32 }, out = 32, size = { 9, 9 }, kernel = { 3, 3 }, attrs = { pad = 1, stride = 2 } },
    } do
      local got, off, count = gradients(conv, "explain")
      local want = gradients(conv, "train")
      turned = turned + count
      assert.are.near(0, off, 1e-6)
      for i, gradient in ipairs(want) do
        assert.is_true((gradient - got[i]):abs():max() <= 1e-5 * gradient:abs():max())
      end
    end
    if os.getenv "FOVEA_SHOW" then print("turned", turned) end
  end)
end)
