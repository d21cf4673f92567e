--- The picture of a segmentation: the image in grey with what was found (green), invented (orange) and missed (blue) in
--- colours that can be told apart without colour vision, too.
local core = require "fovea.core"

local M = {}

local GREEN, ORANGE, BLUE = { 0, 158, 115 }, { 230, 120, 0 }, { 0, 114, 200 }
local OPACITY = 0.6

--- Paints where a mask is.
local function painted(picture, mask, colour)
  local weight = mask * OPACITY
  return picture * (1 - weight) + assert(core.tensor({ 3, 1, 1 }, colour)) * weight
end

--- Draws the picture.
---@param image fovea.Image
---@param prediction fovea.Tensor H x W, 0 and 1
---@param truth fovea.Tensor H x W
---@return fovea.Tensor picture 3 x H x W, 0..255
function M.draw(image, prediction, truth)
  local grey = image:with_channels(1) * (255 / image.white)
  local picture = assert(core.concat({ grey, grey, grey }, 1))
  prediction, truth = prediction:ne(0), truth:ne(0)
  picture = painted(picture, prediction * truth, GREEN)
  picture = painted(picture, prediction * truth:lnot(), ORANGE)
  return painted(picture, truth * prediction:lnot(), BLUE)
end

return M
