local nd = require "support.nd"
local op_check = require "support.op_check"

local function reference(arrays, attrs)
  local src, shape = arrays[1], {}
  for i, axis in ipairs(attrs.permutation) do shape[i] = src.shape[axis < 0 and axis + #src.shape + 1 or axis] end
  return nd.build(shape, function(at)
    local index = {}
    for i, axis in ipairs(attrs.permutation) do index[axis < 0 and axis + #src.shape + 1 or axis] = at[i] end
    return src:get(index)
  end)
end

local function case(src, permutation, gradient)
  op_check.case { op = "transpose", sources = { { shape = src } }, attrs = { permutation = permutation },
    reference = reference, gradient = gradient }
end

describe("transpose", function()
  it("permutes the axes of signals, images and volumes", function()
    case({ 3, 5 }, { 2, 1 })
    case({ 2, 3, 4 }, { 3, 1, 2 })
    case({ 2, 3, 4, 5 }, { 1, 3, 4, 2 })
    case({ 2, 3, 4, 5 }, { 1, 4, 2, 3 })
    case({ 2, 3, 4, 5 }, { 4, 3, 2, 1 })
    case({ 1, 3, 2, 4, 5 }, { 1, 5, 3, 4, 2 })
    case({ 2, 1, 3, 2, 2, 3 }, { 6, 3, 1, 2, 4, 5 })
    case({ 2, 3, 4, 5 }, { 1, 2, 3, 4 })
    case({ 4 }, { 1 })
  end)

  it("takes axes from the end", function()
    case({ 2, 3, 4, 5 }, { 1, -1, -2, 2 })
  end)

  it("works in tiles", function()
    case({ 1, 33, 17, 40 }, { 1, 3, 4, 2 }, false)
    case({ 1, 48, 32, 32 }, { 1, 3, 4, 2 }, false)
    case({ 1, 5, 47, 31 }, { 1, 2, 4, 3 }, false)
  end)

  it("names what does not fit", function()
    op_check.fails("transpose", { { 2, 3, 4 } }, { permutation = { 1, 2 } }, "2 entries", "2x3x4")
    op_check.fails("transpose", { { 2, 3, 4 } }, { permutation = { 1, 2, 2 } }, "axis 2 twice")
    op_check.fails("transpose", { { 2, 3, 4 } }, { permutation = { 1, 2, 4 } }, "axis 4 does not exist")
    op_check.fails("transpose", { { 2, 3, 4 } }, {}, "'permutation' is required")
    op_check.fails("transpose", { { 2, 3 } }, { permutation = { 2, 1 }, axes = 1 }, "unknown option 'axes'")
  end)
end)
