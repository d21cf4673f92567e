-- Fields, textures, coverage and blur, against naive Lua.
local core = require "fovea.core"
local draw_module = require "fovea.draw"
local fovea = require "fovea"
local random = require "fovea.random"

local draw = core.draw

-- Distance of a point to a segment with its radius there, by dense sampling of the segment.
local function nearest(s, x, y)
  local best, radius = math.huge, 0
  for i = 0, 4000 do
    local t = i / 4000
    local d = math.sqrt((x - s[1] - t * (s[4] - s[1])) ^ 2 + (y - s[2] - t * (s[5] - s[2])) ^ 2)
    if d < best then best, radius = d, s[3] + t * (s[6] - s[3]) end
  end
  return best - radius, best / radius
end

describe("strokes", function()
  local strokes = { { 3, 4, 1, 12, 9, 3 }, { 14, 2, 1.5, 14, 2, 1.5 } }

  it("are the signed distance to the nearest one, with its value #smoke", function()
    local flat = { 3, 4, 1, 12, 9, 3, 0.25, 14, 2, 1.5, 14, 2, 1.5, 7 }
    local all = draw.strokes(12, 18, flat, 30)
    assert.same({ 3, 12, 18 }, all:shape())
    for y = 1, 12, 2 do
      for x = 1, 18, 2 do
        local a, profile_a = nearest(strokes[1], x - 0.5, y - 0.5)
        local b, profile_b = nearest(strokes[2], x - 0.5, y - 0.5)
        assert.near(math.min(a, b), all:get(1, y, x), 1e-3)
        assert.near(math.min(2, a < b and profile_a or profile_b), all:get(2, y, x), 1e-3)
        assert.equal(a < b and 0.25 or 7, all:get(3, y, x))
      end
    end
  end)

  it("reach no further than they are told", function()
    local all = draw.strokes(9, 40, { 2, 4.5, 1, 4, 4.5, 1, 5 }, 3)
    assert.equal(3, all:get(1, 5, 40))
    assert.equal(2, all:get(2, 5, 40))
    assert.equal(0, all:get(3, 5, 40))
    assert.near(2.5 - 1, all:get(1, 5, 7), 1e-6)
    assert.same({ 3, 3, 3, 2, 2, 2, 0, 0, 0 }, draw.strokes(1, 3, {}, 3):flatten():values())
  end)

  it("refuse what they cannot draw", function()
    assert.error_matches(function() draw.strokes(4, 4, { 1, 2, 3 }) end, "seven numbers")
    assert.error_matches(function() draw.strokes(4, 4, { 0, 0, 0, 0, 0, 0, 0 / 0 }) end, "near the picture")
    assert.error_matches(function() draw.strokes(4, 4, {}, -1) end, "reach")
    assert.error_matches(function() draw.strokes(0, 4, {}) end, "a side of the grid")
  end)
end)

describe("blob", function()
  it("is a circle's signed distance without harmonics", function()
    local field = draw.blob(10, 12, 6, 5, 3, 3)
    for y = 1, 10 do
      for x = 1, 12 do assert.near(math.sqrt((x - 6.5) ^ 2 + (y - 5.5) ^ 2) - 3, field:get(y, x), 1e-5) end
    end
  end)

  it("has an exact border with harmonics, turned and stretched", function()
    local angle, harmonics = 0.7, { 0.05, -0.1, 0.1, 0.02, 0, 0.06 }
    local field = draw.blob(64, 64, 30, 33, 20, 12, angle, harmonics)
    for y = 1, 64, 3 do
      for x = 1, 64, 3 do
        local dx, dy = x - 0.5 - 30, y - 0.5 - 33
        local u = (math.cos(angle) * dx + math.sin(angle) * dy) / 20
        local v = (math.cos(angle) * dy - math.sin(angle) * dx) / 12
        local t, radius = math.atan(v, u), 1
        for k = 1, 3 do
          radius = radius + harmonics[2 * k - 1] * math.cos(k * t) + harmonics[2 * k] * math.sin(k * t)
        end
        assert.near((math.sqrt(u * u + v * v) - radius) * 16, field:get(y, x), 1e-4)
      end
    end
  end)

  it("refuses an impossible shape", function()
    assert.error_matches(function() draw.blob(4, 4, 2, 2, 0, 1) end, "half axes")
    assert.error_matches(function() draw.blob(4, 4, 2, 2, 1, 1, 0, { 1 }) end, "two numbers per harmonic")
  end)
end)

describe("noise", function()
  it("has mean 0 and deviation 1 whatever the octaves, and is smooth", function()
    for octaves = 1, 5, 2 do
      local noise = draw.noise(256, 256, { seed = 3, cell = 6.3, octaves = octaves })
      assert.near(0, noise:mean(), 0.06)
      assert.near(1, noise:std(), 0.06)
    end
    local smooth = draw.noise(64, 64, { seed = 1, cell = 32 })
    local step = (smooth:slice(2, 2, 64) - smooth:slice(2, 1, 63)):abs():max()
    assert.is_true(step < 0.35, step)
  end)

  it("is the same pattern at another resolution", function()
    local small = draw.noise(32, 32, { seed = 9, cell = 8, octaves = 2 })
    local large = draw.noise(96, 96, { seed = 9, cell = 24, octaves = 2 })
    for i = 1, 32, 5 do assert.near(small:get(i, 7), large:get(3 * i - 1, 20), 1e-5) end
  end)

  it("turns and stretches", function()
    local long = draw.noise(128, 128, { seed = 2, cell = 4, stretch = 8 })
    local along = (long:slice(2, 2, 128) - long:slice(2, 1, 127)):std()
    local across = (long:slice(1, 2, 128) - long:slice(1, 1, 127)):std()
    assert.is_true(across > 4 * along)
    local turned = draw.noise(128, 128, { seed = 2, cell = 4, stretch = 8, angle = math.pi / 2 })
    assert.is_true((turned:slice(2, 2, 128) - turned:slice(2, 1, 127)):std() > 4 * (turned:slice(1, 2, 128)
      - turned:slice(1, 1, 127)):std())
  end)

  it("refuses unknown options and impossible cells", function()
    assert.error_matches(function() draw.noise(4, 4, { sead = 1 }) end, "unknown option 'sead'")
    assert.error_matches(function() draw.noise(4, 4, { cell = 0 }) end, "cells of 0 x 0")
    assert.error_matches(function() draw.noise(4, 4, { octaves = 13 }) end, "octaves")
    assert.error_matches(function() draw.noise(4, 4, { angle = 1 / 0 }) end, "angle")
  end)
end)

