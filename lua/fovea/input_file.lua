--- What can be explained, from a file: an image, or a tensor that is already preprocessed.
local image = require "fovea.image"
local npy = require "fovea.npy"
local phantom = require "fovea.phantom"
local safetensors = require "fovea.safetensors"

local M = {}

--- The tensor of FILE.safetensors[#NAME]: that named, "input", or the only one.
local function read_tensor(path, name)
  local file, message, code = safetensors.open(path)
  if not file then return nil, message, code end
  local names = file:names()
  if not name then
    name = #names == 1 and names[1] or "input"
  end
  for _, known in ipairs(names) do
    if known == name then return file:read(name) end
  end
  return nil, ("%s: no tensor '%s' (it has: %s)"):format(path, name, table.concat(names, ", ")), "mismatch"
end

--- What a path holds, for explain: an image, or a tensor N C H W.
---@param path string a picture, .npy, .safetensors, FILE.safetensors#NAME, phantom:NAME:SEED
---@return fovea.Image|fovea.Tensor|nil
---@return string? message
---@return string? code
function M.read(path)
  if phantom.is_path(path) then return phantom.read(path) end
  local file, name = path:match "^(.-%.safetensors)#(.+)$"
  if file or path:find "%.safetensors$" then return read_tensor(file or path, name) end
  if not path:find "%.npy$" then return image.read(path) end
  local tensor, message, code = npy.read(path)
  if not tensor then return nil, message, code end
  return tensor
end

return M
