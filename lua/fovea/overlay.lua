--- A heat map on its image, at the image's own resolution.
local colormap = require "fovea.colormap"
local core = require "fovea.core"
local image_module = require "fovea.image"
local lookup = require "fovea.lookup"

local M = {}

local KNOWN = { "colormap", "alpha", "signed", "range", "proportional", "contour", "contour_colour", "thickness",
  "covered" }

-- Values at and above this part of the range are as opaque as `alpha` says; below, opacity falls with the value.
local OPAQUE_FROM = 0.6

--- A map at the size of the picture, H x W.
local function fitted(map, height, width, mode)
  local shape = map:shape()
  map = assert(map:reshape { 1, 1, shape[#shape - 1], shape[#shape] })
  if shape[#shape - 1] ~= height or shape[#shape] ~= width then
    map = assert(map:resize { height, width, mode = mode })
  end
  return map:reshape { height, width }
end

--- Line width that stays visible on a picture of this size.
---@param height integer
---@param width integer
---@return integer pixels
function M.thickness(height, width) return math.max(1, math.floor(math.min(height, width) / 720 + 0.5)) end

--- Colour of a range's ends on the scale of a map.
local function range_of(options)
  local range = options.range or { options.signed and -1 or 0, 1 }
  if type(range) ~= "table" or not (tonumber(range[1]) and tonumber(range[2])) then
    error("overlay: range must be a list of two numbers", 3)
  end
  return range[1], range[2]
end

local function weight_of(map, options, low, high)
  local weight
  if options.proportional ~= false then -- blending takes what is above 1 as 1
    local range = OPAQUE_FROM * (options.signed and high or high - low)
    weight = options.signed and map:abs() or (low == 0 and map or map - low)
    if range ~= 1 then weight = weight * (1 / range) end
  end
  if options.covered then
    local shape = map:shape()
    local covered = fitted(options.covered, shape[1], shape[2], "nearest")
    weight = weight and weight * covered or covered
  end
  return weight
end

--- Draws a heat map over an image.
---
--- Options: `colormap` (viridis; diverging when signed), `alpha` (0.75), `signed` (the map runs from -1 to 1),
--- `range` ({0, 1}, or {-1, 1}: values of the first and last colour), `proportional` (true: what is near zero stays
--- transparent), `contour` (a mask whose outline is drawn), `contour_colour` ({255, 255, 255}), `thickness` (of the
--- outline, by the size of the image), `covered` (mask: where the map says something).
---@param image fovea.Image|fovea.Tensor
---@param map fovea.Tensor [1 x] h x w, normalised; resized to the image when it has another size
---@param options? table
---@return fovea.Tensor picture 3 x H x W, 0..255
function M.overlay(image, map, options)
  options = options or {}
  lookup.check_keys(options, KNOWN, "overlay")
  local below = image_module.of(image):rgb()
  local _, height, width = table.unpack(below:shape())
  local low, high = range_of(options)
  map = fitted(map, height, width)
  local colours = colormap.apply(map, options.colormap or (options.signed and "diverging" or "viridis"),
    { low = low, high = high })
  local picture = core.picture.blend(below, colours, options.alpha or 0.75, weight_of(map, options, low, high))
  if options.contour then
    core.picture.contour(picture, fitted(options.contour, height, width, "nearest"),
      options.contour_colour or { 255, 255, 255 }, options.thickness or M.thickness(height, width))
  end
  return picture
end

--- The image with the outline of a mask, and its inside tinted.
---@param image fovea.Image|fovea.Tensor
---@param mask fovea.Tensor [1 x] h x w
---@param options? { colour: number[]?, alpha: number?, thickness: integer? }
---@return fovea.Tensor picture 3 x H x W, 0..255
function M.outline(image, mask, options)
  options = options or {}
  lookup.check_keys(options, { "colour", "alpha", "thickness" }, "outline")
  local below, colour = image_module.of(image):rgb(), options.colour or { 64, 224, 208 }
  local _, height, width = table.unpack(below:shape())
  mask = fitted(mask, height, width, "nearest")
  local tint = assert(core.full({ 3, height, width }, 0))
  core.picture.rectangle(tint, 1, 1, height, width, colour)
  local picture = core.picture.blend(below, tint, options.alpha or 0.45, mask)
  return core.picture.contour(picture, mask, colour, options.thickness or M.thickness(height, width))
end

return M
