local fovea = require "fovea"
local near = require "support.near"

local nan, inf = 0 / 0, 1 / 0

--- Positions ordered by value descending, then position ascending.
local function ranking(values)
  local order = {}
  for i = 1, #values do order[i] = i end
  table.sort(order, function(i, j)
    if values[i] ~= values[j] then return values[i] > values[j] end
    return i < j
  end)
  return order
end

--- Values with many ties.
local function coarse(shape, seed, levels)
  return (fovea.uniform(shape, { seed = seed }) * levels):floor() / levels
end

describe("tensor sort", function()
  it("orders everything, negative numbers and infinities included", function()
    local t = fovea.normal({ 3, 1111 }, { seed = 1 })
    local wanted = t:values()
    table.sort(wanted)
    assert.same(wanted, t:sort():values())
    assert.same({ 3333 }, t:sort():shape())
    near.values({ -inf, -2, -1e-42, 0, 1e-42, 1, inf, nan, nan },
      fovea.tensor({ 1, nan, -1e-42, inf, 0, -inf, nan, 1e-42, -2 }):sort(), 1e-45)
    assert.same({}, fovea.zeros({ 0 }):sort():values())
  end)
end)

describe("tensor quantile", function()
  it("interpolates between sorted neighbours", function()
    local t = fovea.tensor { 10, 40, 20, 30 }
    assert.equal(10, t:quantile(0))
    assert.equal(40, t:quantile(1))
    assert.equal(25, t:quantile(0.5))
    near.number(10 + 0.3 * 10, t:quantile(0.1)) -- position 0.3
    near.number(37, t:quantile(0.9)) -- position 2.7
    assert.equal(5, fovea.tensor(5):quantile(0.3))
  end)

  it("agrees with the sorted list", function()
    local t = fovea.normal({ 7, 991 }, { seed = 5 })
    local x = t:values()
    table.sort(x)
    for _, q in ipairs { 0, 0.001, 0.25, 0.333, 0.5, 0.95, 0.99999, 1 } do
      local h = (#x - 1) * q
      local low = h // 1 | 0
      local wanted = x[low + 1] + (h - low) * ((x[low + 2] or x[low + 1]) - x[low + 1])
      near.number(wanted, t:quantile(q), 1e-12)
    end
  end)

  it("handles NaN, infinities and misuse", function()
    near.number(nan, fovea.tensor({ 1, nan }):quantile(0))
    assert.equal(inf, fovea.tensor({ 1, inf, inf }):quantile(0.75))
    assert.error_matches(function() fovea.zeros({ 0 }):quantile(0.5) end, "quantile: shape 0 has no elements")
    assert.error_matches(function() fovea.zeros({ 1 }):quantile(1.5) end, "quantile: the fraction 1.5 is not within")
    assert.error_matches(function() fovea.zeros({ 1 }):quantile(nan) end, "is not within")
  end)
end)

describe("tensor top_k", function()
  it("takes exactly k of equal scores, in flat order", function()
    local t = fovea.full({ 4, 5 }, 0.25)
    for k = 0, 21 do
      local mask, ties = t:top_k(k)
      local wanted = {}
      for i = 1, 20 do wanted[i] = i <= k and 1 or 0 end
      assert.same(wanted, mask:values())
      assert.equal(k > 0 and k < 20, ties)
    end
  end)

  it("orders by value descending, then position", function()
    local t = coarse({ 1, 1, 13, 17 }, 3, 9) - 0.5
    local x = t:values()
    local order = ranking(x)
    for _, k in ipairs { 1, 2, 10, 57, 110, 219, 220, 221 } do
      local mask, ties = t:top_k(k)
      assert.same(t:shape(), mask:shape())
      assert.equal(k, mask:count_nonzero())
      for i = 1, k do assert.equal(1, mask:values()[order[i]]) end
      assert.equal(k < #x and x[order[k]] == x[order[k + 1]], ties)
    end
  end)

  it("is the percentile by count", function()
    local t = fovea.normal({ 40, 25 }, { seed = 8 }) -- no ties
    for _, p in ipairs { 50, 90, 95, 99.9 } do
      local k = math.ceil((1 - p / 100) * t:count() - 1e-9)
      local mask, ties = t:top_k(k)
      assert.is_true(mask:equal(t:gt(t:quantile(1 - k / (t:count() - 1)))))
      assert.is_false(ties)
    end
  end)

  it("is a permutation's mask permuted", function()
    local t = fovea.normal({ 6, 7 }, { seed = 11 })
    assert.is_true(t:top_k(9):transpose({ 2, 1 }):equal((t:transpose { 2, 1 }):top_k(9)))
    assert.is_true(t:top_k(9):flatten():equal((t:flatten():top_k(9))))
  end)

  it("ranks NaN last, and takes 0 and -0 for equal", function()
    local t = fovea.tensor { nan, 1, nan, -inf, 2 }
    assert.same({ 0, 1, 0, 0, 1 }, (t:top_k(2)):values())
    assert.same({ 0, 1, 0, 1, 1 }, (t:top_k(3)):values())
    local mask, ties = t:top_k(4)
    assert.same({ 1, 1, 0, 1, 1 }, mask:values())
    assert.is_true(ties)
    mask, ties = (fovea.tensor { 0, 0, -1 } * fovea.tensor { -1, 1, 1 }):top_k(1)
    assert.same({ 1, 0, 0 }, mask:values())
    assert.is_true(ties)
    assert.error_matches(function() t:top_k(-1) end, "must not be negative")
  end)
end)

describe("tensor histogram", function()
  it("counts values per bin, the last bin closed", function()
    local counts, edges = fovea.tensor({ 0, 0.5, 1, 1.5, 2, 3, 4 }):histogram { bins = 4 }
    assert.same({ 2, 2, 1, 2 }, counts:values())
    assert.same({ 0, 1, 2, 3, 4 }, edges:values())
  end)

  it("agrees with a naive count", function()
    local t = fovea.uniform({ 5000 }, { seed = 4, min = -1, max = 3 })
    local counts, edges = t:histogram { bins = 16, min = -0.5, max = 2.5 }
    local wanted = {}
    for b = 1, 16 do
      local low, high = edges(b), edges(b + 1)
      wanted[b] = (t:ge(low) & t:lt(high)):count_nonzero()
    end
    assert.same(wanted, counts:values())
    assert.equal((t:ge(-0.5) & t:le(2.5)):count_nonzero(), counts:sum())
  end)

  it("leaves out NaN and what lies outside, and widens an empty range", function()
    local counts = fovea.tensor({ nan, -1, 0.5, 2, inf }):histogram { bins = 2, min = 0, max = 1 }
    assert.same({ 0, 1 }, counts:values())
    local flat, edges = fovea.full({ 3 }, 7):histogram { bins = 2 }
    assert.same({ 0, 3 }, flat:values())
    assert.same({ 6.5, 7, 7.5 }, edges:values())
    assert.equal(2, fovea.tensor({ nan, 1, inf, 3 }):histogram():sum())
    assert.equal(256, fovea.tensor({ nan }):histogram():count())
    assert.error_matches(function() flat:histogram { bins = 0 } end, "histogram: 0 is not a number of bins")
    assert.error_matches(function() flat:histogram { min = 2, max = 1 } end, "histogram: 2 to 1 is not a range")
    assert.error_matches(function() flat:histogram { bin = 3 } end, "histogram: unknown option 'bin'")
  end)
end)

describe("tensor ranks", function()
  it("gives equal elements the mean of their ranks", function()
    assert.same({ 4, 1.5, 3, 1.5 }, fovea.tensor({ 3, 1, 2, 1 }):ranks():values())
    assert.same({ { 2, 2 }, { 2, 4 } }, fovea.tensor({ { 5, 5 }, { 5, 6 } }):ranks():to_table())
    assert.same({}, fovea.zeros({ 0 }):ranks():values())
    near.values({ 1, nan, 2 }, fovea.tensor({ -1, nan, 7 }):ranks(), 0)
  end)

  it("agrees with counting", function()
    local t = coarse({ 23, 17 }, 5, 40)
    local values, wanted = t:values(), {}
    for i, x in ipairs(values) do
      local below, equal = 0, 0
      for _, y in ipairs(values) do
        below, equal = below + (y < x and 1 or 0), equal + (y == x and 1 or 0)
      end
      wanted[i] = below + (equal + 1) / 2
    end
    assert.same(wanted, t:ranks():values())
  end)
end)
