local nd = require "support.nd"
local op_check = require "support.op_check"

local function reference(arrays)
  local src, slope = arrays[1], arrays[2]
  return nd.build(src.shape, function(at)
    local x = src:get(at)
    return x > 0 and x or x * (slope.data[at[2]] or slope.data[1])
  end)
end

local function case(src, slopes)
  op_check.case { op = "prelu", reference = reference, label = table.concat(src, "x"),
    sources = { { shape = src }, { shape = { slopes }, param = true, min = 0.1 } } }
end

describe("prelu", function()
  it("takes one slope per channel", function()
    case({ 2, 3, 4, 5 }, 3)
    case({ 3, 4 }, 4)
    case({ 2, 3, 7 }, 3)
    case({ 1, 5, 2, 3, 4 }, 5)
    case({ 1, 35, 9, 11 }, 35)
  end)

  it("takes one slope for all", function()
    case({ 2, 3, 4, 5 }, 1)
    case({ 3, 4 }, 1)
    case({ 1, 1, 2, 3, 4 }, 1)
  end)

  it("refuses other slopes", function()
    op_check.fails("prelu", { { 1, 3, 4, 5 }, { 2 } }, {}, "1x3x4x5", "slope is 2", "one per channel")
    op_check.fails("prelu", { { 1, 3, 4, 5 }, { 3, 1, 1 } }, {}, "3x1x1")
    op_check.fails("prelu", { { 1, 3, 4, 5 } }, {}, "sources")
    op_check.fails("prelu", { { 1, 3, 4, 5 }, { 3 } }, { alpha = 1 }, "unknown option 'alpha'")
  end)
end)
