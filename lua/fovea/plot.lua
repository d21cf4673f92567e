--- Small plots as pictures: lines and bars.
local core = require "fovea.core"
local font = require "fovea.font"
local lookup = require "fovea.lookup"
local panel = require "fovea.panel"

local M = {}

local PAPER, INK, FAINT, GRID = { 255, 255, 255 }, { 32, 32, 36 }, { 120, 120, 126 }, { 226, 226, 230 }

-- Told apart without colour vision too (Okabe and Ito).
local COLOURS = { { 0, 114, 178 }, { 213, 94, 0 }, { 0, 158, 115 }, { 204, 121, 167 }, { 230, 159, 0 },
  { 86, 180, 233 } }

local TEXT = 11 -- height of a capital
local LEGEND_ROW = 1.6 -- in capitals

--- Round numbers within a range, about `wanted` of them.
---@param low number
---@param high number
---@param wanted integer
---@return number[]
function M.ticks(low, high, wanted)
  local rough = (high - low) / math.max(1, wanted)
  local size = 10.0 ^ math.floor(math.log(rough, 10))
  local step = 10 * size
  for _, factor in ipairs { 1, 2, 5 } do
    if factor * size >= rough * 0.999 then
      step = factor * size
      break
    end
  end
  local ticks = {}
  for i = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9) do ticks[#ticks + 1] = i * step end
  return ticks
end

local function finite(value) return value == value and math.abs(value) < math.huge end

--- Range of all values of an axis, widened where it is empty.
local function range_of(lines, axis, wish)
  local low, high = math.huge, -math.huge
  for _, line in ipairs(lines) do
    for _, value in ipairs(line[axis]) do
      if finite(value) then low, high = math.min(low, value), math.max(high, value) end
    end
  end
  low, high = wish and wish[1] or low, wish and wish[2] or high
  if low > high then low, high = 0, 1 end
  if low == high then low, high = low - 0.5, high + 0.5 end
  return low, high
end

--- Where a point of the plot lies in the picture.
local function placer(options, box)
  local x0, x1 = range_of(options.lines, "x", options.x_range)
  local y0, y1 = range_of(options.lines, "y", options.y_range)
  return {
    x = function(v) return box.left + (v - x0) / (x1 - x0) * box.width end,
    y = function(v) return box.top + (1 - (v - y0) / (y1 - y0)) * box.height end,
    x_ticks = M.ticks(x0, x1, 6), y_ticks = M.ticks(y0, y1, 5),
  }
end

--- Horizontal lines with their values, the base line and the title.
local function draw_scale(canvas, place, box, title)
  for _, tick in ipairs(place.y_ticks) do
    local y, text = place.y(tick), panel.number(tick)
    core.picture.strokes(canvas, { box.left, y, box.left + box.width, y }, 0.5, GRID)
    font.draw(canvas, text, { left = box.left - TEXT * 0.7 - font.width(text, TEXT), top = y - TEXT / 2,
      height = TEXT, colour = FAINT })
  end
  local bottom = box.top + box.height
  core.picture.strokes(canvas, { box.left, bottom, box.left + box.width, bottom }, 0.6, FAINT)
  font.draw(canvas, title or "", { left = box.left, top = TEXT, height = TEXT, colour = INK })
  return bottom
end

local function draw_axes(canvas, place, box, options)
  local bottom = draw_scale(canvas, place, box, options.title)
  for _, tick in ipairs(place.x_ticks) do
    local x, text = place.x(tick), panel.number(tick)
    core.picture.strokes(canvas, { x, bottom, x, bottom + 4 }, 0.6, FAINT)
    font.draw(canvas, text, { left = x - font.width(text, TEXT) / 2, top = bottom + TEXT * 0.8, height = TEXT,
      colour = FAINT })
  end
  local label = options.x_label or ""
  font.draw(canvas, label, { left = box.left + box.width - font.width(label, TEXT), top = bottom + TEXT * 2.6,
    height = TEXT, colour = FAINT })
end

--- A line with its points; it is broken where a value is missing (NaN).
local function draw_line(canvas, place, line, colour)
  local segments, points, last = {}, {}, nil
  for i, value in ipairs(line.y) do
    local here = finite(value) and { place.x(line.x[i]), place.y(value) } or nil
    if here and last then table.move({ last[1], last[2], here[1], here[2] }, 1, 4, #segments + 1, segments) end
    if here then table.move({ here[1], here[2], here[1], here[2] }, 1, 4, #points + 1, points) end
    last = here
  end
  core.picture.strokes(canvas, segments, 1.1, colour)
  core.picture.strokes(canvas, points, 2.4, colour)
end

local function draw_legend(canvas, lines, box)
  for i, line in ipairs(lines) do
    local place = box.legend[i]
    if place then
      local y = TEXT * (3 + LEGEND_ROW * place.row)
      core.picture.strokes(canvas, { place.x, y, place.x + TEXT * 1.5, y }, 1.4, COLOURS[(i - 1) % #COLOURS + 1])
      font.draw(canvas, line.label, { left = place.x + TEXT * 2, top = y - TEXT / 2, height = TEXT, colour = INK })
    end
  end
end

--- Where the labels of lines stand, in as many rows as they need; and the number of rows after the first.
local function legend_of(lines, left, right)
  local places, x, row = {}, left, 0
  for i, line in ipairs(lines) do
    if line.label then
      local width = TEXT * 2 + font.width(line.label, TEXT)
      if x > left and x + width > right then x, row = left, row + 1 end
      places[i] = { x = x, row = row }
      x = x + width + TEXT * 2
    end
  end
  return places, row
end

--- Paper, and the box in it that the data fill: what the legend leaves of it.
local function blank(options, lines)
  local width, height = options.width or 640, options.height or 280
  local legend, rows = legend_of(lines, TEXT * 6, width - TEXT)
  local canvas = core.picture.rectangle(assert(core.full({ 3, height, width }, 0)), 1, 1, height, width, PAPER)
  local top = TEXT * (5 + LEGEND_ROW * rows)
  return canvas, { left = TEXT * 6, top = top, width = width - TEXT * 8, height = height - TEXT * 5 - top,
    legend = legend }
end

---@class fovea.Line
---@field x number[]
---@field y number[] NaN where there is no value
---@field label string?

--- A line plot.
---@param options { lines: fovea.Line[], title: string?, x_label: string?, x_range: number[]?, y_range: number[]?,
---  mark: number?, width: integer?, height: integer? } mark: x of a vertical line; size in pixels, 640 x 280
---@return fovea.Tensor picture 3 x H x W, 0..255
function M.lines(options)
  lookup.check_keys(options, { "lines", "title", "x_label", "x_range", "y_range", "mark", "width", "height" }, "plot")
  local canvas, box = blank(options, options.lines)
  local place = placer(options, box)
  draw_axes(canvas, place, box, options)
  if options.mark then
    local x = place.x(options.mark)
    core.picture.strokes(canvas, { x, box.top, x, box.top + box.height }, 0.6, FAINT)
  end
  for i, line in ipairs(options.lines) do draw_line(canvas, place, line, COLOURS[(i - 1) % #COLOURS + 1]) end
  draw_legend(canvas, options.lines, box)
  return canvas
end

--- The bars of one group, beside each other, each with its value on top.
local function draw_group(canvas, place, series, group, box)
  local room = box.width / place.groups
  local width = room * 0.8 / #series
  local bottom = box.top + box.height
  for i, one in ipairs(series) do
    local value = one.values[group]
    if value and finite(value) then
      local left, top = box.left + room * (group - 0.9) + width * (i - 1), place.y(math.max(0, value))
      local pixels = { math.floor(left + 0.5), math.floor(top + 0.5), math.max(1, math.floor(width - 0.5)) }
      local height = math.floor(bottom + 0.5) - pixels[2]
      if height > 0 then
        core.picture.rectangle(canvas, pixels[2] + 1, pixels[1] + 1, height, pixels[3],
          COLOURS[(i - 1) % #COLOURS + 1])
      end
      local text = ("%.3g"):format(value)
      font.draw(canvas, text, { left = left + (width - font.width(text, TEXT * 0.8)) / 2, top = top - TEXT * 1.2,
        height = TEXT * 0.8, colour = INK })
    end
  end
end

---@class fovea.BarSeries
---@field values number[] one for each group; none, or NaN, where there is no value
---@field label string?

--- Bars in groups; the scale begins at zero.
---@param options { groups: string[], series: fovea.BarSeries[], title: string?, width: integer?, height: integer? }
---@return fovea.Tensor picture 3 x H x W, 0..255
function M.bars(options)
  lookup.check_keys(options, { "groups", "series", "title", "width", "height" }, "plot")
  local canvas, box = blank(options, options.series)
  local most = 0
  for _, one in ipairs(options.series) do
    for group in ipairs(options.groups) do
      local value = one.values[group]
      if value and finite(value) then most = math.max(most, value) end
    end
  end
  if most == 0 then most = 1 end
  local place = { groups = #options.groups, y_ticks = M.ticks(0, most, 5), -- the highest bar leaves room for its value
    y = function(v) return box.top + (1 - v / (1.08 * most)) * box.height end }
  local bottom = draw_scale(canvas, place, box, options.title)
  for group, name in ipairs(options.groups) do
    draw_group(canvas, place, options.series, group, box)
    font.draw(canvas, name, { left = box.left + box.width / #options.groups * (group - 0.5)
      - font.width(name, TEXT) / 2, top = bottom + TEXT * 0.8, height = TEXT, colour = FAINT })
  end
  draw_legend(canvas, options.series, box)
  return canvas
end

--- Pictures of one width below each other.
---@param pictures fovea.Tensor[] 3 x H x W
---@return fovea.Tensor picture
function M.stack(pictures) return core.concat(pictures, 2) end

return M
