--- Colours of a page: samples of the colour maps for gradients and for the filters that colour the maps.
local colormap = require "fovea.colormap"

local M = {}

local SAMPLES = 17

--- Opacity of a map as the overlays have it: falls with the value below 0.6 of the range.
M.OPAQUE_FROM, M.OPACITY = 0.6, 0.75

--- Samples of a colour map in equal steps.
---@param name string
---@return number[][] colours r, g, b in 0..255
function M.samples(name)
  local colours = {}
  for i = 1, SAMPLES do colours[i] = colormap.at(name, (i - 1) / (SAMPLES - 1)) end
  return colours
end

--- Values of one channel for an feFunc element, 0..1.
---@param name string
---@param channel integer 1 to 3
---@return string
function M.table_values(name, channel)
  local values = {}
  for i, colour in ipairs(M.samples(name)) do values[i] = ("%.3f"):format(colour[channel] / 255) end
  return table.concat(values, " ")
end

local function hex(colour)
  local digits = {}
  for i, value in ipairs(colour) do digits[i] = ("%02x"):format(math.floor(value + 0.5)) end
  return "#" .. table.concat(digits)
end

--- The samples as colours of a style sheet.
---@param name string
---@return string[]
function M.hex(name)
  local texts = {}
  for i, colour in ipairs(M.samples(name)) do texts[i] = hex(colour) end
  return texts
end

--- Opacity over the value of the map, in equal steps from 0 to 1.
---@return string
function M.opacity_values()
  local values = {}
  for i = 0, 60 do values[i + 1] = ("%.3f"):format(M.OPACITY * math.min(1, i / 60 / M.OPAQUE_FROM)) end
  return table.concat(values, " ")
end

--- All colour maps as an object of the page's script.
---@return string
function M.script()
  local maps = {}
  for i, name in ipairs(colormap.names) do maps[i] = ('%s: "%s"'):format(name, table.concat(M.hex(name), " ")) end
  return "{ " .. table.concat(maps, ",\n  ") .. " }"
end

return M
