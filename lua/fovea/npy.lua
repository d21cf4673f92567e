--- Tensors in NumPy's .npy files.
local array_file = require("fovea.core").array_file

local M = {}

--- Reads an array of any numeric type, byte order and axis order as a float32 tensor.
---@param path string
---@return fovea.Tensor? tensor nil when the file cannot be read
---@return string dtype_or_message element type of the file ("uint8", "float64", ...), or what is wrong
---@return string? code
function M.read(path)
  return array_file.read_npy(path)
end

--- Writes a tensor as float32; the file is replaced as a whole or not at all.
---@param path string
---@param tensor fovea.Tensor
---@return true? done
---@return string? message
---@return string? code
function M.write(path, tensor)
  return array_file.write_npy(path, tensor)
end

return M
