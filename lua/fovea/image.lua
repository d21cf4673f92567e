--- Images: the pixels of a file as a tensor, with what is needed to make sense of them.
local core = require "fovea.core"
local jsrt_image = require "fovea.data.jsrt_image"
local lookup = require "fovea.lookup"

local M = {}

--- Weights of red, green and blue in a grey value (ITU-R BT.601).
M.GREY_WEIGHTS = { 0.299, 0.587, 0.114 }

---@class fovea.Image
---@field tensor fovea.Tensor C x H x W, values as stored: 0..white
---@field channels integer grey 1, grey and alpha 2, RGB 3, RGBA 4
---@field height integer
---@field width integer
---@field white number value of full intensity: 255, or 65535 for 16 bits; see src/io/image.h for other kinds of numbers
---@field bit_depth integer
---@field has_alpha boolean
---@field path string?
local Image = {}
Image.__index = Image

local function new(tensor, info)
  local shape = tensor:shape()
  return setmetatable({
    tensor = tensor, channels = shape[1], height = shape[2], width = shape[3], white = info.white,
    bit_depth = info.bit_depth, has_alpha = info.has_alpha or false, path = info.path,
  }, Image)
end

--- The file of FILE.tif#PAGE and the number of the page; of other paths the path itself.
---@param path string
---@return string file
---@return integer? page
function M.page_of(path)
  local file, page = path:match "^(.+%.[tT][iI][fF][fF]?)#(%d+)$"
  return file or path, math.tointeger(tonumber(page))
end

--- Reads a PNG, JPEG, TIFF, GIF, BMP or PNM file, whatever its name; FILE.tif#3 is the third page of a TIFF file; a raw
--- FILE.IMG is a chest film of JSRT. Values are as stored.
---@param path string
---@param options? { max_pixels: integer?, orient: boolean?, page: integer? } orient: as the file says (true)
---@return fovea.Image? image nil when the file cannot be read
---@return string? message
---@return string? code
function M.read(path, options)
  local file, page = M.page_of(path)
  if page then
    local with_page = { page = page }
    for key, value in pairs(options or {}) do with_page[key] = value end
    options = with_page
  end
  local tensor, info, code
  if jsrt_image.is_film(path) then
    tensor, info, code = jsrt_image.read(path)
  else
    tensor, info, code = core.image_file.read(file, options)
  end
  if not tensor then return nil, info, code end
  info.path = path
  return new(tensor, info)
end

--- An image over a tensor.
---@param tensor fovea.Tensor H x W or C x H x W with 1 to 4 channels
---@param options? { white: number?, path: string? } white: 255
---@return fovea.Image
function M.new(tensor, options)
  options = options or {}
  lookup.check_keys(options, { "white", "path" }, "image")
  local shape = tensor:shape()
  if #shape == 2 then
    tensor, shape = tensor:reshape { 1, shape[1], shape[2] }, { 1, shape[1], shape[2] }
  end
  if #shape ~= 3 or shape[1] < 1 or shape[1] > 4 then
    error(("image: a tensor H x W or C x H x W with 1 to 4 channels is needed, not %s"):format(
      table.concat(shape, "x")), 2)
  end
  local white = options.white or 255
  return new(tensor, { white = white, bit_depth = white > 255 and 16 or 8, path = options.path,
    has_alpha = shape[1] % 2 == 0 })
end

--- An image, whatever stands for one: an Image or a tensor.
---@param value fovea.Image|fovea.Tensor
---@return fovea.Image
function M.of(value)
  if getmetatable(value) == Image then return value end
  if type(value) == "userdata" then return M.new(value) end
  error("image: expected an image or a tensor, not a " .. type(value), 2)
end

--- Writes a picture as PNG.
---@param path string
---@param picture fovea.Tensor|fovea.Image
---@param options? table see core.image_file.write
---@return true? done nil when the file cannot be written
---@return string? message
---@return string? code
function M.write(path, picture, options)
  if getmetatable(picture) ~= Image then return core.image_file.write(path, picture, options) end
  local complete = { bit_depth = picture.bit_depth > 8 and 16 or 8 }
  for key, value in pairs(options or {}) do complete[key] = value end
  return core.image_file.write(path, picture.tensor, complete)
end

--- The colour channels without alpha, C = 1 or 3.
---@param alpha? string "drop" (default) or "black": composited on black
---@return fovea.Tensor
function Image:colours(alpha)
  if not self.has_alpha then return self.tensor end
  local colours = self.tensor:slice(1, 1, self.channels - 1)
  if alpha ~= "black" then return colours end
  return colours * (self.tensor:slice(1, self.channels, self.channels) / self.white)
end

--- C x H x W with the channels asked for: grey to RGB by repetition, RGB to grey by GREY_WEIGHTS.
---@param channels integer 1 or 3
---@param alpha? string as for `colours`
---@return fovea.Tensor
function Image:with_channels(channels, alpha)
  local colours = self:colours(alpha)
  local there = colours:shape()[1]
  if there == channels then return colours end
  if channels == 3 then return assert(core.concat({ colours, colours, colours }, 1)) end
  local weights = M.GREY_WEIGHTS
  return colours:slice(1, 1, 1) * weights[1] + colours:slice(1, 2, 2) * weights[2] + colours:slice(1, 3, 3) * weights[3]
end

--- A picture to draw on: 3 x H x W in 0..255, a copy.
---@return fovea.Tensor
function Image:rgb()
  return self:with_channels(3) * (255 / self.white)
end

--- Draws the image in the terminal.
---@param options? { columns: integer?, rows: integer? } the most it may take
function Image:show(options)
  require("fovea.show").draw(function() return self:rgb() end, tostring(self), options)
end

function Image:__tostring()
  return ("fovea.Image: %dx%dx%d, %d bits%s"):format(self.channels, self.height, self.width, self.bit_depth,
    self.path and ", " .. self.path or "")
end

M.Image = Image

return M