describe("cells", function()
  it("order their distances and cover the plane with points about a cell apart", function()
    local all = draw.cells(80, 80, { seed = 4, cell = 8 })
    local first, second, value = all:select(1, 1), all:select(1, 2), all:select(1, 3)
    assert.is_true((second - first):min() >= 0)
    assert.is_true(first:max() < 1.5 and first:min() < 0.1)
    assert.is_true(value:min() >= 0 and value:max() < 1)
    local different = {}
    for _, v in ipairs(value:flatten():values()) do different[v] = true end
    local count = 0
    for _ in pairs(different) do count = count + 1 end
    assert.is_true(count > 90 and count < 150, count) -- 100 cells, and those that reach in
  end)
end)

describe("cover and blur", function()
  it("make a step smooth", function()
    local cover = draw.cover(fovea.tensor { { -3, -1, -0.5, 0, 0.5, 1, 3 } }, 2)
    assert.same({ 1, 1, 0.84375, 0.5, 0.15625, 0, 0 }, cover:flatten():values())
    assert.error_matches(function() draw.cover(cover, 0) end, "softness")
  end)

  it("keep the mean, spread a point like a Gaussian, and mirror at the edge", function()
    local point = fovea.zeros { 2, 31, 31 }
    point:set(1, 16, 16, 1)
    local blurred = draw.blur(point, 2)
    assert.near(1, blurred:sum(), 1e-5)
    local sum = 0
    for k = -6, 6 do sum = sum + math.exp(-k * k / 8) end
    for d = 0, 6 do assert.near(math.exp(-d * d / 8) / sum ^ 2, blurred:get(1, 16, 16 + d), 1e-7) end
    assert.equal(0, blurred:select(1, 2):sum())
    local even = draw.blur(fovea.full({ 5, 4 }, 3), 7)
    assert.near(3, even:min(), 1e-5)
    assert.near(3, even:max(), 1e-5)
    assert.is_true(point:equal(draw.blur(point, 0)))
  end)
end)

describe("threads", function()
  it("do not change a bit", function()
    local before, kinds = core.threads(), {
      noise = function() return draw.noise(600, 500, { cell = 20, octaves = 3 }) end,
      cells = function() return draw.cells(600, 500, { cell = 20 }) end,
      grain = function() return draw.grain({ 3, 400, 300 }, 1) end,
      blob = function() return draw.blob(600, 500, 250, 300, 90, 40, 0.2, { 0, 0, 0.1, 0.1 }) end,
      strokes = function()
        return draw.strokes(600, 500, { 10, 10, 4, 400, 500, 9, 1, 500, 9, 3, 10, 490, 8, 2 }, 20)
      end,
    }
    for name, make in pairs(kinds) do
      core.threads(1)
      local one = make()
      core.threads(4)
      assert.is_true(one:equal(make()), name)
    end
    core.threads(before)
  end)
end)

describe("a canvas", function()
  local canvas = draw_module.canvas(40)

  it("measures in parts of its side", function()
    local distance = canvas:distance(0.5, 0.25)
    assert.near(math.sqrt((10.5 - 20) ^ 2 + (3.5 - 10) ^ 2), distance:get(4, 11), 1e-4)
    local inside = draw_module.inside(canvas:blob { x = 0.5, y = 0.5, radius = 0.25 })
    assert.near(math.pi * 100, inside:sum(), 8)
    local wide = draw_module.inside(canvas:blob { x = 0.5, y = 0.5, radius = 0.25, aspect = 2 })
    assert.near(math.pi * 100, wide:sum(), 8)
    local field = canvas:strokes { { 0.25, 0.5, 0.1, 0.75, 0.5, 0.1 } }
    assert.near(8 * 20 + math.pi * 16, draw_module.inside(field):sum(), 8)
  end)

  it("lays colours and filters over a picture", function()
    local picture, cover = canvas:filled { 100, 50, 20 }, canvas:plane(0.5)
    assert.same({ 3, 40, 40 }, picture:shape())
    local over = draw_module.over(picture, { 200, 50, 0 }, cover)
    assert.same({ 150, 50, 10 }, { over:get(1, 1, 1), over:get(2, 7, 9), over:get(3, 40, 40) })
    assert.equal(125, draw_module.over(picture, { 200, 50, 0 }, cover, 0.5):get(1, 3, 3))
    local filtered = draw_module.filter(picture, { 1, 0.5, 2 }, cover)
    assert.same({ 100, 37.5, 30 }, { filtered:get(1, 1, 1), filtered:get(2, 1, 1), filtered:get(3, 1, 1) })
  end)

  it("draws harmonics that fall with their order", function()
    local list = draw_module.harmonics(random.new(1), 6, 0.1)
    assert.equal(12, #list)
    assert.same({ 0, 0 }, { list[1], list[2] })
    for k = 2, 6 do assert.is_true(math.abs(list[2 * k]) <= 3.47 * 0.1 * 2 / k) end
  end)
end)
