--- The contact sheet of a report: for each network one image, its prediction, and its maps by threshold and layer.
local core = require "fovea.core"
local grid = require "fovea.report.grid"
local image = require "fovea.image"
local lookup = require "fovea.lookup"
local overlay = require "fovea.overlay"
local plot = require "fovea.plot"
local collect = require "fovea.report.collect"
local shrink = require "fovea.report.shrink"
local words = require "fovea.report.page.words"

local M = {}

local CELL, SMALL, MANY = 200, 120, 150 -- width of a picture, by default, and where there are many
local LONGEST = 6 -- networks below each other
local FINE = 2 -- pictures are drawn so much larger and scaled down
local TRUTH, PREDICTION = { 255, 176, 0 }, { 53, 224, 208 }
local PAPER = { 255, 255, 255 }

--- A picture of a view; nil when it is missing or damaged.
local function read(folder, name)
  if not name or name:find("..", 1, true) or name:find "^/" then return nil end
  local picture = image.read(("%s/%s"):format(folder, name))
  return picture and picture:colours() * (255 / picture.white)
end

--- A map or mask of the whole image at a size, H x W.
local function at_size(pixels, channel, height, width, mode)
  local map = pixels:slice(1, channel, channel)
  local shape = map:shape()
  return map:reshape({ 1, 1, shape[2], shape[3] }):resize({ height, width, mode = mode }):reshape { height, width }
end

--- The positive part of a map over the drawing: 0 to 1, where the model's grid lies.
local function map_at(pixels, view, height, width)
  local sy, sx = height / view.size[1], width / view.size[2]
  local x, y, w, h = table.unpack(view.place)
  local rows, columns = math.max(1, math.floor(h * sy + 0.5)), math.max(1, math.floor(w * sx + 0.5))
  local map = at_size(pixels, 1, rows, columns) * (1 / 255)
  local top, left = math.floor(1 - y * sy + 0.5), math.floor(1 - x * sx + 0.5)
  if rows == height and columns == width and top == 1 and left == 1 then return map end
  return core.picture.window(map:reshape { 1, 1, rows, columns }, top, left, height, width):reshape { height, width }
end

--- What all drawings of a case start from: the image at the drawing's size, black where there is none.
local function ground_of(case, cell)
  local first = case.maps[1]
  local size = first.view.size or { 3, 4 }
  local width = cell * FINE
  local height = math.max(1, math.floor(width * size[1] / size[2] + 0.5))
  local pixels = read(first.folder, first.view.image)
  if not pixels then return core.full({ 3, height, width }, 0), height, width end
  return image.of(shrink.to(pixels, height, width)):rgb(), height, width
end

--- The outline of a mask, its inside tinted when there is an opacity.
local function outlined(picture, pixels, colour, alpha)
  if not pixels then return picture end
  local shape = picture:shape()
  local mask = at_size(pixels, 1, shape[2], shape[3], "nearest"):gt(127.5)
  return overlay.outline(picture, mask, { colour = colour, alpha = alpha or 0, thickness = 1 })
end

--- Image, prediction and ground truth of a case.
local function inputs_of(case, ground)
  local first = case.maps[1]
  local prediction, truth = read(first.folder, first.view.prediction), read(first.folder, first.view.truth)
  local list = { { picture = ground, label = "image" } }
  if prediction then
    local dice = first.view.scores and first.view.scores.dice
    local picture = outlined(outlined(ground, prediction, PREDICTION, 0.35), truth, TRUTH)
    list[2] = { picture = picture, label = dice and ("prediction, Dice %.3f"):format(dice) or "prediction" }
  end
  return list
end

local function cell_of(map, ground, height, width)
  if not map then return nil end
  local label = map.status ~= "OK" and map.status or map.pixels and ("%.0f px"):format(map.pixels) or nil
  local pixels = map.view.size and map.view.place and read(map.folder, map.view.map)
  if not pixels or pixels:shape()[1] < 3 then return { label = label or "no picture" } end
  local picture = overlay.overlay(ground, map_at(pixels, map.view, height, width), {})
  return { picture = outlined(picture, read(map.folder, map.view.target), PAPER), label = label }
