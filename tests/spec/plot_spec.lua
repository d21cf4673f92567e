-- Ticks and bars.
local plot = require "fovea.plot"

--- Rows of a picture in which pixels have exactly that colour, top and bottom, and how many there are.
local function extent(picture, colour)
  local match = picture:slice(1, 1, 1):eq(colour[1]) & picture:slice(1, 2, 2):eq(colour[2])
    & picture:slice(1, 3, 3):eq(colour[3])
  local rows = match:sum { 3 }:values()
  local top, bottom, most = nil, nil, 0
  for y, count in ipairs(rows) do
    if count > 20 then
      top, bottom, most = top or y, y, math.max(most, count)
    end
  end
  return top, bottom, most
end

local BLUE, RED, SKY = { 0, 114, 178 }, { 213, 94, 0 }, { 86, 180, 233 }

describe("fovea.plot", function()
  it("ticks are round numbers", function()
    assert.same({ 0, 20, 40, 60, 80, 100 }, plot.ticks(0, 100, 5))
    assert.same({ -1, 0, 1 }, plot.ticks(-1.4, 1.2, 3))
  end)

  it("bars are as high as their values, and stand beside each other", function()
    local picture = plot.bars { groups = { "a", "b" }, width = 500, height = 300,
      series = { { values = { 4, 2 } }, { values = { 1 } } } }
    assert.same({ 3, 300, 500 }, picture:shape())
    local top, bottom, width = extent(picture, BLUE)
    local small_top, small_bottom, small_width = extent(picture, RED)
    assert.equal(bottom, small_bottom)
    local high, low = bottom - top + 1, small_bottom - small_top + 1
    assert.is_true(math.abs(high / low - 4) < 0.1)
    assert.is_true(math.abs(width / small_width - 2) < 0.05)
  end)

  it("bars leave out what has no value", function()
    local picture = plot.bars { groups = { "a" }, series = { { values = {}, label = "none" }, { values = { 0 / 0 } } } }
    assert.is_nil((extent(picture, RED)))
    assert.has_error(function() plot.bars { groups = {}, bars = {} } end)
  end)

  it("legends take the rows they need", function()
    local series = {}
    for i = 1, 6 do series[i] = { values = {}, label = ("contestant number %d"):format(i) } end
    local rows = {}
    for i, colour in ipairs { BLUE, SKY } do
      local picture = plot.bars { groups = { "a" }, series = series, width = 400, height = 300 }
      local match = picture:slice(1, 1, 1):eq(colour[1]) & picture:slice(1, 2, 2):eq(colour[2])
        & picture:slice(1, 3, 3):eq(colour[3])
      rows[i] = select(1, match:sum({ 1, 3 }):argmax())
      assert.is_true(match:any())
    end
    assert.is_true(rows[2] > rows[1] + 20)
  end)
end)
