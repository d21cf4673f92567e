local alloc_sweep = require "support.alloc_sweep"
local core = require "fovea.core"
local nd = require "support.nd"
local op_check = require "support.op_check"

local function reference(arrays, attrs)
  local src = arrays[1]
  local added = #attrs.shape - #src.shape
  return nd.build(attrs.shape, function(at)
    local index = {}
    for i, d in ipairs(src.shape) do index[i] = d == 1 and 1 or at[added + i] end
    return src:get(index)
  end)
end

local function case(src, shape)
  op_check.case { op = "expand", sources = { { shape = src } }, attrs = { shape = shape }, reference = reference }
end

describe("expand", function()
  it("repeats axes of size 1", function()
    case({ 1, 3, 1, 1 }, { 1, 3, 4, 5 })
    case({ 2, 1, 4, 5 }, { 2, 17, 4, 5 })
    case({ 1, 3, 4, 1 }, { 2, 3, 4, 6 })
    case({ 2, 3, 1, 4, 1 }, { 2, 3, 5, 4, 2 })
    case({ 1, 3, 1 }, { 2, 3, 40 })
    case({ 1, 1 }, { 30, 20 })
    case({ 2, 3, 4, 5 }, { 2, 3, 4, 5 })
  end)

  it("puts axes in front", function()
    case({ 3 }, { 2, 3 })
    case({ 4, 1 }, { 2, 3, 4, 5 })
    case({ 3, 1, 5 }, { 2, 3, 4, 5 })
    case({ 2, 3, 1, 5 }, { 2, 2, 3, 4, 5 })
    case({}, { 2, 3 })
  end)

  it("survives a lack of memory", function()
    local graph = core.graph()
    local x = graph:input { 3, 1, 5 }
    local y = graph:expand { x, shape = { 2, 3, 4, 5 } }
    alloc_sweep(function()
      return graph:plan { mode = "explain", taps = { y }, seeds = { y }, gradients = { x } }
    end)
  end)

  it("names what does not fit", function()
    op_check.fails("expand", { { 1, 3, 4, 4 } }, { shape = { 1, 5, 4, 4 } }, "1x3x4x4", "1x5x4x4")
    op_check.fails("expand", { { 1, 3, 4, 4 } }, { shape = { 4, 4 } }, "1x3x4x4", "4x4")
    op_check.fails("expand", { { 1, 3 } }, { shape = { -1, 3 } }, "1x3", "-1x3")
    op_check.fails("expand", { { 1, 3 } }, {}, "'shape' is required")
    op_check.fails("expand", { { 1, 3 } }, { shape = { 2, 3 }, size = 1 }, "unknown option 'size'")
  end)
end)
