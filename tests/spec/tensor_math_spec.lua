local fovea = require "fovea"
local near = require "support.near"

local a = fovea.tensor { { 1, -2, 3 }, { 0, 5, -6 } }
local nan, inf = 0 / 0, 1 / 0

--- Every pair of shapes that broadcast in another way: whole, scalar, row, column, inner and outer axes, new axes.
local shapes = {
  { { 7 }, { 7 } }, { { 7 }, {} }, { {}, { 7 } }, { { 3, 4 }, { 4 } }, { { 3, 1 }, { 3, 4 } }, { { 3, 1 }, { 1, 4 } },
  { { 2, 3, 4, 5 }, { 1, 3, 1, 1 } }, { { 2, 1, 4, 1 }, { 1, 3, 1, 5 } }, { { 4, 5 }, { 2, 3, 4, 5 } },
  { { 2, 1, 1, 3, 2 }, { 1, 3, 1, 1, 2 } }, { { 1, 1 }, { 1 } }, { { 0, 3 }, { 1, 3 } },
}

--- Element of a flat list for an index of the broadcast result.
local function at(values, shape, index)
  local offset, shift = 0, #index - #shape
  for i, size in ipairs(shape) do offset = offset * size + (size == 1 and 0 or index[shift + i]) end
  return values[offset + 1]
end

