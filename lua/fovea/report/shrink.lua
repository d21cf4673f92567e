--- Pictures and maps made smaller without flicker: averaged by whole factors first, then resized.
local M = {}

--- Averages over blocks; rows and columns that fill no block are left out.
local function averaged(pixels, factor)
  local channels, height, width = table.unpack(pixels:shape())
  local rows, columns = height // factor, width // factor
  return pixels:slice(2, 1, rows * factor):slice(3, 1, columns * factor)
    :reshape({ channels, rows, factor, columns, factor }):mean { 3, 5 }:reshape { channels, rows, columns }
end

--- A picture of a size.
---@param pixels fovea.Tensor C x H x W
---@param height integer
---@param width integer
---@return fovea.Tensor
function M.to(pixels, height, width)
  local shape = pixels:shape()
  local factor = math.floor(math.min(shape[2] / height, shape[3] / width))
  if factor >= 2 then pixels = averaged(pixels, factor) end
  return pixels:resize { height, width }
end

--- A picture whose longer side is no longer than allowed; a smaller one stays as it is.
---@param pixels fovea.Tensor C x H x W
---@param most integer pixels
---@param mode? string "nearest" for masks
---@return fovea.Tensor
function M.within(pixels, most, mode)
  local shape = pixels:shape()
  local scale = most / math.max(shape[2], shape[3])
  if scale >= 1 then return pixels end
  local height, width = math.max(1, math.floor(shape[2] * scale + 0.5)), math.max(1, math.floor(shape[3] * scale + 0.5))
  if mode == "nearest" then
    return pixels:reshape({ 1, table.unpack(shape) }):resize({ height, width, mode = mode })
      :reshape { shape[1], height, width }
  end
  return M.to(pixels, height, width)
end

return M
