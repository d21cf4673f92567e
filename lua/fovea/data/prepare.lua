--- Items of a data set as a model gets them, before random changes: preprocessed images with masks on the same grid.
--- They are kept in memory as long as they fit into a budget; which ones are kept changes time, never results.
local core = require "fovea.core"
local preprocess = require "fovea.preprocess"

local M = {}

---@class fovea.PreparedItem
---@field name string
---@field image fovea.Tensor C x height x width
---@field mask fovea.Tensor? height x width
---@field height integer
---@field width integer
---@field gain number[] value * gain + offset is 0 for black and 1 for white, per channel
---@field offset number[]

--- A mask on the grid of the model: nearest neighbours, padded as the image is.
---@param mask fovea.Tensor H x W
---@param record table
---@param geometry fovea.Geometry
---@return fovea.Tensor
function M.mask(mask, record, geometry)
  local g, shape = geometry, mask:shape()
  if shape[1] ~= g.resized[1] or shape[2] ~= g.resized[2] then
    mask = mask:resize { g.resized[1], g.resized[2], mode = "nearest" }
  end
  if g.grid[1] ~= g.resized[1] or g.grid[2] ~= g.resized[2] then
    mask = core.picture.window(mask, 1 + g.top, 1 + g.left, g.grid[1], g.grid[2], record.size.fill or "zero")
  end
  return mask
end

-- From the values a model gets back to 0..1, as lists over the channels.
local function tones(record, channels, white)
  local range, gain, offset = record.scale and record.scale * white or 1, {}, {}
  for c = 1, channels do
    local mean, std = record.mean or { 0 }, record.std or { 1 }
    gain[c] = (std[c] or std[1]) / range
    offset[c] = (mean[c] or mean[1]) / range
  end
  return gain, offset
end

--- Reads and prepares an item.
---@param set fovea.DataSet
---@param index integer
---@param record table of fovea.preprocess
---@return fovea.PreparedItem? item
---@return string? message
---@return string? code
function M.item(set, index, record)
  local sample, message, code = set:read(index)
  if not sample then return nil, message, code end
  local input, geometry, reason = preprocess.apply(record, sample.image)
  if not input then return nil, ("%s: %s"):format(set:item(index).path, geometry), reason end
  local shape = input:shape()
  local item = { name = sample.name, image = input:reshape { shape[2], shape[3], shape[4] }, height = shape[3],
    width = shape[4] }
  item.gain, item.offset = tones(record, shape[2], sample.image.white)
  if sample.mask then item.mask = M.mask(sample.mask, record, geometry) end
  return item
end

---@class fovea.PreparedCache
local Cache = {}
Cache.__index = Cache

--- A cache of at most so many bytes: the first items that fit stay. The last one read is kept besides.
---@param bytes integer
---@return fovea.PreparedCache
function M.cache(bytes) return setmetatable({ room = bytes, items = {} }, Cache) end

--- The prepared item, from the cache or from its files.
---@param set fovea.DataSet
---@param index integer
---@param record table
---@return fovea.PreparedItem? item
---@return string? message
---@return string? code
function Cache:get(set, index, record)
  local item, message, code = self.items[index]
  if not item and self.last_index == index then item = self.last end
  if item then return item end
  self.last_index, self.last = nil, nil -- not both at once
  item, message, code = M.item(set, index, record)
  if not item then return nil, message, code end
  local bytes = 4 * (item.image:count() + (item.mask and item.mask:count() or 0))
  if bytes <= self.room then
    self.room, self.items[index] = self.room - bytes, item
  else
    self.last_index, self.last = index, item
  end
  return item
end

return M