end

--- The rows of a case: one per threshold; the inputs stand in front.
local function band(case, cell)
  local ground, height, width = ground_of(case, cell)
  local variant, inputs = case.variants[1], inputs_of(case, ground)
  local before = math.ceil(#inputs / #case.thresholds)
  local columns, rows = {}, {}
  for c = 1, before do columns[c] = "" end
  for _, layer in ipairs(case.layers) do columns[#columns + 1] = layer end
  for r, threshold in ipairs(case.thresholds) do
    local cells = {}
    for c = 1, before do cells[c] = inputs[(r - 1) * before + c] or { blank = true } end
    for i, layer in ipairs(case.layers) do
      cells[before + i] = cell_of(collect.find(case, layer, threshold, variant), ground, height, width)
    end
    rows[r] = { label = words.threshold(threshold), cells = cells }
  end
  return grid.draw { title = ("%s   %s   %s, %s score"):format(case.model_name, case.image_name, variant.method,
    variant.score), columns = columns, rows = rows, cell = cell, aspect = math.min(height / width, 2) }
end

--- The first case of each network, or all, at the thresholds that are wanted.
local function examples(report, wanted, all)
  local seen, list = {}, {}
  for _, case in ipairs(report.cases) do
    local key = case.folder .. "\n" .. case.model
    if all or not seen[key] then
      seen[key] = true
      list[#list + 1] = setmetatable({ thresholds = wanted or case.thresholds }, { __index = case })
    end
  end
  return list
end

local function pictures_in(list)
  local count = 0
  for _, case in ipairs(list) do count = count + #case.layers * #case.thresholds end
  return count
end

--- Pictures below each other, on paper as wide as the widest.
local function stacked(pictures)
  local width = 0
  for _, picture in ipairs(pictures) do width = math.max(width, picture:shape()[3]) end
  for i, picture in ipairs(pictures) do
    local shape = picture:shape()
    local sheet = core.picture.rectangle(core.full({ 3, shape[2], width }, 0), 1, 1, shape[2], width, PAPER)
    core.picture.paste(sheet, picture, 1, 1)
    pictures[i] = sheet
  end
  return plot.stack(pictures)
end

--- Columns of bands side by side, on paper as high as the highest.
local function side_by_side(columns)
  local height, width, left = 0, 0, 1
  for _, column in ipairs(columns) do
    height, width = math.max(height, column:shape()[2]), width + column:shape()[3]
  end
  local sheet = core.picture.rectangle(core.full({ 3, height, width }, 0), 1, 1, height, width, PAPER)
  for _, column in ipairs(columns) do
    core.picture.paste(sheet, column, 1, left)
    left = left + column:shape()[3]
  end
  return sheet
end

--- Draws the sheet: for each network its first image.
---@param report fovea.Report
---@param options? { thresholds: string[]?, all: boolean?, cell: integer? } thresholds: only these; all: every case;
--- cell: width of a picture, 200 or for many pictures 120
---@return fovea.Tensor? picture 3 x H x W, 0..255; nil when there are no maps
function M.draw(report, options)
  options = options or {}
  lookup.check_keys(options, { "thresholds", "all", "cell" }, "sheet")
  local list, columns, bands = examples(report, options.thresholds, options.all), {}, {}
  local cell = options.cell or (pictures_in(list) > MANY and SMALL or CELL)
  local most = math.ceil(#list / math.ceil(#list / LONGEST))
  for i, case in ipairs(list) do
    bands[#bands + 1] = band(case, cell)
    if #bands == most or i == #list then columns[#columns + 1], bands = stacked(bands), {} end
  end
  if #columns < 2 then return columns[1] end
  return side_by_side(columns)
end

return M
