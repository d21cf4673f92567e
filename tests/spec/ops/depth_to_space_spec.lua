local core = require "fovea.core"
local fovea = require "fovea"
local nd = require "support.nd"
local op_check = require "support.op_check"

local function reference(arrays, attrs)
  local src, pixels = arrays[1], 1
  local rank, shape = #src.shape, { src.shape[1] }
  local function block(i) return type(attrs.block) == "table" and attrs.block[i - 2] or attrs.block end
  for i = 3, rank do
    shape[i] = src.shape[i] * block(i)
    pixels = pixels * block(i)
  end
  shape[2] = src.shape[2] // pixels
  return nd.build(shape, function(at)
    local index, position = { at[1] }, 0
    for i = 3, rank do
      position = position * block(i) + (at[i] - 1) % block(i)
      index[i] = (at[i] - 1) // block(i) + 1
    end
    index[2] = attrs.order == "crd" and (at[2] - 1) * pixels + position + 1 or position * shape[2] + at[2]
    return src:get(index)
  end)
end

local function case(src, attrs)
  op_check.case { op = "depth_to_space", sources = { { shape = src } }, attrs = attrs, reference = reference }
end

describe("depth_to_space", function()
  it("spreads channels over blocks in 1 to 3 dimensions", function()
    case({ 2, 6, 5 }, { block = 2 })
    case({ 2, 12, 3, 5 }, { block = 2 })
    case({ 1, 27, 2, 3 }, { block = 3 })
    case({ 1, 16, 2, 3, 2 }, { block = 2 })
    case({ 1, 3, 2, 3 }, { block = 1 })
    case({ 1, 12, 3, 5 }, { block = { 2, 3 } })
    case({ 1, 16, 2, 3, 2 }, { block = { 1, 2, 4 }, order = "crd" })
  end)

  it("knows both orders of channels", function()
    case({ 2, 6, 5 }, { block = 2, order = "crd" })
    case({ 2, 12, 3, 5 }, { block = 2, order = "crd" })
    case({ 1, 16, 2, 3, 2 }, { block = 2, order = "crd" })
    case({ 1, 12, 3, 5 }, { block = 2, order = "dcr" })
  end)

  it("agrees with the example of the ONNX specification", function()
    local graph = core.graph()
    local x = graph:input { 1, 4, 1, 1 }
    local y = graph:depth_to_space { x, block = 2 }
    local plan = assert(graph:plan { taps = { y } })
    assert(plan:set_input(x, fovea.tensor({ 1, 4, 1, 1 }, { 0, 1, 2, 3 })))
    assert(plan:forward())
    assert.are.same({ 0, 1, 2, 3 }, plan:value(y):values())
  end)

  it("names what does not fit", function()
    op_check.fails("depth_to_space", { { 1, 6, 2, 2 } }, { block = 2 }, "1x6x2x2", "blocks of 4")
    op_check.fails("depth_to_space", { { 6, 2 } }, { block = 2 }, "6x2", "3 to 5 dimensions")
    op_check.fails("depth_to_space", { { 1, 4, 2, 2 } }, { block = 0 }, "block must be at least 1, not 0")
    op_check.fails("depth_to_space", { { 1, 4, 2, 2 } }, { block = 1 << 40 }, "1x4x2x2")
    op_check.fails("depth_to_space", { { 1, 4, 2, 2 } }, {}, "'block' is required")
    op_check.fails("depth_to_space", { { 1, 4, 2, 2 } }, { block = 2, order = "rcd" }, "'dcr', 'crd'")
    op_check.fails("depth_to_space", { { 1, 4, 2, 2 } }, { block = 2, mode = "crd" }, "unknown option 'mode'")
  end)
end)
