local fovea = require "fovea"
local picture = require("fovea.core").picture

local RED = { 255, 0, 0 }

-- The first channel of a picture as text, one character per pixel.
local function drawn(canvas)
  local rows, shape = {}, canvas:shape()
  for y = 1, shape[2] do
    local row = {}
    for x = 1, shape[3] do row[x] = canvas:get(1, y, x) > 127 and "#" or "." end
    rows[y] = table.concat(row)
  end
  return table.concat(rows, "\n")
end

describe("picture.colour", function()
  local ramp = {}
  for i = 0, 255 do table.move({ i, 255 - i, 2 * i }, 1, 3, #ramp + 1, ramp) end
  local table_ = fovea.tensor({ 256, 3 }, ramp)

  it("interpolates between the entries and clamps outside", function()
    local map = fovea.tensor { { 0, 1, 0.5 }, { -3, 7, 0.25 } }
    local out = picture.colour(map, table_, 0, 1)
    assert.same({ 3, 2, 3 }, out:shape())
    assert.same({ 0, 255, 127.5, 0, 255, 63.75 }, out:select(1, 1):flatten():values())
    assert.same({ 255, 0, 127.5, 255, 0, 191.25 }, out:select(1, 2):flatten():values())
  end)

  it("puts zero of a signed map in the middle (oracle 58)", function()
    local out = picture.colour(fovea.tensor { { -2, 0, 2 } }, table_, -2, 2)
    assert.same({ 0, 127.5, 255 }, out:select(1, 1):flatten():values())
  end)

  it("shows a NaN as grey and an empty range as the first colour", function()
    assert.same({ 128, 128, 128 }, picture.colour(fovea.tensor { { 0 / 0 } }, table_, 0, 1):flatten():values())
    assert.same({ 0, 255, 0 }, picture.colour(fovea.tensor { { 5 } }, table_, 1, 1):flatten():values())
  end)

  it("refuses other shapes", function()
    assert.error_matches(function() picture.colour(fovea.zeros { 2, 2, 2 }, table_, 0, 1) end, "not 2x2x2")
    assert.error_matches(function() picture.colour(fovea.zeros { 2, 2 }, fovea.zeros { 3, 256 }, 0, 1) end, "3x256")
  end)
end)

describe("picture.blend", function()
  local below, above = fovea.full({ 3, 1, 2 }, 100), fovea.full({ 3, 1, 2 }, 200)

  it("mixes by alpha, and by a weight in 0..1", function()
    assert.same({ 125, 125, 125, 125, 125, 125 }, picture.blend(below, above, 0.25):flatten():values())
    local weighted = picture.blend(below, above, 0.5, fovea.tensor { { 0.5, 3 } })
    assert.same({ 125, 150 }, weighted:select(1, 1):flatten():values())
    assert.same({ 100, 100 }, picture.blend(below, above, 1, fovea.tensor { { -1, 0 / 0 } }):select(1, 2):values())
  end)

  it("refuses what does not fit", function()
    assert.error_matches(function() picture.blend(below, fovea.zeros { 3, 2, 2 }, 1) end, "1x2 and 2x2")
    assert.error_matches(function() picture.blend(below, above, 1, fovea.zeros { 2, 2 }) end, "2x2.*1x2")
    assert.error_matches(function() picture.blend(below, above, 1.5) end, "alpha 1.5")
    assert.error_matches(function() picture.blend(fovea.zeros { 1, 1, 2 }, above, 1) end, "3 x H x W, not 1x1x2")
  end)
end)

describe("drawing", function()
  it("outlines a mask: members with a face neighbour outside, not at the edge", function()
    local mask = fovea.tensor {
      { 1, 1, 0, 0, 0 }, { 1, 1, 0, 1, 1 }, { 0, 0, 0, 1, 1 }, { 0, 0, 0, 1, 1 }, { 0, 0, 0, 1, 1 } }
    local canvas = picture.contour(fovea.zeros { 3, 5, 5 }, mask, RED)
    assert.are.equal(".#...\n##.##\n...#.\n...#.\n...#.", drawn(canvas))
    assert.are.equal(0, canvas:select(1, 2):sum())
  end)

  it("draws nothing for a full or an empty mask", function()
    for value = 0, 1 do
      assert.are.equal(0, picture.contour(fovea.zeros { 3, 4, 4 }, fovea.full({ 4, 4 }, value), RED):sum())
    end
  end)

  it("draws thicker outlines with a round brush", function()
    local mask = fovea.zeros { 7, 7 }
    mask:set(4, 4, 1)
    local function with(thickness) return drawn(picture.contour(fovea.zeros { 3, 7, 7 }, mask, RED, thickness)) end
    local empty = "......."
    assert.are.equal(table.concat({ empty, empty, empty, "...##..", "...##..", empty, empty }, "\n"), with(2))
    assert.are.equal(table.concat({ empty, empty, "..###..", "..###..", "..###..", empty, empty }, "\n"), with(3))
    local wide, narrow = ".#####.", "..###.."
    assert.are.equal(table.concat({ empty, narrow, wide, wide, wide, narrow, empty }, "\n"), with(5))
    assert.error_matches(function() with(0) end, "thickness")
    assert.error_matches(function() picture.contour(fovea.zeros { 3, 2, 2 }, mask, RED) end, "7x7.*2x2")
  end)

  it("fills and pastes, cut at the edges", function()
    local canvas = picture.rectangle(fovea.zeros { 3, 3, 4 }, 2, 3, 5, 5, RED)
    assert.are.equal("....\n..##\n..##", drawn(canvas))
    local part = fovea.full({ 3, 2, 2 }, 255)
    assert.are.equal("#...\n....\n....", drawn(picture.paste(fovea.zeros { 3, 3, 4 }, part, 0, 0)))
    assert.are.equal("....\n....\n..##", drawn(picture.paste(fovea.zeros { 3, 3, 4 }, part, 3, 3)))
    assert.are.equal("....\n....\n....", drawn(picture.paste(fovea.zeros { 3, 3, 4 }, part, 9, -9)))
  end)

  it("draws smooth strokes that do not add up where they overlap", function()
    local line = { 0, 1.5, 4, 1.5 }
    local once = picture.strokes(fovea.zeros { 3, 3, 4 }, line, 0.5, RED)
    assert.are.equal("....\n####\n....", drawn(once))
    local doubled = table.move(line, 1, 4, 5, { table.unpack(line) })
    assert.is_true(once:equal(picture.strokes(fovea.zeros { 3, 3, 4 }, doubled, 0.5, RED)))
    assert.are.equal(0, picture.strokes(fovea.zeros { 3, 3, 4 }, {}, 1, RED):sum())
    assert.are.equal(0, picture.strokes(fovea.zeros { 3, 3, 4 }, { 90, 90, 99, 99 }, 1, RED):sum())
    assert.error_matches(function() picture.strokes(once, { 1, 2, 3 }, 1, RED) end, "four numbers")
    assert.error_matches(function() picture.strokes(once, { 1, 2, 3, 0 / 0 }, 1, RED) end, "numbers")
  end)
end)

describe("picture.window", function()
  local grid = fovea.tensor { { 1, 2, 3 }, { 4, 5, 6 } }

  it("crops, and fills with zeros or a mirror image", function()
    assert.same({ { 2, 3 } }, picture.window(grid, 1, 2, 1, 2):to_table())
    assert.same({ { 0, 0, 0 }, { 0, 1, 2 }, { 0, 4, 5 } }, picture.window(grid, 0, 0, 3, 3):to_table())
    assert.same({ { 5, 4, 5, 6, 5 }, { 2, 1, 2, 3, 2 }, { 5, 4, 5, 6, 5 } },
      picture.window(grid, 0, 0, 3, 5, "reflect"):to_table())
  end)

  it("mirrors again and again", function()
    local row = fovea.tensor { { 1, 2, 3 } }
    assert.same({ 1, 2, 3, 2, 1, 2, 3, 2, 1, 2, 3 }, picture.window(row, 1, -3, 1, 11, "reflect"):values())
    assert.same({ 7, 7, 7 }, picture.window(fovea.tensor { { 7 } }, 1, 0, 1, 3, "reflect"):values())
  end)

  it("is undone by the opposite window", function()
    local t = fovea.normal({ 2, 3, 5, 7 }, { seed = 1 })
    local padded = picture.window(t, -2, -3, 11, 12, "reflect")
    assert.is_true(t:equal(picture.window(padded, 4, 5, 5, 7)))
  end)

  it("refuses empty windows", function()
    assert.error_matches(function() picture.window(grid, 1, 1, 0, 2) end, "0x2 out of 2x3")
  end)
end)
