--- A table of numbers as a picture: cells coloured by their value, blocks of columns side by side.
local colormap = require "fovea.colormap"
local core = require "fovea.core"
local font = require "fovea.font"
local panel = require "fovea.panel"

local M = {}

local PAPER, INK, FAINT, LIGHT, EMPTY = { 255, 255, 255 }, { 32, 32, 36 }, { 120, 120, 126 }, { 250, 250, 250 },
  { 236, 236, 240 }
local TEXT, CELL_WIDTH, CELL_HEIGHT, MARGIN, GAP = 11, 132, 26, 16, 18
local DARK_BELOW = 0.6 -- part of the colours on which light text is read better

--- Lowest and highest value of all blocks.
local function range_of(blocks)
  local low, high = math.huge, -math.huge
  for _, block in ipairs(blocks) do
    for _, row in pairs(block.values) do
      for _, value in pairs(row) do
        if value == value then low, high = math.min(low, value), math.max(high, value) end
      end
    end
  end
  return low, high
end

local function draw_cell(canvas, value, top, left, range)
  if not value or value ~= value then
    core.picture.rectangle(canvas, top, left, CELL_HEIGHT - 2, CELL_WIDTH - 2, EMPTY)
    return
  end
  local part = range.high > range.low and (value - range.low) / (range.high - range.low) or 1
  core.picture.rectangle(canvas, top, left, CELL_HEIGHT - 2, CELL_WIDTH - 2, colormap.at("viridis", part))
  local text = panel.number(value)
  font.draw(canvas, text, { left = left + (CELL_WIDTH - font.width(text, TEXT)) / 2, height = TEXT,
    top = top + (CELL_HEIGHT - TEXT) / 2 - 1, colour = part < DARK_BELOW and LIGHT or INK })
end

local function draw_block(canvas, spec, block, left, range)
  font.draw(canvas, block.title or "", { left = left, top = MARGIN + 2 * TEXT, height = TEXT, colour = FAINT })
  local top = MARGIN + 6 * TEXT
  for c, label in ipairs(spec.columns) do
    local x = left + (c - 1) * CELL_WIDTH
    font.draw(canvas, font.fit(label, TEXT, CELL_WIDTH - 6), { left = x + 2, top = top - 2 * TEXT, height = TEXT,
      colour = INK })
    for r in ipairs(spec.rows) do
      draw_cell(canvas, (block.values[r] or {})[c], top + (r - 1) * CELL_HEIGHT + 1, x + 1, range)
    end
  end
end

--- Draws a table.
---@param spec { title: string, rows: string[], columns: string[], blocks: { title: string?, values: number[][] }[] }
--- values: by row and column; NaN or nil: an empty cell. One scale of colours for all blocks, viridis from the lowest
--- to the highest value
---@return fovea.Tensor picture 3 x H x W, 0..255
function M.draw(spec)
  local widest = 0
  for _, label in ipairs(spec.rows) do widest = math.max(widest, font.width(label, TEXT)) end
  local left = MARGIN + math.ceil(widest) + TEXT
  local block_width = #spec.columns * CELL_WIDTH
  local height = MARGIN + 6 * TEXT + #spec.rows * CELL_HEIGHT + MARGIN
  local width = math.max(left + #spec.blocks * (block_width + GAP) - GAP + MARGIN,
    math.ceil(font.width(spec.title, TEXT)) + 2 * MARGIN)
  local canvas = assert(core.full({ 3, height, width }, 0))
  core.picture.rectangle(canvas, 1, 1, height, width, PAPER)
  font.draw(canvas, spec.title, { left = MARGIN, top = MARGIN, height = TEXT, colour = INK })
  for r, label in ipairs(spec.rows) do
    font.draw(canvas, label, { left = MARGIN, height = TEXT, colour = INK,
      top = MARGIN + 6 * TEXT + (r - 1) * CELL_HEIGHT + (CELL_HEIGHT - TEXT) / 2 - 1 })
  end
  local low, high = range_of(spec.blocks)
  for i, block in ipairs(spec.blocks) do
    draw_block(canvas, spec, block, left + (i - 1) * (block_width + GAP), { low = low, high = high })
  end
  return canvas
end

return M
