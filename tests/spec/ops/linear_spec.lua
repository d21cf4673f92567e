local nd = require "support.nd"
local op_check = require "support.op_check"

local function reference(arrays)
  local src, weights, bias = arrays[1], arrays[2], arrays[3]
  local inputs, outputs = weights.shape[2], weights.shape[1]
  local shape = { table.unpack(src.shape) }
  shape[#shape] = outputs
  local out = nd.new(shape)
  for row = 0, #out.data // outputs - 1 do
    for o = 1, outputs do
      local sum = bias and bias.data[o] or 0
      for i = 1, inputs do sum = sum + src.data[row * inputs + i] * weights.data[(o - 1) * inputs + i] end
      out.data[row * outputs + o] = sum
    end
  end
  return out
end

local function case(src, outputs, with_bias, options)
  local sources = { { shape = src }, { shape = { outputs, src[#src] }, param = true } }
  if with_bias then sources[3] = { shape = { outputs }, param = true } end
  local spec = { op = "linear", sources = sources, reference = reference }
  for k, v in pairs(options or {}) do spec[k] = v end
  op_check.case(spec)
end

describe("linear", function()
  it("maps the last axis, of 2 to 5 dimensions", function()
    case({ 1, 5 }, 3, true)
    case({ 4, 16 }, 17, true)
    case({ 2, 3, 7 }, 4, true)
    case({ 2, 3, 2, 5 }, 6, true)
    case({ 1, 2, 3, 2, 4 }, 3, true)
  end)

  it("does without bias, and trains", function()
    case({ 3, 5 }, 4)
    case({ 2, 3, 4, 5 }, 4)
    case({ 3, 5 }, 4, true, { mode = "train" })
    case({ 2, 3, 7 }, 4, true, { mode = "train" })
  end)

  it("takes layers of some size", function()
    case({ 40, 65 }, 70, true, { probes = 2 })
    case({ 300, 9 }, 5, true, { probes = 2 })
  end)

  it("names what does not fit", function()
    op_check.fails("linear", { { 5 }, { 3, 5 } }, {}, "src is 5, weights are 3x5", "2 to 5")
    op_check.fails("linear", { { 2, 5 }, { 3, 5, 1 } }, {}, "weights are 3x5x1")
    op_check.fails("linear", { { 2, 5 }, { 5, 3 } }, {}, "src is 2x5, weights are 5x3", "last axes differ")
    op_check.fails("linear", { { 2, 5 }, { 3, 5 }, { 5 } }, {}, "bias is 5", "3 entries")
    op_check.fails("linear", { { 2, 5 }, { 3, 5 } }, { bias = true }, "unknown option 'bias'")
    op_check.fails("linear", { { 2, 5 } }, {}, "2 to 3 sources, not 1")
  end)
end)
