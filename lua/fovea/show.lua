--- The show methods of images, tensors, heat maps and layers: a picture where standard output can draw one, the text of
--- the object everywhere else.
local colormap = require "fovea.colormap"
local core = require "fovea.core"
local lookup = require "fovea.lookup"
local terminal = require "fovea.terminal"

local M = {}

local OPTIONS = { "columns", "rows", "colormap", "low", "high", "channels" }
local CHANNELS = 12 -- of a grid, unless told otherwise
local TILE = 96     -- pixels of the longer side of a tile, at least

--- Colours of a map over its range: symmetric and diverging when it has both signs.
local function coloured(map, options, low, high)
  local name = options.colormap
  low, high = options.low or low, options.high or high
  if low < 0 and high > 0 and not options.low and not options.high then
    high = math.max(-low, high)
    low, name = -high, name or "diverging"
  end
  if low == high then high = low + 1 end
  return colormap.apply(map, name or "viridis", { low = low, high = high })
end

--- Numbers of the channels with the largest mean absolute value, the strongest first.
---@param channels fovea.Tensor C x H x W
---@param count integer at most
---@return integer[]
function M.strongest(channels, count)
  local strength, order = channels:abs():mean({ "height", "width" }):values(), {}
  for i = 1, #strength do order[i] = i end
  table.sort(order, function(a, b)
    if strength[a] ~= strength[b] then return strength[a] > strength[b] end
    return a < b
  end)
  return { table.unpack(order, 1, count) }
end

--- Whole factor that makes a small map large enough to be told from its neighbours.
local function enlarged(picture)
  local _, height, width = table.unpack(picture:shape())
  local factor = TILE // math.max(height, width)
  if factor < 2 then return picture end
  return picture:reshape({ 1, 3, height, width }):resize({ height * factor, width * factor, mode = "nearest" })
    :reshape { 3, height * factor, width * factor }
end

--- The strongest channels side by side, all on one colour scale.
---@param channels fovea.Tensor C x H x W
---@param options? { channels: integer?, colormap: string?, low: number?, high: number? }
---@return fovea.Tensor picture 3 x H x W
---@return integer[] numbers of the channels in reading order
function M.grid(channels, options)
  options = options or {}
  local picked = M.strongest(channels, options.channels or CHANNELS)
  local low, high = channels:min(), channels:max()
  local tiles = {}
  for i, channel in ipairs(picked) do tiles[i] = enlarged(coloured(channels:select(1, channel), options, low, high)) end
  local across = math.ceil(math.sqrt(#tiles * 4 / 3))
  local _, height, width = table.unpack(tiles[1]:shape())
  local gap = math.max(2, math.max(height, width) // 24)
  local down = math.ceil(#tiles / across)
  local picture = core.full({ 3, down * (height + gap) - gap, across * (width + gap) - gap }, 0)
  for i, tile in ipairs(tiles) do
    core.picture.paste(picture, tile, (i - 1) // across * (height + gap) + 1, (i - 1) % across * (width + gap) + 1)
  end
  return picture, picked
end

--- The picture of a tensor: H x W in colours, 3 x H x W as it is (0..1 or 0..255), more channels as a grid.
---@param tensor fovea.Tensor H x W or C x H x W, ones may stand in front
---@param options? table see `grid`
---@return fovea.Tensor picture 3 x H x W, 0..255
---@return integer[]? channels of a grid
function M.picture(tensor, options)
  options = options or {}
  local shape = tensor:shape()
  while #shape > 3 and shape[1] == 1 do table.remove(shape, 1) end
  if #shape == 2 then table.insert(shape, 1, 1) end
  if #shape ~= 3 or tensor:count() == 0 then
    error(("show: a tensor H x W or C x H x W is needed, not %s; select or slice a part of it"):format(
      table.concat(tensor:shape(), "x")), 2)
  end
  tensor = tensor:reshape(shape)
  if not tensor:is_finite() then error("show: the tensor has a NaN or an infinity", 2) end
  local low, high = tensor:min(), tensor:max()
  if shape[1] == 1 then return enlarged(coloured(tensor, options, low, high)) end
  if shape[1] == 3 and low >= 0 and high <= 255 and not options.channels then
    return high <= 1 and tensor * 255 or tensor
  end
  return M.grid(tensor, options)
end

--- Draws a picture, or writes the text that stands for it.
---@param picture fun(): fovea.Tensor, integer[]? made only when it can be drawn
---@param text string
---@param options? { columns: integer?, rows: integer? }
function M.draw(picture, text, options)
  options = options or {}
  lookup.check_keys(options, OPTIONS, "show", 2)
  if terminal.capabilities() then
    local made, channels = picture()
    if terminal.draw(made, options) then
      if channels then print("channels " .. table.concat(channels, " ")) end
      return
    end
  end
  print(text)
end

--- Draws a tensor.
---@param tensor fovea.Tensor
---@param options? table `columns`, `rows`: the most it may take; `colormap`, `low`, `high`; `channels`: of a grid
function M.tensor(tensor, options)
  M.draw(function() return M.picture(tensor, options) end, tostring(tensor), options)
end

return M
