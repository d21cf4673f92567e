--- Opening model files. A source builds the graph of a model for given input shapes, as often as wanted, over the same
--- weight tensors:
---
---     source.inputs            { { name =, dims = { 1, 3, false, false } } ... } (false: not fixed)
---     source.warnings          texts for the user
---     source.nonfinite         names of weights with NaN or infinite elements
---     source:build(graph, shapes) -> { outputs = { [name] = node }, order = { name, ... }, inputs = { [name] = node },
---                                      parameters = { [name in the graph] = name in the file } }
local lookup = require "fovea.lookup"

local M = {}

--- Suffixes and the module that reads them.
local readers = { onnx = "fovea.import.onnx" }

--- Opens a model file by its suffix.
---@param path string
---@param options? table passed on to the reader
---@return table? source
---@return string? message
---@return string? code "io", "format", "unsupported", "memory"
function M.open(path, options)
  local suffix = tostring(path):match "%.([%w_]+)$"
  local module = readers[(suffix or ""):lower()]
  if module then return require(module).open(path, options) end
  local known = {}
  for name in pairs(readers) do known[#known + 1] = "." .. name end
  table.sort(known)
  local hint = suffix and lookup.nearest("." .. suffix, known)
  return nil, ("%s: not a model file that can be opened (%s)%s"):format(path, table.concat(known, ", "),
    hint and "; did you mean " .. hint .. "?" or ""), "unsupported"
end

return M
