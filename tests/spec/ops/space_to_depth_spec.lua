local core = require "fovea.core"
local fovea = require "fovea"
local nd = require "support.nd"
local op_check = require "support.op_check"

local function reference(arrays, attrs)
  local src, block = arrays[1], attrs.block
  local rank, shape, pixels = #src.shape, { src.shape[1] }, 1
  for i = 3, rank do
    shape[i] = src.shape[i] // block
    pixels = pixels * block
  end
  shape[2] = src.shape[2] * pixels
  return nd.build(shape, function(at)
    local index, deep, position = { at[1] }, at[2] - 1, nil
    if attrs.order == "crd" then
      index[2], position = deep // pixels + 1, deep % pixels
    else
      index[2], position = deep % src.shape[2] + 1, deep // src.shape[2]
    end
    for i = rank, 3, -1 do
      index[i] = (at[i] - 1) * block + position % block + 1
      position = position // block
    end
    return src:get(index)
  end)
end

local function case(src, attrs)
  op_check.case { op = "space_to_depth", sources = { { shape = src } }, attrs = attrs, reference = reference }
end

describe("space_to_depth", function()
  it("gathers blocks into channels in 1 to 3 dimensions and both orders", function()
    case({ 2, 3, 6 }, { block = 2 })
    case({ 2, 3, 4, 6 }, { block = 2 })
    case({ 1, 5, 3, 6 }, { block = 3 })
    case({ 1, 3, 2, 4, 2 }, { block = 2 })
    case({ 2, 3, 4, 6 }, { block = 2, order = "crd" })
    case({ 1, 3, 2, 4, 2 }, { block = 2, order = "crd" })
  end)

  it("undoes depth_to_space", function()
    for _, order in ipairs { "dcr", "crd" } do
      local graph = core.graph()
      local x = graph:input { 2, 12, 5, 3 }
      local y = graph:space_to_depth { graph:depth_to_space { x, block = 2, order = order }, block = 2, order = order }
      local plan, value = assert(graph:plan { taps = { y } }), fovea.uniform({ 2, 12, 5, 3 }, { seed = 3 })
      assert(plan:set_input(x, value))
      assert(plan:forward())
      assert.is_true(plan:value(y):equal(value))
    end
  end)

  it("names what does not fit", function()
    op_check.fails("space_to_depth", { { 1, 2, 4, 3 } }, { block = 2 }, "1x2x4x3", "axis 4")
    op_check.fails("space_to_depth", { { 6, 2 } }, { block = 2 }, "6x2", "3 to 5 dimensions")
    op_check.fails("space_to_depth", { { 1, 4, 2, 2 } }, { block = -1 }, "block must be at least 1, not -1")
    op_check.fails("space_to_depth", { { 1, 4, 2, 2 } }, {}, "'block' is required")
    op_check.fails("space_to_depth", { { 1, 4, 2, 2 } }, { block = 2, size = 1 }, "unknown option 'size'")
  end)
end)
