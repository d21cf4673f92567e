-- Seeded streams: the bits of the C generator, independence of streams, moments.
local core = require "fovea.core"
local fovea = require "fovea"
local random = require "fovea.random"

describe("random", function()
  it("draws the bits of base/random.h for the stream without a name #smoke", function()
    local stream, expected = random.new(42), fovea.uniform({ 8 }, { seed = 42 }):values()
    for i = 1, 8 do assert.near(expected[i], stream:uniform(), 1e-7) end
  end)

  it("gives named streams numbers of their own that do not depend on each other", function()
    local a, b = random.new(7, "skin"), random.new(7, "hair")
    local first = { a:bits(), a:bits() }
    for _ = 1, 100 do b:bits() end
    local again = random.new(7, "skin")
    assert.same(first, { again:bits(), again:bits() })
    assert.not_equal(first[1], random.new(7, "hair"):bits())
    assert.not_equal(first[1], random.new(8, "skin"):bits())
  end)

  it("is uniform, and close to normal where that is asked for", function()
    local stream, n = random.new(1, "moments"), 20000
    local mean, normal, square, most, heads, counts = 0, 0, 0, 0, 0, { 0, 0, 0 }
    for _ = 1, n do
      mean = mean + stream:uniform(2, 4) / n
      local z = stream:normal()
      normal, square, most = normal + z / n, square + z * z / n, math.max(most, math.abs(z))
      heads = heads + (stream:chance(0.3) and 1 / n or 0)
      local k = stream:integer(-1, 1)
      counts[k + 2] = counts[k + 2] + 1
    end
    assert.near(3, mean, 0.02)
    assert.near(0, normal, 0.03)
    assert.near(1, square, 0.03)
    assert.is_true(most < 3.47)
    assert.near(0.3, heads, 0.015)
    for k = 1, 3 do assert.near(n / 3, counts[k], 300) end
  end)

  it("scales and picks", function()
    local stream = random.new(3)
    for _ = 1, 50 do
      local picked = stream:pick { "a", "b" }
      assert.is_true(picked == "a" or picked == "b")
      local z = stream:normal(100, 0.001)
      assert.near(100, z, 0.0035)
    end
  end)
end)

describe("grain", function()
  it("has mean 0 and deviation 1, every element its own", function()
    local grain = core.draw.grain({ 3, 64, 64 }, 5)
    assert.near(0, grain:mean(), 0.03)
    assert.near(1, grain:std(), 0.03)
    assert.is_true(grain:abs():max() < 3.47)
    local a, b = grain:select(1, 1), grain:select(1, 2)
    assert.near(0, (a * b):mean(), 0.05)
    assert.is_true(grain:equal(core.draw.grain({ 3, 64, 64 }, 5)))
    assert.is_false(grain:equal(core.draw.grain({ 3, 64, 64 }, 6)))
  end)
end)
