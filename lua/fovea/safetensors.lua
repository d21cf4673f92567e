--- Named tensors in .safetensors files.
local array_file = require("fovea.core").array_file

local M = {}

---@class fovea.Safetensors an open file; elements are read when a tensor is asked for
---@field names fun(self): string[] names of the tensors, sorted
---@field shape fun(self, name: string): integer[]?, string?, string?
---@field dtype fun(self, name: string): string?, string?, string? element type in the file ("bfloat16", ...)
---@field read fun(self, name: string): fovea.Tensor?, string?, string? as float32
---@field metadata fun(self): table<string, string>
---@field close fun(self)

--- Opens a file: the whole header is checked, no elements are read.
---@param path string
---@return fovea.Safetensors? reader nil when the file cannot be opened or is damaged
---@return string? message
---@return string? code
function M.open(path)
  return array_file.open_safetensors(path)
end

--- All tensors of a file.
---@param path string
---@return table<string, fovea.Tensor>? tensors nil when the file cannot be read
---@return table<string, string>|string metadata_or_message
---@return string? code
function M.read(path)
  local reader <close>, message, code = array_file.open_safetensors(path)
  if not reader then return nil, message, code end
  local tensors = {}
  for _, name in ipairs(reader:names()) do
    local tensor, why, kind = reader:read(name)
    if not tensor then return nil, why, kind end
    tensors[name] = tensor
  end
  return tensors, reader:metadata()
end

--- Writes tensors; the file is replaced as a whole or not at all. A tensor with finite elements beyond 65504, which
--- float16 does not hold, is written as float32 in its place.
---@param path string
---@param tensors table<string, fovea.Tensor>
---@param options? { dtype?: "float32"|"float16"|"bfloat16"|"float64", metadata?: table<string, string> } float32
---@return true? done
---@return string? message
---@return string? code
function M.write(path, tensors, options)
  return array_file.write_safetensors(path, tensors, options)
end

return M
