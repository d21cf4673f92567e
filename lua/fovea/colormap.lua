--- Colour maps: viridis, inferno, jet, grey, and diverging (blue, white, red) for signed maps. The tables are written
--- by scripts/make_colormaps.lua; viridis and inferno are approximations of the published maps of those names (within
--- about 2/255).
local core = require "fovea.core"
local lookup = require "fovea.lookup"
local tables = require "fovea.colormap_tables"

local M = {}

--- Names of the colour maps.
M.names = { "viridis", "inferno", "jet", "grey", "diverging" }

local cache = {}

--- The colours of a map.
---@param name string
---@return fovea.Tensor table 256 x 3, values 0..255
function M.table(name)
  if cache[name] then return cache[name] end
  if not tables[name] then error(lookup.unknown("colormap: unknown map", name, M.names), 2) end
  local flat = {}
  for byte in tables[name]:gmatch "%x%x" do flat[#flat + 1] = tonumber(byte, 16) end
  cache[name] = assert(core.tensor({ 256, 3 }, flat))
  return cache[name]
end

--- The colour at a place of a map.
---@param name string
---@param t number 0..1
---@return number[] colour r, g, b in 0..255
function M.at(name, t)
  local colour = core.picture.colour(assert(core.full({ 1, 1 }, t)), M.table(name), 0, 1)
  return colour:values()
end

--- Colours a map.
---@param map fovea.Tensor H x W (ones may stand in front)
---@param name string
---@param options? { low: number?, high: number?, signed: boolean? } range of the colours: 0..1, or -1..1 when signed
---@return fovea.Tensor picture 3 x H x W, 0..255
function M.apply(map, name, options)
  options = options or {}
  lookup.check_keys(options, { "low", "high", "signed" }, "colormap")
  local high = options.high or 1
  local low = options.low or (options.signed and -high or 0)
  return core.picture.colour(map, M.table(name), low, high)
end

return M
