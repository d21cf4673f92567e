local nd = require "support.nd"
local op_check = require "support.op_check"

local function reference(arrays, attrs)
  local src, step = arrays[1], attrs.step or 1
  local axis = attrs.axis < 0 and attrs.axis + #src.shape + 1 or attrs.axis
  local function resolve(i) return i < 0 and i + src.shape[axis] + 1 or i end
  local positions, shape = {}, { table.unpack(src.shape) }
  for i = resolve(attrs.first or 1), resolve(attrs.last or -1), step do positions[#positions + 1] = i end
  shape[axis] = #positions
  return nd.build(shape, function(at)
    local index = { table.unpack(at) }
    index[axis] = positions[at[axis]]
    return src:get(index)
  end)
end

local function case(src, attrs)
  op_check.case { op = "slice", sources = { { shape = src } }, attrs = attrs, reference = reference }
end

describe("slice", function()
  it("cuts any axis of signals, images and volumes", function()
    case({ 2, 5, 4, 3 }, { axis = 2, first = 2, last = 4 })
    case({ 2, 5, 4, 3 }, { axis = 1, first = 2 })
    case({ 2, 5, 4, 7 }, { axis = 4, last = 3 })
    case({ 2, 17, 4, 7 }, { axis = 3, first = 3, last = 3 })
    case({ 1, 3, 4, 5, 6 }, { axis = 3, first = 2, last = 3 })
    case({ 2, 3, 9 }, { axis = 3, first = 4 })
    case({ 4, 9 }, { axis = 2, first = 4, last = 6 })
    case({ 9 }, { axis = 1, first = 4, last = 6 })
    case({ 1, 2, 2, 2, 2, 3 }, { axis = 5, first = 2 })
  end)

  it("counts from the end", function()
    case({ 2, 5, 4, 3 }, { axis = -3, first = -3, last = -2 })
  end)

  it("takes steps, forwards and backwards", function()
    case({ 1, 7, 4, 5 }, { axis = 2, step = 2 })
    case({ 1, 7, 4, 5 }, { axis = 4, first = 2, step = 3 })
    case({ 2, 5, 4, 6 }, { axis = 4, first = -1, last = 1, step = -1 })
    case({ 2, 5, 6, 4 }, { axis = 3, first = 5, last = 2, step = -2 })
  end)

  it("cuts long runs in pieces", function()
    local attrs = { axis = 2, first = 2, last = 3 }
    op_check.case { op = "slice", sources = { { shape = { 1, 4, 130, 140 } } }, attrs = attrs,
      reference = reference, probes = 1 }
  end)

  it("names what does not fit", function()
    op_check.fails("slice", { { 1, 3, 8, 8 } }, { axis = 2, last = 4 }, "1 to 4", "axis 2", "1x3x8x8")
    op_check.fails("slice", { { 1, 3, 8, 8 } }, { axis = 2, first = -4 }, "-4 to -1")
    op_check.fails("slice", { { 1, 3, 8, 8 } }, { axis = 2, first = 3, last = 2 }, "nothing is left")
    op_check.fails("slice", { { 1, 3, 8, 8 } }, { axis = 2, step = -1 }, "nothing is left")
    op_check.fails("slice", { { 1, 3, 8, 8 } }, { axis = 2, step = 0 }, "step must not be 0")
    op_check.fails("slice", { { 1, 3, 8, 8 } }, { axis = 5 }, "axis 5 does not exist")
    op_check.fails("slice", { { 1, 3, 8, 8 } }, { axis = 2, first = 0 }, "positions count from 1")
    op_check.fails("slice", { { 1, 3, 8, 8 } }, {}, "'axis' is required")
    op_check.fails("slice", { { 1, 3, 8, 8 } }, { axis = 2, stop = 1 }, "unknown option 'stop'")
  end)
end)
