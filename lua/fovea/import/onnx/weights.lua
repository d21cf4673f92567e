--- The initialisers of an ONNX file as weights, whatever its nodes are.
local core = require "fovea.core"

local M = {}

local Weights = {}
Weights.__index = Weights

--- Opens a file.
---@param path string
---@return fovea.Weights? weights floating-point initialisers; integers are part of the graph
---@return string? message
---@return string? code "io", "format", "unsupported", "memory"
function M.open(path)
  local file, message, code = core.onnx_read(path)
  if not file then return nil, message, code end
  local weights = setmetatable({ path = path, format = "ONNX", ordered = true, names = {}, shapes = {}, dtypes = {},
    metadata = file.metadata, warnings = {}, tensors = {} }, Weights)
  for _, t in ipairs(file.graph.initializers) do
    if t.tensor and not weights.tensors[t.name] then
      weights.names[#weights.names + 1] = t.name
      weights.tensors[t.name], weights.shapes[t.name], weights.dtypes[t.name] = t.tensor, t.shape, t.dtype
    end
  end
  return weights
end

--- The elements of a tensor as float32.
---@param name string
---@return fovea.Tensor? tensor
---@return string? message
---@return string? code
function Weights:read(name)
  if self.tensors[name] then return self.tensors[name] end
  return nil, ("%s: no tensor '%s'"):format(self.path, name), "mismatch"
end

--- Lets go of the tensors.
function Weights:close() self.tensors = {} end
Weights.__close = Weights.close

return M
