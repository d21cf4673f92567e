--- Masks and label maps from files: pictures, .npy, .safetensors (FILE.safetensors#NAME for one of several tensors).
local core = require "fovea.core"
local image = require "fovea.image"
local npy = require "fovea.npy"
local phantom = require "fovea.phantom"
local safetensors = require "fovea.safetensors"

local M = {}

local function from_safetensors(path)
  local file, name = path:match "^(.-%.safetensors)#(.+)$"
  local opened, message, code = safetensors.open(file or path)
  if not opened then return nil, message, code end
  local names = opened:names()
  name = name or (#names == 1 and names[1] or "mask")
  for _, known in ipairs(names) do
    if known == name then return opened:read(name) end
  end
  return nil, ("%s: no tensor '%s' (it has: %s)"):format(path, name, table.concat(names, ", ")), "mismatch"
end

--- The values of a picture, H x W: the largest of the colour channels, as stored.
---@param picture fovea.Image
---@return fovea.Tensor
function M.values(picture)
  local colours = picture:colours()
  return colours:shape()[1] == 1 and colours:select(1, 1) or colours:max { 1 }
end

--- The values of a mask file. A JPEG is refused, because its compression changes the values, unless a threshold tells
--- foreground from background.
---@param path string
---@param options? { threshold: number? } the caller will compare the values with it
---@return fovea.Tensor? values
---@return string? message
---@return string? code
function M.read(path, options)
  if phantom.is_path(path) then return phantom.read_mask(path) end
  if path:find "%.safetensors" then return from_safetensors(path) end
  if path:find "%.npy$" then
    local tensor, message, code = npy.read(path)
    if not tensor then return nil, message, code end
    return tensor
  end
  if path:lower():find "%.jpe?g$" and not (options and options.threshold) then
    return nil, path .. ": a JPEG does not keep the values of a mask; use PNG, or give a threshold", "unsupported"
  end
  local picture, message, code = image.read(path)
  if not picture then return nil, message, code end
  return M.values(picture)
end

--- Path of the file without the name of a tensor or the number of a page in it.
---@param path string
---@return string
function M.file(path) return path:match "^(.-%.safetensors)#.+$" or (image.page_of(path)) end

--- Hash of what a path of an image or mask stands for: the file, or the values of a phantom; nil when it is not there.
---@param path string
---@return string? hash
function M.hash(path)
  if not phantom.is_path(path) then
    local hash, page = core.file.hash(M.file(path)), select(2, image.page_of(path))
    return hash and page and core.file.hash_text(("%s#%d"):format(hash, page)) or hash or nil
  end
  local mask = phantom.read_mask(path)
  local picture = phantom.read(path)
  return mask and core.file.hash_text(picture.tensor:hash() .. mask:hash()) or nil
end

return M
