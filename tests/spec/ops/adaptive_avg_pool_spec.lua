local nd = require "support.nd"
local op_check = require "support.op_check"

local function reference(arrays, attrs)
  local src, shape = arrays[1], { arrays[1].shape[1], arrays[1].shape[2] }
  local sizes = attrs.size or 1
  for i = 1, #src.shape - 2 do shape[i + 2] = type(sizes) == "table" and sizes[i] or sizes end
  return nd.build(shape, function(at)
    local sum, position, first, extent = 0, { at[1], at[2] }, {}, {}
    for i = 1, #src.shape - 2 do
      local n, out = src.shape[i + 2], shape[i + 2]
      first[i] = (at[i + 2] - 1) * n // out
      extent[i] = -(-at[i + 2] * n // out) - first[i]
    end
    for k in nd.indices(extent) do
      for i = 1, #extent do position[i + 2] = first[i] + k[i] end
      sum = sum + src:get(position)
    end
    return sum / nd.count(extent)
  end)
end

local function case(op, src, attrs)
  op_check.case { op = op, sources = { { shape = src } }, attrs = attrs, reference = reference,
    label = table.concat(src, "x") }
end

describe("adaptive_avg_pool", function()
  it("cuts axes into equal pieces", function()
    case("adaptive_avg_pool", { 2, 3, 8, 6 }, { size = { 4, 3 } })
    case("adaptive_avg_pool", { 1, 5, 9 }, { size = 3 })
    case("adaptive_avg_pool", { 1, 3, 4, 6, 2 }, { size = 2 })
  end)

  it("cuts axes into unequal pieces", function()
    case("adaptive_avg_pool", { 2, 3, 7, 5 }, { size = { 3, 2 } })
    case("adaptive_avg_pool", { 1, 5, 10 }, { size = 4 })
    case("adaptive_avg_pool", { 1, 300, 5, 3 }, { size = 2 })
    case("adaptive_avg_pool", { 1, 3, 5, 4, 7 }, { size = { 2, 3, 3 } })
  end)

  it("repeats elements when dst is larger", function()
    case("adaptive_avg_pool", { 1, 3, 2, 3 }, { size = 5 })
  end)

  it("has one window for size 1, and in global_avg_pool", function()
    for _, src in ipairs { { 2, 3, 7, 5 }, { 1, 5, 9 }, { 2, 3, 2, 3, 4 }, { 1, 35, 9, 11 } } do
      case("adaptive_avg_pool", src, { size = 1 })
      case("global_avg_pool", src)
    end
  end)

  it("names what does not fit", function()
    op_check.fails("adaptive_avg_pool", { { 3, 8 } }, { size = 2 }, "3x8", "3 to 5 dimensions")
    op_check.fails("adaptive_avg_pool", { { 1, 3, 8, 8 } }, { size = { 2, 2, 2 } }, "size has 3 entries")
    op_check.fails("adaptive_avg_pool", { { 1, 3, 8, 8 } }, { size = 0 }, "size must be at least 1")
    op_check.fails("adaptive_avg_pool", { { 1, 3, 8, 8 } }, {}, "'size' is required")
    op_check.fails("global_avg_pool", { { 3, 8 } }, {}, "3x8")
    op_check.fails("global_avg_pool", { { 1, 3, 8, 8 } }, { size = 1 }, "unknown option 'size'")
  end)
end)
