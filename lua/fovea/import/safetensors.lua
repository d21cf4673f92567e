--- Weights in .safetensors files.
local core = require "fovea.core"

local M = {}

local Weights = {}
Weights.__index = Weights

--- Opens a file.
---@param path string
---@return fovea.Weights? weights
---@return string? message
---@return string? code "io", "format", "unsupported", "memory"
function M.open(path)
  local reader, message, code = core.array_file.open_safetensors(path)
  if not reader then return nil, message, code end
  local weights = setmetatable({ path = path, format = "safetensors", ordered = false, names = reader:names(),
    shapes = {}, dtypes = {}, metadata = reader:metadata(), warnings = {}, reader = reader }, Weights)
  for _, name in ipairs(weights.names) do
    weights.shapes[name], weights.dtypes[name] = reader:shape(name), reader:dtype(name)
  end
  return weights
end

--- The elements of a tensor as float32.
---@param name string
---@return fovea.Tensor? tensor
---@return string? message
---@return string? code
function Weights:read(name) return self.reader:read(name) end

--- Closes the file.
function Weights:close() self.reader:close() end
Weights.__close = Weights.close

return M
