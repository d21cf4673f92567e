--- A grid of pictures with labels: rows and columns of equal cells, captions above and at the left.
local core = require "fovea.core"
local font = require "fovea.font"
local image_module = require "fovea.image"
local shrink = require "fovea.report.shrink"

local M = {}

local PAPER, INK, FAINT = { 255, 255, 255 }, { 32, 32, 36 }, { 120, 120, 126 }

--- A picture scaled into a cell.
local function fitted(picture, width, height)
  local pixels = image_module.of(picture):rgb()
  local shape = pixels:shape()
  local scale = math.min(width / shape[3], height / shape[2])
  local h, w = math.max(1, math.floor(shape[2] * scale + 0.5)), math.max(1, math.floor(shape[3] * scale + 0.5))
  return shrink.to(pixels, h, w), h, w
end

--- Room for the labels of the rows, and the height of a letter.
local function layout_of(rows, cell)
  local letter = math.max(8, math.floor(cell / 20 + 0.5))
  local widest = 0
  for _, row in ipairs(rows) do widest = math.max(widest, font.width(row.label, letter)) end
  return { letter = letter, gap = math.max(4, cell // 40), left = math.min(math.ceil(widest), cell) + 2 * letter,
    line = math.floor(letter * 1.9 + 0.5) }
end

local function draw_missing(canvas, reason, place, l)
  core.picture.rectangle(canvas, place.top, place.left, place.height, place.width, { 240, 240, 242 })
  font.draw(canvas, font.fit(reason, l.letter, place.width - 2 * l.letter), { left = place.left + l.letter,
    top = place.top + place.height / 2, height = l.letter, colour = FAINT })
end

--- Draws one cell; returns what cannot be read.
local function draw_cell(canvas, item, place, l)
  if item and item.blank then return end
  if not item or not item.picture then
    return draw_missing(canvas, item and item.label or "-", place, l)
  end
  local picture, h, w = fitted(item.picture, place.width, place.height)
  core.picture.paste(canvas, picture, place.top + (place.height - h) // 2, place.left + (place.width - w) // 2)
  if item.label then
    font.draw(canvas, font.fit(item.label, l.letter, place.width), { left = place.left - 1,
      top = place.top + place.height + l.letter * 0.3, height = l.letter * 0.8, colour = FAINT })
  end
end

--- Draws a grid.
---@param spec { title: string, columns: string[], rows: { label: string, cells: table[] }[], cell: integer,
---  aspect: number? } cells: { picture = Image?, label = string?, blank = true? };
--- cell: width in pixels; aspect: height over width
---@return fovea.Tensor picture 3 x H x W, 0..255
function M.draw(spec)
  local l, width = layout_of(spec.rows, spec.cell), spec.cell
  local height = math.max(1, math.floor(width * (spec.aspect or 1) + 0.5))
  local total_width = l.left + #spec.columns * (width + l.gap) + l.letter
  local step, head = height + l.line, 2 * l.line + l.letter
  local canvas = core.full({ 3, head + #spec.rows * (step + l.gap) + l.letter, total_width }, 0)
  local shape = canvas:shape()
  core.picture.rectangle(canvas, 1, 1, shape[2], shape[3], PAPER)
  font.draw(canvas, font.fit(spec.title, l.letter, total_width - 2 * l.letter),
    { left = l.letter, top = l.letter, height = l.letter, colour = INK })
  for c, label in ipairs(spec.columns) do
    font.draw(canvas, font.fit(label, l.letter, width), { left = l.left + (c - 1) * (width + l.gap),
      top = l.line + l.letter, height = l.letter, colour = FAINT })
  end
  for r, row in ipairs(spec.rows) do
    local top = head + (r - 1) * (step + l.gap) + 1
    font.draw(canvas, font.fit(row.label, l.letter, l.left - 2 * l.letter),
      { left = l.letter, top = top + height / 2, height = l.letter, colour = INK })
    for c = 1, #spec.columns do
      draw_cell(canvas, row.cells[c], { top = top, left = l.left + (c - 1) * (width + l.gap) + 1, width = width,
        height = height }, l)
    end
  end
  return canvas
end

return M
