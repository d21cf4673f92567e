--- Opening model and weight files, by their content. A source builds the graph of a model for given input shapes, as
--- often as wanted, over the same weight tensors:
---
---     source.inputs            { { name =, dims = { 1, 3, false, false } } ... } (false: not fixed)
---     source.warnings          texts for the user
---     source.nonfinite         names of weights with NaN or infinite elements
---     source:build(graph, shapes) -> { outputs = { [name] = node }, order = { name, ... }, inputs = { [name] = node },
---                                      parameters = { [name in the graph] = name in the file } }
---
--- Weights are named tensors without a graph; they become a model with an architecture (fovea.import.fit).
local core = require "fovea.core"

local M = {}

---@class fovea.Weights an open file
---@field path string
---@field format string "PyTorch", "safetensors", "ONNX"
---@field names string[] in the order of the file
---@field ordered boolean whether that order is the one in which the network was written down
---@field shapes table<string, integer[]>
---@field dtypes table<string, string>
---@field metadata table<string, string>
---@field warnings string[]
---@field read fun(self, name: string): fovea.Tensor?, string?, string? as float32
---@field close fun(self)

--- Formats: what a file begins with (or its suffix), and the modules that open it as a model or as weights.
local formats = {
  -- first, since the length of its header may begin like a pickle
  { name = "safetensors", pattern = "^.....\0\0\0{", weights = "fovea.import.safetensors" },
  { name = "Keras", pattern = "^PK\3\4" .. ("."):rep(26) .. "metadata%.json", weights = "fovea.import.keras",
    options = "keras" },
  { name = "PyTorch", begins = { "PK\3\4", "\x80" }, weights = "fovea.import.torch" },
  { name = "Keras HDF5", begins = { "\x89HDF\r\n\x1a\n" }, weights = "fovea.import.keras", options = "keras" },
  { name = "ONNX", suffix = "onnx", pattern = "^\8[\1-\31][\18\58]", model = "fovea.import.onnx",
    weights = "fovea.import.onnx.weights" },
}

local function readable(format, role)
  return format[role] and (package.loaded[format[role]] or package.searchpath(format[role], package.path)) ~= nil
end

--- Names of the formats that can be opened as "model" or "weights".
---@param role string
---@return string[]
function M.formats(role)
  local names = {}
  for _, format in ipairs(formats) do
    if readable(format, role) then names[#names + 1] = format.name end
  end
  return names
end

local function begins(format, head)
  for _, magic in ipairs(format.begins or {}) do
    if head:sub(1, #magic) == magic then return true end
  end
  return format.pattern ~= nil and head:find(format.pattern) ~= nil
end

local function format_of(path, head)
  for _, format in ipairs(formats) do
    if begins(format, head) then return format end
  end
  local suffix = (path:match "%.([%w_]+)$" or ""):lower()
  for _, format in ipairs(formats) do
    if format.suffix == suffix then return format end
  end
end

--- The first bytes of a file; or nil, message, code in the words of all readers.
local function head_of(path)
  local file = io.open(path, "rb")
  local head = file and file:read(64)
  if file then file:close() end
  if head then return head end
  local _, message, code = core.file.hash(path)
  return nil, message or path .. ": cannot be read", code or "io"
end

--- What a file is, by its content: a table with name, model, weights.
---@param path string
---@return table? format
---@return string? message
---@return string? code "io", "unsupported"
function M.format(path)
  local head, message, code = head_of(path)
  if not head then return nil, message, code end
  local format = format_of(path, head)
  if format and (readable(format, "model") or readable(format, "weights")) then return format end
  return nil, ("%s: %s; files of %s can be opened"):format(path,
    format and ("a file of %s, which is not read"):format(format.name) or "not a model or weight file that is known",
    table.concat(M.formats "weights", ", ")), "unsupported"
end

--- Opens a model file.
---@param path string
---@param options? table passed on to the reader
---@return table? source
---@return string? message
---@return string? code "io", "format", "unsupported", "memory"
function M.open(path, options)
  local format, message, code = M.format(path)
  if not format then return nil, message, code end
  if format.model then return require(format.model).open(path, options) end
  return nil, ("%s: %s weights without a network"):format(path, format.name), "unsupported"
end

--- Opens a file as weights.
---@param path string
---@param options? { entry: string?, keras: table? } entry: part of a PyTorch checkpoint that holds the weights;
--- keras: what an old Keras file does not say (fovea.import.keras)
---@return fovea.Weights? weights
---@return string? message
---@return string? code "io", "format", "unsupported", "memory"
function M.weights(path, options)
  local format, message, code = M.format(path)
  if not format then return nil, message, code end
  if format.options then options = (options or {})[format.options] end
  return require(format.weights).open(path, options)
end

return M
