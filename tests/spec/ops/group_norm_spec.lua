local norm = require "support.norm_reference"
local op_check = require "support.op_check"

local function reference(arrays, attrs)
  local per_group = arrays[1].shape[2] // attrs.groups
  local function set_of(index) return index[1] * 1000 + (index[2] - 1) // per_group end
  local mean, variance = norm.statistics(arrays[1], set_of)
  return norm.apply(arrays[1], set_of, mean, variance, attrs.epsilon or 1e-5, norm.channel, arrays[2], arrays[3])
end

local function case(shape, attrs, parameters, options)
  local spec = { op = "group_norm", attrs = attrs, reference = reference, sources = { { shape = shape } } }
  for i = 1, parameters or 2 do spec.sources[i + 1] = { shape = { shape[2] }, param = true } end
  for k, v in pairs(options or {}) do spec[k] = v end
  op_check.case(spec)
end

describe("group_norm", function()
  it("normalises groups of channels in 1 to 3 dimensions", function()
    case({ 2, 4, 6 }, { groups = 2 })
    case({ 2, 6, 4, 3 }, { groups = 3 })
    case({ 1, 9, 3, 5 }, { groups = 3 })
    case({ 2, 6, 2, 3, 2 }, { groups = 2 })
    case({ 3, 8 }, { groups = 2 })
  end)

  it("is layer normalisation with one group and instance normalisation with one channel each", function()
    case({ 2, 5, 3, 4 }, { groups = 1 })
    case({ 2, 5, 3, 4 }, { groups = 5 })
  end)

  it("does without scale and shift, and takes epsilon", function()
    case({ 2, 6, 4, 3 }, { groups = 3 }, 0)
    case({ 2, 6, 4, 3 }, { groups = 3 }, 1)
    case({ 2, 6, 4, 3 }, { groups = 2, epsilon = 0.5 })
    case({ 2, 6, 4, 3 }, { groups = 2 }, 2, { mode = "train" })
  end)

  it("agrees with the reference where work is cut into pieces", function()
    case({ 1, 4, 90, 80 }, { groups = 2 }, 2, { probes = 1 })
    case({ 1, 280, 8, 9 }, { groups = 7 }, 2, { probes = 1 })
  end)

  it("names what does not fit", function()
    op_check.fails("group_norm", { { 1, 6, 4, 4 } }, {}, "option 'groups' is required")
    op_check.fails("group_norm", { { 1, 6, 4, 4 } }, { groups = 4 }, "1x6x4x4", "4 groups")
    op_check.fails("group_norm", { { 1, 6, 4, 4 } }, { groups = 0 }, "0 groups")
    op_check.fails("group_norm", { { 6 } }, { groups = 2 }, "2 to 5 dimensions")
    op_check.fails("group_norm", { { 1, 6, 4, 4 }, { 3 } }, { groups = 2 }, "1x6x4x4", "scale is 3", "6 entries")
    op_check.fails("group_norm", { { 1, 6, 4, 4 } }, { groups = 2, group = 1 }, "unknown option 'group'", "groups")
  end)
end)
