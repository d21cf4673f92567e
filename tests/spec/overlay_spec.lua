local fovea = require "fovea"
local colormap = require "fovea.colormap"
local font = require "fovea.font"
local image = require "fovea.image"
local overlay = require "fovea.overlay"
local panel = require "fovea.panel"

local function near(expected, got) assert.is_true(math.abs(expected - got) < 1e-3, expected .. " and " .. got) end

describe("overlay", function()
  local picture = fovea.full({ 3, 2, 2 }, 100)

  it("mixes the colours of the map with the image", function()
    local map = fovea.tensor { { 0, 1 }, { 0.5, 0.3 } }
    local out = overlay.overlay(picture, map, { alpha = 0.5, colormap = "grey", proportional = false })
    for i, v in ipairs { 50, 177.5, 50 + 0.25 * 255, 50 + 0.15 * 255 } do near(v, out:select(1, 2):flatten():get(i)) end
  end)

  it("leaves the image alone where the map is zero", function()
    local out = overlay.overlay(picture, fovea.tensor { { 0, 1 }, { 0.3, 0 } }, { alpha = 1, colormap = "grey" })
    local values = out:select(1, 1):flatten():values()
    for i, v in ipairs { 100, 255, 50 + 0.5 * 0.3 * 255, 100 } do near(v, values[i]) end
  end)

  it("has the size of the image, whatever that of the map", function()
    assert.same({ 3, 30, 40 }, overlay.overlay(fovea.zeros { 30, 40 }, fovea.zeros { 1, 1, 3, 4 }):shape())
  end)

  it("shows signed maps with both colours", function()
    local out = overlay.overlay(picture, fovea.tensor { { -1, 1 }, { 0, 0 } }, { signed = true, alpha = 1 })
    local blue, red = colormap.at("diverging", 0), colormap.at("diverging", 1)
    for c = 1, 3 do
      near(blue[c], out:get(c, 1, 1))
      near(red[c], out:get(c, 1, 2))
      near(100, out:get(c, 2, 1))
    end
  end)

  it("leaves out what is not covered", function()
    local out = overlay.overlay(picture, fovea.full({ 2, 2 }, 1), { alpha = 1, colormap = "grey",
      covered = fovea.tensor { { 1, 0 }, { 0, 1 } } })
    assert.same({ 255, 100, 100, 255 }, out:select(1, 1):flatten():values())
  end)

  it("draws the outline of a mask on top", function()
    local out = overlay.overlay(fovea.zeros { 3, 3 }, fovea.zeros { 3, 3 },
      { contour = fovea.tensor { { 0, 0, 0 }, { 0, 1, 0 }, { 0, 0, 0 } }, contour_colour = { 1, 2, 3 } })
    assert.same({ 1, 2, 3 }, { out:get(1, 2, 2), out:get(2, 2, 2), out:get(3, 2, 2) })
    assert.are.equal(6, out:sum())
  end)

  it("does not change the image", function()
    overlay.overlay(picture, fovea.full({ 2, 2 }, 1), { contour = fovea.tensor { { 1, 0 }, { 0, 0 } } })
    overlay.outline(picture, fovea.tensor { { 1, 0 }, { 0, 0 } })
    assert.are.equal(100, picture:min())
    assert.are.equal(100, picture:max())
  end)

  it("refuses unknown options", function()
    assert.error_matches(function() overlay.overlay(picture, picture, { colourmap = "jet" }) end, "'colormap'")
    assert.error_matches(function() overlay.overlay(picture, fovea.zeros { 2, 2 }, { range = 3 }) end, "two numbers")
  end)
end)

