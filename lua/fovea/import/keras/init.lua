--- Weights of Keras: HDF5 files of Keras 1 and 2 (weights only or whole models), .weights.h5 and .keras archives of
--- Keras 3. Tensors are named LAYER.weight, LAYER.bias, LAYER.running_mean, ... and laid out as PyTorch's (see
--- fovea.import.keras.convert), in the order of the layers. HDF5 is parsed in a process of its own with limits; nothing
--- in a file is ever run.
local config = require "fovea.import.keras.config"
local convert = require "fovea.import.keras.convert"
local core = require "fovea.core"
local json = require "fovea.json"
local legacy = require "fovea.import.keras.legacy"
local lookup = require "fovea.lookup"
local style = require "fovea.import.keras.style"
local v3 = require "fovea.import.keras.v3"

local M = {}

local OPTIONS = { "architecture", "backend", "dim_ordering" }
local CHOICES = { backend = { "tensorflow", "theano" }, dim_ordering = { "th", "tf" } }
local ARCHITECTURE_MOST = 64 << 20

-- reading ------------------------------------------------------------------------------------------------------------

local function is_zip(path)
  local stream = io.open(path, "rb")
  local head = stream and stream:read(4)
  if stream then stream:close() end
  return head == "PK\3\4"
end

--- The arrays and texts of a file: path, reader, names, shapes, texts, description (JSON) and version.
local function read_file(path)
  local zipped, file = is_zip(path), { path = path, shapes = {} }
  local reader, description, metadata = core.hdf5[zipped and "open_keras" or "open"](path)
  if not reader then return nil, description, metadata end
  if zipped then
    local version = json.decode(metadata)
    file.description, file.version = description, type(version) == "table" and version.keras_version or nil
  end
  local texts, problem = json.decode(reader:metadata().attributes or "{}")
  if not texts then return nil, ("%s: %s"):format(path, problem), "format" end
  file.reader, file.names, file.texts = reader, reader:names(), texts
  for _, name in ipairs(file.names) do file.shapes[name] = reader:shape(name) end
  return file
end

--- A text that Keras keeps at the root or beside the layer names.
local function text_of(file, key)
  local root, inner = file.texts[""] or {}, file.texts.model_weights or {}
  local value = root[key] or inner[key]
  return type(value) == "string" and value or nil
end

--- The description of the network: of the file, or of the JSON file that an option names; nil when there is none.
local function read_config(file, options)
  local text, source = file.description or text_of(file, "model_config"), file.path
  if options.architecture then
    local message, code
    source = options.architecture
    text, message, code = core.file.read(source, { limit = ARCHITECTURE_MOST })
    if not text then return false, message, code end
  end
  if not text then return nil end
  local entries, message, code = config.read(text, source)
  if not entries then return false, message, code end
  return entries
end

-- converting ---------------------------------------------------------------------------------------------------------

local Weights = {}
Weights.__index = Weights

local function read_layer(file, layer)
  local tensors = {}
  for role, path in pairs(layer.paths) do
    local value, message, code = file.reader:read(path)
    if not value then return nil, message, code end
    tensors[role] = value
  end
  return tensors
end

--- Puts the tensors of a layer into the weights.
local function add_layer(weights, file, layer, layout)
  local tensors, message, code = read_layer(file, layer)
  if not tensors then return nil, message, code end
  for _, item in ipairs(convert.layer(layer, tensors, layout)) do
    local name = layer.name .. "." .. item.name
    if weights.tensors[name] then
      return nil, ("%s: damaged Keras file (two tensors would be called '%s')"):format(file.path, name), "format"
    end
    weights.names[#weights.names + 1] = name
    weights.tensors[name], weights.shapes[name], weights.dtypes[name] = item.tensor, item.tensor:shape(), "float32"
  end
  return true
end

local function new_weights(file)
  local weights = setmetatable({ path = file.path, format = "Keras", names = {}, shapes = {}, dtypes = {}, tensors = {},
    metadata = {}, warnings = {}, ordered = true }, Weights)
  for _, key in ipairs { "keras_version", "backend", "model_config" } do
    weights.metadata[key] = key == "model_config" and file.description or text_of(file, key)
  end
  weights.metadata.keras_version = weights.metadata.keras_version or file.version
  return weights
end

local function fill(weights, file, layers, options)
  local layout, problem = style.find(layers, file.shapes, { version = weights.metadata.keras_version,
    backend = options.backend or weights.metadata.backend, dim_ordering = options.dim_ordering }, weights.warnings)
  if not layout then return nil, ("%s: %s"):format(file.path, problem), "unsupported" end
  for _, layer in ipairs(layers) do
    local done, message, code = add_layer(weights, file, layer, layout)
    if not done then return nil, message, code end
  end
  file.reader:close()
  return weights
end

local function check_options(options)
  lookup.check_keys(options, OPTIONS, "keras.open", 2)
  for key, choices in pairs(CHOICES) do
    local value = options[key]
    if value ~= nil and value ~= choices[1] and value ~= choices[2] then
      error(lookup.unknown(("keras.open: option '%s' cannot be"):format(key), value, choices), 3)
    end
  end
end

--- Opens a file.
---@param path string
---@param options? { architecture: string?, backend: string?, dim_ordering: string? } architecture: JSON file with the
--- description of the network (model.to_json()); backend: "theano" or "tensorflow", where an old file does not say;
--- dim_ordering: "th" or "tf", likewise
---@return fovea.Weights? weights
---@return string? message
---@return string? code "io", "format", "unsupported", "memory"
function M.open(path, options)
  options = options or {}
  check_options(options)
  local file, message, code = read_file(path)
  if not file then return nil, message, code end
  local entries, complaint, reason = read_config(file, options)
  if entries == false then return nil, complaint, reason end
  local weights, is_v3 = new_weights(file), v3.is(file)
  local layers, why, kind = (is_v3 and v3 or legacy).layers(file, entries)
  if not layers then return nil, why, kind end
  if #layers == 0 then return nil, path .. ": an HDF5 file without weights of Keras layers", "unsupported" end
  weights.ordered = not is_v3 or (entries ~= nil and #entries > 0)
  return fill(weights, file, layers, options)
end

--- The elements of a tensor as float32.
---@param name string
---@return fovea.Tensor? tensor
---@return string? message
---@return string? code
function Weights:read(name)
  local value = self.tensors[name]
  if value then return value end
  return nil, ("%s: no tensor '%s'"):format(self.path, name), "mismatch"
end

--- Lets the tensors go.
function Weights:close() self.tensors = {} end
Weights.__close = Weights.close

return M
