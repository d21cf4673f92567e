-- Tables as pictures: one scale of colours over all blocks, empty cells, sizes.
local colormap = require "fovea.colormap"
local table_picture = require "fovea.report.table_picture"

--- Colour of the corner of a cell, which no digit covers.
local function corner(picture, left, top) return { picture:get(1, top, left), picture:get(2, top, left),
  picture:get(3, top, left) } end

local function same(want, got)
  for i = 1, 3 do assert.is_true(math.abs(want[i] - got[i]) <= 1, ("%g is not %g"):format(got[i], want[i])) end
end

describe("table pictures", function()
  local spec = { title = "t", rows = { "a", "b" }, columns = { "x", "y" }, blocks = {
    { title = "one", values = { { 1, 2 }, { 0 / 0, 3 } } }, { title = "two", values = { { 5, 4 } } } } }

  it("colours cells on one scale and leaves out what is missing", function()
    local picture = table_picture.draw(spec)
    local shape = picture:shape()
    -- margin 16, label one letter and a gap, cells 132 x 26, blocks 18 apart; the head takes 66 rows
    local font = require "fovea.font"
    local left, top = 16 + math.ceil(math.max(font.width("a", 11), font.width("b", 11))) + 11, 16 + 66
    assert.same({ 3, top + 2 * 26 + 16, left + 2 * (2 * 132 + 18) - 18 + 16 }, shape)
    same(colormap.at("viridis", 0), corner(picture, left + 3, top + 3))
    same(colormap.at("viridis", 0.25), corner(picture, left + 132 + 3, top + 3))
    same({ 236, 236, 240 }, corner(picture, left + 3, top + 26 + 3))
    same(colormap.at("viridis", 0.5), corner(picture, left + 132 + 3, top + 26 + 3))
    local second = left + 2 * 132 + 18
    same(colormap.at("viridis", 1), corner(picture, second + 3, top + 3))
    same(colormap.at("viridis", 0.75), corner(picture, second + 132 + 3, top + 3))
    same({ 236, 236, 240 }, corner(picture, second + 3, top + 26 + 3))
  end)

  it("draws a table without any value", function()
    assert.has_no.errors(function()
      table_picture.draw { title = "a long title that is wider than the cells", rows = { "r" }, columns = { "c" },
        blocks = { { values = {} } } }
    end)
  end)
end)
