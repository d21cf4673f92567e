--- The weights of a trained network as a file that says what it is: `fovea explain` needs nothing else.
local json = require "fovea.json"
local safetensors = require "fovea.safetensors"
local sidecar = require "fovea.import.sidecar"

local M = {}

--- Options of the architecture that are not empty; nil when there are none.
local function options_of(model)
  local options = {}
  for key, value in pairs(model.options) do
    if type(value) ~= "table" or next(value) ~= nil then options[key] = value end
  end
  return next(options) ~= nil and options or nil
end

--- Writes the weights of a model.
---@param path string .safetensors
---@param model fovea.Model made from an architecture
---@param options? { dtype: string?, notes: table? } dtype: "float32" or "float16"; notes: how it was trained
---@return true? done
---@return string? message
---@return string? code
function M.write(path, model, options)
  options = options or {}
  local named = model.architecture.name:find "^[%w_]+$" and require("fovea.lookup").names "fovea.models" or {}
  local arch
  for _, name in ipairs(named) do
    if name == model.architecture.name then arch = name end
  end
  local metadata = sidecar.metadata { arch = arch, arch_options = arch and options_of(model),
    preprocess = model.preprocess }
  metadata["fovea.trained"] = options.notes and json.encode(options.notes)
  local tensors = {}
  for _, entry in ipairs(model.parameters) do tensors[entry.name] = model.weights[entry.name] end
  return safetensors.write(path, tensors, { dtype = options.dtype, metadata = metadata })
end

return M
