local core = require "fovea.core"
local nd = require "support.nd"
local op_check = require "support.op_check"

local function case(src, shape, result)
  op_check.case { op = "reshape", sources = { { shape = src } }, attrs = { shape = shape },
    reference = function(arrays) return nd.new(result or shape, arrays[1].data) end }
end

describe("reshape", function()
  it("keeps the elements in row-major order", function()
    case({ 2, 3, 4, 5 }, { 6, 20 })
    case({ 2, 3, 4, 5 }, { 2, 4, 3, 5 })
    case({ 2, 3, 4 }, { 1, 2, 3, 2, 2 })
    case({ 1, 2, 3, 2, 2 }, { 24 })
    case({ 4 }, { 2, 1, 2, 1, 1, 1 })
  end)

  it("fills one open entry", function()
    case({ 2, 3, 4, 5 }, { 2, -1 }, { 2, 60 })
    case({ 2, 3, 4, 5 }, { -1, 5, 4 }, { 6, 5, 4 })
    case({ 1 }, { -1, 1 }, { 1, 1 })
  end)

  it("makes a scalar of one element", function()
    case({ 1, 1 }, {})
  end)

  it("takes no step when the layout stays", function()
    local graph = core.graph()
    local x = graph:input { 2, 6 }
    local y = graph:reshape { x, shape = { 3, 4 } }
    local plan = assert(graph:plan { mode = "explain", taps = { y }, seeds = { y }, gradients = { x } })
    assert.are.equal(0, #plan:steps())
  end)

  it("names what does not fit", function()
    op_check.fails("reshape", { { 2, 3, 4 } }, { shape = { 5, 5 } }, "2x3x4", "5x5")
    op_check.fails("reshape", { { 2, 3, 4 } }, { shape = { 5, -1 } }, "2x3x4", "5x-1")
    op_check.fails("reshape", { { 2, 3, 4 } }, { shape = { -1, -1 } }, "-1x-1")
    op_check.fails("reshape", { { 2, 3, 4 } }, { shape = { 1 << 40, 1 << 40 } }, "2x3x4")
    op_check.fails("reshape", { { 2, 3, 4 } }, { shape = { 0, -1 } }, "0x-1")
    op_check.fails("reshape", { { 2, 3 } }, {}, "'shape' is required")
    op_check.fails("reshape", { { 2, 3 } }, { shape = { 1, 1, 1, 1, 1, 2, 3 } }, "7 entries")
    op_check.fails("reshape", { { 2, 3 } }, { shape = { 6 }, size = 1 }, "unknown option 'size'")
  end)
end)