describe("font", function()
  it("draws every printable character, each its own way", function()
    local seen = {}
    for code = 33, 126 do
      local canvas = fovea.zeros { 3, 30, 30 }
      font.draw(canvas, string.char(code), { left = 2, top = 2, height = 18, colour = { 255, 255, 255 } })
      assert.is_true(canvas:sum() > 0)
      local hash = canvas:hash()
      assert.is_nil(seen[hash], string.char(code))
      seen[hash] = code
    end
  end)

  it("stays inside of its width", function()
    local text = "Heat map 0.98 (decoder.4)"
    local width = font.width(text, 12)
    local canvas = fovea.zeros { 3, 24, math.ceil(width) + 40 }
    font.draw(canvas, text, { left = 10, top = 4, height = 12, colour = { 255, 255, 255 } })
    assert.are.equal(0, canvas:slice(3, 1, 9):sum())
    assert.are.equal(0, canvas:slice(3, 12 + math.ceil(width), -1):sum())
  end)

  it("cuts a text to a width, between characters", function()
    assert.are.equal("short", font.fit("short", 10, 500))
    local cut = font.fit("a very long label", 10, 60)
    assert.matches("^a ve.*%.%.$", cut)
    assert.is_true(font.width(cut, 10) <= 60)
    assert.are.equal("", font.fit("wide", 10, 3))
    assert.is_truthy(utf8.len(font.fit("\u{e4}\u{f6}\u{fc}\u{e4}\u{f6}\u{fc}", 10, 40)))
  end)
end)

describe("panel", function()
  it("writes numbers short", function()
    local expected = { [0] = "0", [0.98123] = "0.981", [-1.2e-5] = "-1.2e-5", [3] = "3", [1234] = "1234",
      [123456] = "1.2e+5", [-0.5] = "-0.5", [2e-12] = "2.0e-12" }
    for value, text in pairs(expected) do assert.are.equal(text, panel.number(value)) end
  end)

  it("places the pictures unchanged, side by side", function()
    local a, b = fovea.uniform({ 3, 300, 320 }, { seed = 1 }) * 255, fovea.full({ 3, 300, 320 }, 9)
    local out = panel.row { { picture = a, title = "A" }, { picture = b } }
    local shape = out:shape()
    assert.is_true(shape[2] > 300 and shape[3] > 640)
    local top, left
    for y = 1, shape[2] do -- the second picture is the only dark grey area
      if not top and out:get(1, y, shape[3] - 40) == 9 then top = y end
    end
    for x = shape[3] - 40, 1, -1 do
      if out:get(1, top, x) ~= 9 then left = x + 1 break end
    end
    assert.are.equal(9, out:slice(2, top, top + 299):slice(3, left, left + 319):max())
    local first = left - 320
    while first > 0 and not a:equal(out:slice(2, top, top + 299):slice(3, first, first + 319)) do first = first - 1 end
    assert.is_true(first > 0)
  end)

  it("magnifies small pictures by a whole factor", function()
    local small = panel.row { { picture = fovea.zeros { 64, 48 } } }:shape()
    assert.is_true(small[2] > 64 * 5 and small[2] < 64 * 5 + 80)
  end)

  it("adds image, prediction, heat map and bar", function()
    local picture = image.new(fovea.full({ 300, 300 }, 50))
    local map = fovea.uniform({ 10, 10 }, { seed = 2 })
    local with = panel.explanation(picture, map:gt(0.5), map, { values = { 0, 1e-6 }, caption = "layer" })
    local without = panel.explanation(picture, nil, map, { values = { 0, 1e-6 }, caption = "layer" })
    assert.are.equal(with:shape()[2], without:shape()[2])
    assert.is_true(with:shape()[3] - without:shape()[3] > 300)
    assert.is_true(panel.explanation(picture, nil, map * 2 - 1, { signed = true }):is_finite())
  end)

  it("refuses pictures of different sizes", function()
    local items = { { picture = fovea.zeros { 4, 4 } }, { picture = fovea.zeros { 4, 5 } } }
    assert.error_matches(function() panel.row(items) end, "picture 2 is 5x4, the first 4x4")
    assert.error_matches(function() panel.row {} end, "no pictures")
  end)
end)
