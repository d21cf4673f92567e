--- Pictures side by side with titles and a colour bar.
local colormap = require "fovea.colormap"
local core = require "fovea.core"
local font = require "fovea.font"
local image_module = require "fovea.image"
local lookup = require "fovea.lookup"
local overlay = require "fovea.overlay"

local M = {}

local PAPER, INK, FAINT = { 255, 255, 255 }, { 32, 32, 36 }, { 120, 120, 126 }
local SMALLEST = 288 -- pictures below this many pixels are magnified

--- Sizes of everything around a picture of this height, in pixels.
local function layout_for(height)
  local text = math.max(10, math.floor(height / 34 + 0.5)) -- height of a capital
  return {
    text = text, small = math.max(9, math.floor(text * 0.85 + 0.5)), margin = math.floor(text * 1.4 + 0.5),
    gap = math.floor(text * 1.2 + 0.5), title = math.floor(text * 2 + 0.5), bar = math.max(10, math.floor(text * 1.3)),
  }
end

--- A number as short as it can be and still be told apart: 0, 0.98, -1.2e-05.
---@param value number
---@return string
function M.number(value)
  if value == 0 then return "0" end
  local size = math.abs(value)
  if size >= 0.01 and size < 10000 then
    local text = ("%.3g"):format(value)
    return text:find "e" and ("%.0f"):format(value) or text
  end
  return (("%.1e"):format(value):gsub("e([+-])0+(%d)", "e%1%2"))
end

local function blank(height, width, colour)
  local canvas = assert(core.full({ 3, height, width }, 0))
  return core.picture.rectangle(canvas, 1, 1, height, width, colour or PAPER)
end

-- The pictures by a whole factor, when they are too small to read a label beside.
local function magnified(picture, factor)
  if factor == 1 then return picture end
  local shape = picture:shape()
  return picture:resize { shape[2] * factor, shape[3] * factor, mode = "nearest" }
end

--- A vertical bar of the colours with the values of both ends, and of zero for a signed one.
---@param canvas fovea.Tensor changed
---@param bar { top: integer, left: integer, height: integer, width: integer, text: number, colormap: string,
---  low: number, high: number } pixels from 1; low and high: the values written
function M.draw_bar(canvas, bar)
  local ramp = {}
  for i = 1, bar.height do ramp[i] = bar.height == 1 and 1 or (bar.height - i) / (bar.height - 1) end
  local column = assert(core.tensor({ bar.height, 1 }, ramp)):expand { bar.height, bar.width }
  core.picture.rectangle(canvas, bar.top - 1, bar.left - 1, bar.height + 2, bar.width + 2, FAINT)
  core.picture.paste(canvas, colormap.apply(column, bar.colormap), bar.top, bar.left)
  local function label(value, centre)
    local top = math.max(bar.top - 1, math.min(centre - bar.text / 2, bar.top - 1 + bar.height - bar.text))
    font.draw(canvas, M.number(value), { left = bar.left + bar.width + bar.text * 0.5, top = top, height = bar.text,
      colour = INK })
  end
  label(bar.high, bar.top - 1)
  label(bar.low, bar.top - 1 + bar.height)
  if bar.low < 0 and bar.high > 0 then
    label(0, bar.top - 1 + bar.height * bar.high / (bar.high - bar.low))
  end
end

-- Room for the bar and its numbers.
local function bar_width(layout, bar)
  local widest = 0
  for _, value in ipairs { bar.low, bar.high, 0 } do
    widest = math.max(widest, font.width(M.number(value), layout.small))
  end
  return layout.gap + layout.bar + math.ceil(layout.small * 0.5 + widest)
end

-- Pictures as RGB tensors of one height and width.
local function prepared(items)
  local pictures, height, width = {}, nil, nil
  for i, item in ipairs(items) do
    local picture = image_module.of(item.picture):rgb()
    local shape = picture:shape()
    height, width = height or shape[2], width or shape[3]
    if shape[2] ~= height or shape[3] ~= width then
      error(("panel: picture %d is %dx%d, the first %dx%d"):format(i, shape[3], shape[2], width, height), 3)
    end
    pictures[i] = picture
  end
  if #pictures == 0 then error("panel: no pictures", 3) end
  local factor = math.max(1, math.ceil(SMALLEST / math.max(height, width)))
  for i, picture in ipairs(pictures) do pictures[i] = magnified(picture, factor) end
  return pictures, height * factor, width * factor
end

--- Places pictures of one size side by side.
---@param items { picture: fovea.Image|fovea.Tensor, title: string? }[]
---@param options? { bar: { colormap: string, low: number, high: number }?, caption: string? } bar: to the right
---  of the last picture, with the values of its ends; caption: a line below
---@return fovea.Tensor picture 3 x H x W, 0..255
function M.row(items, options)
  options = options or {}
  lookup.check_keys(options, { "bar", "caption" }, "panel")
  local pictures, height, width = prepared(items)
  local l = layout_for(height)
  local right = options.bar and bar_width(l, options.bar) or 0
  local total = 2 * l.margin + #pictures * width + (#pictures - 1) * l.gap + right
  local below = options.caption and l.title or 0
  local canvas, left = blank(l.margin + l.title + height + below + l.margin, total), l.margin + 1
  local top = l.margin + l.title + 1
  for i, picture in ipairs(pictures) do
    font.draw(canvas, font.fit(items[i].title or "", l.text, width),
      { left = left - 1, top = l.margin, height = l.text, colour = INK })
    core.picture.paste(canvas, picture, top, left)
    left = left + width + l.gap
  end
  if options.bar then
    M.draw_bar(canvas, { top = top, left = left, height = height, width = l.bar, text = l.small,
      colormap = options.bar.colormap, low = options.bar.low, high = options.bar.high })
  end
  if options.caption then
    font.draw(canvas, font.fit(options.caption, l.small, total - 2 * l.margin),
      { left = l.margin, top = top + height - 1 + l.title - l.small, height = l.small, colour = FAINT })
  end
  return canvas
end

--- Image, prediction and heat map side by side.
---@param image fovea.Image|fovea.Tensor
---@param mask fovea.Tensor? the prediction: outlined and tinted
---@param map fovea.Tensor normalised
---@param options? table as for `overlay`, and `titles` (list of three), `values` ({low, high}: numbers at the bar,
---  of the raw map), `caption`
---@return fovea.Tensor picture 3 x H x W, 0..255
function M.explanation(image, mask, map, options)
  local drawing, own = {}, { titles = {}, values = {} }
  for key, value in pairs(options or {}) do
    if key == "titles" or key == "values" or key == "caption" then own[key] = value else drawing[key] = value end
  end
  local range = drawing.range or { drawing.signed and -1 or 0, 1 }
  local colours = drawing.colormap or (drawing.signed and "diverging" or "viridis")
  local items = { { picture = image, title = own.titles[1] or "Image" } }
  if mask then items[2] = { picture = overlay.outline(image, mask), title = own.titles[2] or "Prediction" } end
  items[#items + 1] = { picture = overlay.overlay(image, map, drawing), title = own.titles[3] or "Heat map" }
  return M.row(items, { caption = own.caption,
    bar = { colormap = colours, low = own.values[1] or range[1], high = own.values[2] or range[2] } })
end

return M
