local norm = require "support.norm_reference"
local op_check = require "support.op_check"

local function image_and_channel(index) return index[1] * 1000 + index[2] end

local function reference(arrays, attrs)
  local mean, variance = norm.statistics(arrays[1], image_and_channel)
  return norm.apply(arrays[1], image_and_channel, mean, variance, attrs.epsilon or 1e-5, norm.channel, arrays[2],
    arrays[3])
end

local function case(shape, attrs, parameters, options)
  local spec = { op = "instance_norm", attrs = attrs, reference = reference, sources = { { shape = shape } } }
  for i = 1, parameters or 2 do spec.sources[i + 1] = { shape = { shape[2] }, param = true } end
  for k, v in pairs(options or {}) do spec[k] = v end
  op_check.case(spec)
end

describe("instance_norm", function()
  it("normalises each channel of each image in 1 to 3 dimensions", function()
    case({ 2, 3, 7 }, {})
    case({ 2, 5, 4, 3 }, {})
    case({ 1, 17, 3, 5 }, {})
    case({ 2, 3, 2, 3, 2 }, {})
    case({ 2, 1, 4, 4 }, {})
  end)

  it("does without scale and shift, and takes epsilon", function()
    case({ 2, 6, 4, 3 }, {}, 0)
    case({ 2, 6, 4, 3 }, {}, 1)
    case({ 2, 6, 4, 3 }, { epsilon = 0.5 })
    case({ 2, 6, 4, 3 }, {}, 2, { mode = "train" })
  end)

  it("agrees with the reference where work is cut into pieces", function()
    case({ 1, 2, 110, 90 }, {}, 2, { probes = 1 })
    case({ 1, 270, 8, 9 }, {}, 2, { probes = 1 })
  end)

  it("gives the shift where there is one position", function()
    case({ 2, 3, 1, 1 }, {}, 2, { gradient = false })
  end)

  it("names what does not fit", function()
    op_check.fails("instance_norm", { { 6 } }, {}, "2 to 5 dimensions")
    op_check.fails("instance_norm", { { 1, 6, 4, 4 }, { 6 }, { 1, 6 } }, {}, "1x6x4x4", "shift is 1x6", "6 entries")
    op_check.fails("instance_norm", { { 1, 6, 4, 4 } }, { epsilon = -1 }, "epsilon must be at least 0")
    op_check.fails("instance_norm", { { 1, 6, 4, 4 } }, { groups = 1 }, "unknown option 'groups'", "epsilon")
  end)
end)