--- Calls f with every index (from 0) of the broadcast of two shapes.
local function each_index(p, q, f)
  local rank, result = math.max(#p, #q), {}
  for i = 1, rank do
    local x, y = p[i - rank + #p] or 1, q[i - rank + #q] or 1
    result[i] = x == 1 and y or x
  end
  local function walk(index, axis)
    if axis > rank then return f(index) end
    for i = 0, result[axis] - 1 do
      index[axis] = i
      walk(index, axis + 1)
    end
  end
  walk({}, 1)
end

describe("tensor maths", function()
  it("broadcasts as the naive loop does", function()
    for n, pair in ipairs(shapes) do
      local p, q = fovea.uniform(pair[1], { seed = n }), fovea.uniform(pair[2], { seed = 100 + n })
      local x, y, wanted = p:values(), q:values(), { sub = {}, gt = {}, where = {} }
      each_index(pair[1], pair[2], function(index)
        local u, v = at(x, pair[1], index), at(y, pair[2], index)
        table.insert(wanted.sub, u - v)
        table.insert(wanted.gt, u > v and 1 or 0)
        table.insert(wanted.where, u ~= 0 and v or -1)
      end)
      near.values(wanted.sub, p - q)
      near.values(wanted.gt, p:gt(q), 0)
      near.values(wanted.where, p:where(q, -1), 0)
    end
  end)

  it("is the same in one thread's block and across many", function()
    local big = fovea.uniform({ 3, 211, 173 }, { seed = 9 }) -- 109509 elements: several blocks, a ragged tail
    local x, y = big:values(), (big * 2 - big):values()
    for i = 1, #x, 997 do assert.equal(x[i], y[i]) end
    assert.equal(x[#x], y[#y])
    local column = fovea.uniform({ 1, 211, 1 }, { seed = 10 })
    local sum, c = (big + column):values(), column:values()
    for i = 1, #x, 997 do near.number(x[i] + c[((i - 1) // 173) % 211 + 1], sum[i]) end
  end)

  it("has operators for tensors and numbers on either side", function()
    assert.same({ 2, -1, 4, 1, 6, -5 }, (a + 1):values())
    assert.same({ 9, 12, 7, 10, 5, 16 }, (10 - a):values())
    assert.same({ 2, -4, 6, 0, 10, -12 }, (2 * a):values())
    assert.same({ 0.5, -1, 1.5, 0, 2.5, -3 }, (a / 2):values())
    assert.same({ 1, 4, 9, 0, 25, 36 }, (a ^ 2):values())
    assert.same({ 1, 4, 9, 0, 25, 36 }, (a ^ fovea.full({ 1, 1 }, 2)):values())
    near.values({ 2, 0.25, 8, 1, 32, 1 / 64 }, 2 ^ a)
    near.values({ 1, 2 ^ 1.5, 3 ^ 1.5 }, fovea.tensor({ 1, 2, 3 }):pow(1.5))
    assert.same({ -1, 2, -3, 0, -5, 6 }, (-a):values())
    assert.same({ 1, 0, 3, 0, 5, 0 }, a:max_of(0):values())
    assert.same({ 0, -2, 0, 0, 0, -6 }, a:min_of(0):values())
  end)

  it("compares strictly at attained values, as floats", function()
    local u = fovea.tensor { 0.3, 0.2, 0.1 } -- 0.3 is not a float: both sides are rounded alike
    assert.same({ 0, 0, 0 }, u:gt(0.3):values())
    assert.same({ 1, 0, 0 }, u:ge(0.3):values())
    assert.same({ 0, 0, 1 }, u:lt(0.2):values())
    assert.same({ 0, 1, 1 }, u:le(0.2):values())
    assert.same({ 0, 1, 0 }, u:eq(0.2):values())
    assert.same({ 1, 0, 1 }, u:ne(0.2):values())
  end)

  it("combines masks", function()
    local m, n = fovea.tensor { 1, 1, 0, 0, 2 }, fovea.tensor { 1, 0, 1, 0, -1 }
    assert.same({ 1, 0, 0, 0, 1 }, (m & n):values())
    assert.same({ 1, 1, 1, 0, 1 }, (m | n):values())
    assert.same({ 0, 1, 1, 0, 0 }, (m ~ n):values())
    assert.same({ 0, 0, 1, 1, 0 }, (~m):values())
    assert.is_true((m & n):equal(m:land(n)) and (m | n):equal(m:lor(n)) and (~m):equal(m:lnot()))
    assert.same({ 7, 7, 0, 0, 7 }, m:where(7, n * 0):values())
  end)

  it("maps elements", function()
    local x = { -100, -20, -1.5, 0, 0.25, 2, 30 }
    local t = fovea.tensor(x)
    local wanted = {
      abs = math.abs,
      relu = function(v) return math.max(v, 0) end,
      exp = math.exp,
      sigmoid = function(v) return 1 / (1 + math.exp(-v)) end,
      tanh = function(v) return 1 - 2 / (math.exp(2 * v) + 1) end,
      sign = function(v) return v > 0 and 1 or v < 0 and -1 or 0 end,
      floor = math.floor,
      neg = function(v) return -v end,
    }
    for name, f in pairs(wanted) do
      local list = {}
      for i, v in ipairs(x) do list[i] = f(v) end
      if name ~= "exp" then near.values(list, t[name](t)) end
    end
    near.values({ math.exp(-1.5), math.exp(2) }, fovea.tensor({ -1.5, 2 }):exp())
    near.values({ math.log(0.5), 0, math.log(7) }, fovea.tensor({ 0.5, 1, 7 }):log())
    near.values({ 0, 1, math.sqrt(2) }, fovea.tensor({ 0, 1, 2 }):sqrt())
    assert.same({ -1.5, -1.5, -1.5, 0, 0.25, 1, 1 }, t:clamp(-1.5, 1):values())
    assert.equal(30, t:clamp(0):max())
    assert.equal(-100, t:clamp(nil, 0):min())
  end)

  it("keeps the digits of small probabilities", function()
    local p = fovea.tensor({ -50 }):sigmoid():item()
    near.number(1, p / math.exp(-50), 1e-5)
  end)

  it("carries NaN through, except in comparisons", function()
    local t = fovea.tensor { nan, 1, inf }
    for _, u in ipairs { t:relu(), t:clamp(0, 2), t:max_of(0), t:min_of(0), t:sign(), t + 1, t:sigmoid() } do
      assert.is_true(u(1) ~= u(1))
      assert.is_true(u(2) == u(2))
    end
    assert.is_true((fovea.tensor({ 0 }):max_of(nan)):item() ~= 0)
    assert.same({ 0, 1, 1 }, t:gt(0):values())
    assert.same({ 0, 0, 0 }, t:lt(0):values())
    assert.same({ 1, 1, 1 }, t:ne(0):values())
  end)

  it("names the operation and both shapes", function()
    local b = fovea.zeros { 4 }
    local _, message = pcall(function() return a + b end)
    assert.matches("tensor_math_spec.lua:%d+: add: shapes 2x3 and 4 do not broadcast$", message)
    assert.error_matches(function() return a:gt(b) end, "gt: shapes 2x3 and 4")
    assert.error_matches(function() return a:where(b, 1) end, "where: shapes 2x3 and 4")
    assert.error_matches(function() return a * {} end, "mul: operand must be a tensor or a number, not table")
    assert.error_matches(function() return a + "1" end, "add: operand .* not string")
    assert.error_matches(function() return a:clamp(2, 1) end, "clamp: the lower limit 2 is above the upper limit 1")
  end)
end)
