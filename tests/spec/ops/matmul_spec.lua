local nd = require "support.nd"
local op_check = require "support.op_check"

local function reference(arrays, attrs)
  local a, b = arrays[1], arrays[2]
  local ra, rb = #a.shape, #b.shape
  local rank = math.max(ra, rb)
  local function size(x, i)
    local own = i - (rank - #x.shape)
    return own < 1 and 1 or x.shape[own]
  end
  local shape = {}
  for i = 1, rank - 2 do shape[i] = math.max(size(a, i), size(b, i)) end
  shape[rank - 1] = a.shape[attrs.transpose_a and ra or ra - 1]
  shape[rank] = b.shape[attrs.transpose_b and rb - 1 or rb]
  local inner = a.shape[attrs.transpose_a and ra - 1 or ra]
  local function element(x, index, row, column, transposed)
    local at, n = {}, #x.shape
    for i = 1, n - 2 do at[i] = x.shape[i] == 1 and 1 or index[i + rank - n] end
    at[n - 1], at[n] = transposed and column or row, transposed and row or column
    return x:get(at)
  end
  return nd.build(shape, function(index)
    local sum = 0
    for k = 1, inner do
      sum = sum + element(a, index, index[rank - 1], k, attrs.transpose_a)
        * element(b, index, k, index[rank], attrs.transpose_b)
    end
    return sum
  end)
end

-- Both transposed or not, b as an activation and as a parameter.
local function cases(a, b)
  local function turned(shape)
    local s = { table.unpack(shape) }
    s[#s], s[#s - 1] = s[#s - 1], s[#s]
    return s
  end
  for _, ta in ipairs { false, true } do
    for _, tb in ipairs { false, true } do
      op_check.case {
        op = "matmul", attrs = { transpose_a = ta, transpose_b = tb }, reference = reference, probes = 2,
        label = ("%s %s"):format(ta, tb),
        sources = { { shape = ta and turned(a) or a }, { shape = tb and turned(b) or b, param = ta ~= tb } },
      }
    end
  end
end

describe("matmul", function()
  it("multiplies matrices", function()
    cases({ 3, 4 }, { 4, 5 })
    cases({ 1, 7 }, { 7, 1 })
    cases({ 17, 33 }, { 33, 9 })
  end)

  it("multiplies batches of them", function()
    cases({ 2, 3, 4 }, { 2, 4, 5 })
    cases({ 2, 3, 4, 5 }, { 2, 3, 5, 2 })
    cases({ 2, 2, 2, 3, 4 }, { 2, 2, 2, 4, 2 })
  end)

  it("broadcasts the batch axes of either side", function()
    cases({ 2, 3, 4 }, { 4, 5 })
    cases({ 3, 4 }, { 2, 4, 5 })
    cases({ 2, 1, 3, 4 }, { 1, 3, 4, 2 })
    cases({ 2, 3, 3, 4 }, { 3, 4, 2 })
    cases({ 2, 1, 3, 3, 4 }, { 2, 2, 1, 4, 2 })
    cases({ 1, 1, 3, 4 }, { 2, 3, 4, 2 })
  end)

  it("names what does not fit", function()
    op_check.fails("matmul", { { 4 }, { 4, 5 } }, {}, "a is 4, b is 4x5", "at least 2 dimensions")
    op_check.fails("matmul", { { 3, 4 }, { 5, 4 } }, {}, "a is 3x4, b is 5x4", "differ")
    op_check.fails("matmul", { { 3, 4 }, { 4, 5 } }, { transpose_a = true }, "a is 3x4 transposed, b is 4x5")
    op_check.fails("matmul", { { 2, 3, 4 }, { 3, 4, 5 } }, {}, "2x3x4", "3x4x5", "do not broadcast")
    op_check.fails("matmul", { { 3, 4 }, { 4, 5 } }, { transposeA = true }, "unknown option 'transposeA'",
      "transpose_a")
    op_check.fails("matmul", { { 3, 4 }, { 4, 5 } }, { transpose_a = 1 }, "true or false")
  end)
end)
