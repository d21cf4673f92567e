local fovea = require "fovea"
local near = require "support.near"

local nan, inf = 0 / 0, 1 / 0

--- Naive reductions of a list, in double.
local naive = {}
function naive.sum(x)
  local s = 0
  for _, v in ipairs(x) do s = s + v end
  return s
end
function naive.prod(x)
  local p = 1
  for _, v in ipairs(x) do p = p * v end
  return p
end
function naive.mean(x) return naive.sum(x) / #x end
function naive.var(x)
  local m, s = naive.mean(x), 0
  for _, v in ipairs(x) do s = s + (v - m) ^ 2 end
  return s / #x
end
function naive.std(x) return math.sqrt(naive.var(x)) end
function naive.max(x) return math.max(table.unpack(x)) end
function naive.min(x) return math.min(table.unpack(x)) end
function naive.any(x)
  for _, v in ipairs(x) do
    if v ~= 0 then return 1 end
  end
  return 0
end

--- Groups the elements of t by their indices on the kept axes: a list of lists, in the order of the result.
local function groups(t, reduced)
  local shape, values, by_key, order = t:shape(), t:values(), {}, {}
  for n = 1, #values do
    local rest, key = n - 1, 0
    local index = {}
    for axis = #shape, 1, -1 do
      index[axis] = rest % shape[axis]
      rest = rest // shape[axis]
    end
    for axis, size in ipairs(shape) do
      if not reduced[axis] then key = key * size + index[axis] end
    end
    if not by_key[key] then
      by_key[key] = {}
      order[#order + 1] = key
    end
    table.insert(by_key[key], values[n])
  end
  table.sort(order)
  local lists = {}
  for i, key in ipairs(order) do lists[i] = by_key[key] end
  return lists
end

describe("tensor reductions", function()
  it("agree with naive loops for every subset of axes", function()
    for _, shape in ipairs { { 5 }, { 3, 4 }, { 2, 3, 4 }, { 2, 1, 3, 5 }, { 2, 3, 2, 2, 3 } } do
      local t = fovea.normal(shape, { seed = #shape })
      t = t * t:gt(-0.8) -- some zeros, for any
      for bits = 1, (1 << #shape) - 1 do
        local axes, reduced, kept, ones = {}, {}, {}, {}
        for axis, size in ipairs(shape) do
          local is = bits >> (axis - 1) & 1 == 1
          if is then axes[#axes + 1] = axis else kept[#kept + 1] = size end
          reduced[axis], ones[axis] = is, is and 1 or size
        end
        local lists = groups(t, reduced)
        for name, f in pairs(naive) do
          local wanted = {}
          for i, list in ipairs(lists) do wanted[i] = f(list) end
          local got = t[name](t, axes)
          near.values(wanted, got, 1e-6)
          assert.same(kept, got:shape())
          axes.keep_dims = true
          assert.same(ones, t[name](t, axes):shape())
          axes.keep_dims = nil
        end
      end
    end
  end)

  it("give plain numbers without axes, and a boolean for any", function()
    local t = fovea.normal({ 3, 5, 7 }, { seed = 4 })
    local x = t:values()
    for name, f in pairs(naive) do
      if name ~= "any" then near.number(f(x), t[name](t), 1e-12, name) end
    end
    assert.is_true(t:any())
    assert.is_false(fovea.zeros({ 4 }):any())
    assert.equal(naive.sum(x), t:sum())
    assert.equal(#x, t:count_nonzero())
    assert.equal(2, fovea.tensor({ 0, 1, nan, 0 }):count_nonzero())
  end)

  it("take names, one axis alone, and all axes", function()
    local t = fovea.uniform({ 2, 3, 4, 5 }, { seed = 1 })
    assert.is_true(t:sum({ 3, 4 }):equal(t:sum { "height", "width" }))
    assert.is_true(t:mean(2):equal(t:mean "channel"))
    assert.is_true(t:max({ -1 }):equal(t:max { 4 }))
    assert.same({}, t:sum({}):shape())
    assert.same({ 1, 1, 1, 1 }, t:sum({ keep_dims = true }):shape())
  end)

  it("accumulate in double", function()
    -- 2^24 + 1 is no float: a float sum would lose every one of the ones
    local t = fovea.full({ 1025, 4096 }, 1):set(1, 1, 2 ^ 24)
    local wanted = 2 ^ 24 + 1025 * 4096 - 1
    assert.equal(wanted, t:sum())
    assert.equal(wanted, t:sum(1):sum())
    local shifted = fovea.uniform({ 5000 }, { seed = 7 }) + 4096 -- a variance small beside the mean
    near.number(naive.var(shifted:values()), shifted:var(), 1e-12)
  end)

  it("are carried by long rows, long columns and odd tails alike", function()
    for _, shape in ipairs { { 1, 5003 }, { 5003, 1 }, { 3, 1111 }, { 1111, 3 }, { 65, 523 }, { 4, 1025 } } do
      local t = fovea.uniform(shape, { seed = shape[1] })
      for axis = 1, 2 do
        local list, wanted = groups(t, { [axis] = true }), {}
        for i, x in ipairs(list) do wanted[i] = naive.sum(x) end
        near.values(wanted, t:sum(axis), 1e-6)
        for i, x in ipairs(list) do wanted[i] = naive.std(x) end
        near.values(wanted, t:std(axis), 1e-6)
      end
    end
  end)

  it("handle nothing and NaN", function()
    local empty = fovea.zeros { 0, 3 }
    assert.equal(0, empty:sum())
    assert.equal(1, empty:prod())
    near.number(nan, empty:mean())
    near.number(nan, empty:std())
    assert.same({ 0, 0, 0 }, empty:sum(1):values())
    assert.same({ 0 }, empty:max(2):shape()) -- no result, so nothing is missing
    assert.error_matches(function() empty:max() end, "max: shape 0x3 has no elements to reduce")
    assert.error_matches(function() empty:min(1) end, "min: shape 0x3 has no elements to reduce")
    local t = fovea.tensor { { 1, nan, 3 }, { -inf, 5, inf } }
    near.number(nan, t:max())
    near.values({ nan, -inf }, t:min(2))
    near.values({ nan, inf }, t:max(2))
    near.values({ 1, nan, inf }, t:max(1))
  end)

  it("refuse unknown axes and options", function()
    local t = fovea.zeros { 2, 3 }
    assert.error_matches(function() t:sum { 3 } end, "sum: axis '3' does not exist in a tensor of shape 2x3")
    assert.error_matches(function() t:std "depth" end, "std: axis 'depth' does not exist")
    assert.error_matches(function() t:sum { 1, -2 } end, "sum: axis '%-2' is named twice")
    assert.error_matches(function() t:mean { 1, keepdim = true } end, "mean: unknown option 'keepdim'")
    assert.error_matches(function() t:mean { 1, keep_dims = 1 } end, "option 'keep_dims' must be true or false")
  end)

  describe("argmax", function()
    it("is the first of equals, from 1, and passes over NaN", function()
      assert.same({ 2, 7 }, { fovea.tensor({ { 1, 7 }, { 7, 0 } }):argmax() })
      assert.same({ 3, -5 }, { fovea.tensor({ nan, -6, -5 }):argmax() })
      assert.equal(1, (fovea.tensor({ nan, nan }):argmax()))
      assert.same({ 2, 1, 1 }, fovea.tensor({ { 1, 5, 2 }, { 3, 5, nan } }):argmax(1):values())
      assert.same({ 2, 2 }, fovea.tensor({ { 1, 5, 2 }, { 3, 5, nan } }):argmax(2):values())
      assert.error_matches(function() fovea.zeros({ 0 }):argmax() end, "argmax: shape 0 has no elements")
    end)

    it("runs along inner and outer axes", function()
      local t = fovea.uniform({ 3, 4, 5 }, { seed = 2 })
      local got = t:argmax "height"
      assert.same({ 3, 5 }, got:shape())
      for i = 1, 3 do
        for k = 1, 5 do
          for j = 1, 4 do assert.is_true(t(i, j, k) <= t(i, got(i, k) // 1 | 0, k)) end
        end
      end
    end)
  end)

  it("softmax sums to one, survives large logits, keeps to its axis", function()
    local t = fovea.normal({ 2, 3, 5 }, { seed = 3 }) * 10
    for axis = 1, 3 do
      local s, wanted = t:softmax(axis), {}
      near.values(fovea.full(s:sum({ axis }):shape(), 1):values(), s:sum { axis })
      for i, v in ipairs(t:values()) do wanted[i] = math.exp(v) end
      near.values(wanted, s * t:exp():sum { axis, keep_dims = true }, 1e-5)
    end
    near.values({ 1 / (1 + math.exp(-1)), 1 / (1 + math.exp(1)) }, fovea.tensor({ 1001, 1000 }):softmax(1))
    near.values({ 0.5, 0.5, nan, nan }, fovea.tensor({ { 3, 3 }, { nan, 1 } }):softmax(2))
  end)

  it("matmul multiplies matrices and stacks of them", function()
    local a, b = fovea.tensor { { 1, 2, 3 }, { 4, 5, 6 } }, fovea.tensor { { 1, -1 }, { 0, 2 }, { 2, 1 } }
    assert.same({ { 7, 6 }, { 16, 12 } }, a:matmul(b):to_table())
    local x, y = fovea.normal({ 2, 1, 3, 300 }, { seed = 1 }), fovea.normal({ 4, 300, 270 }, { seed = 2 })
    local got = x:matmul(y)
    assert.same({ 2, 4, 3, 270 }, got:shape())
    for _, at in ipairs { { 1, 1, 1, 1 }, { 2, 3, 2, 257 }, { 2, 4, 3, 270 }, { 1, 2, 3, 100 } } do
      local sum = 0
      for k = 1, 300 do sum = sum + x(at[1], 1, at[3], k) * y(at[2], k, at[4]) end
      near.number(sum, got(table.unpack(at)))
    end
    assert.same({ { 0, 0 } }, fovea.zeros({ 1, 0 }):matmul(fovea.zeros { 0, 2 }):to_table())
    assert.error_matches(function() a:matmul(a) end, "matmul: shapes 2x3 and 2x3 do not multiply")
    assert.error_matches(function() a:matmul(fovea.zeros { 3 }) end, "matmul: shapes 2x3 and 3 do not multiply")
    assert.error_matches(function() x:matmul(fovea.zeros { 3, 5, 300, 1 }) end, "matmul: shapes 2x1 and 3x5")
  end)
end)
