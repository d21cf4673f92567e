--- The description of the network that full Keras models hold: names, classes and settings of the layers in order.
--- It is read as data. Lambda layers hold marshalled Python code and are refused.
local json = require "fovea.json"

local M = {}

---@class fovea.KerasEntry
---@field name string
---@field class string "Conv2D"
---@field settings table
---@field inner fovea.KerasEntry[]? layers of a model inside, or of a wrapper

--- The word that Keras makes of a class name: "BatchNormalization" -> "batch_normalization".
---@param class string
---@return string
function M.snake_case(class)
  return (class:gsub("%W", ""):gsub("(.)(%u%l+)", "%1_%2"):gsub("(%l)(%u)", "%1_%2"):lower())
end

--- Name of the first Lambda layer anywhere in a value.
local function find_lambda(value)
  if type(value) ~= "table" then return nil end
  if value.class_name == "Lambda" then
    return tostring(value.name or type(value.config) == "table" and value.config.name or "?")
  end
  for _, item in pairs(value) do
    local name = find_lambda(item)
    if name then return name end
  end
end

local read_layers

local function read_layer(layer)
  if type(layer) ~= "table" then return nil end
  local settings = type(layer.config) == "table" and layer.config or {}
  return { class = tostring(layer.class_name or "?"), name = tostring(layer.name or settings.name or "?"),
    settings = settings, inner = read_layers(layer) }
end

--- Layers of a model or wrapper; nil for a plain layer. A Sequential of old is a bare list.
function read_layers(model)
  local config = type(model.config) == "table" and model.config or {}
  local list = config.layers or (config.layer and { config.layer }) or (config[1] and config)
  if type(list) ~= "table" or type(list[1]) ~= "table" then return nil end
  local entries = {}
  for _, layer in ipairs(list) do entries[#entries + 1] = read_layer(layer) end
  return entries
end

--- Reads a description.
---@param text string JSON
---@param path string for messages
---@return fovea.KerasEntry[]? layers
---@return string? message
---@return string? code "format", "unsupported"
function M.read(text, path)
  local value, message, code = json.decode(text)
  if value == nil then return nil, ("%s: model_config: %s"):format(path, message or "empty"), code or "format" end
  local lambda = find_lambda(value)
  if lambda then
    return nil, ("%s: layer '%s' is a Lambda layer, which holds code; such models are refused"):format(path, lambda),
      "unsupported"
  end
  if type(value) ~= "table" then return nil, path .. ": model_config is not a network", "format" end
  return read_layers(value) or {}
end

--- All layers by name, those of inner models too.
---@param entries fovea.KerasEntry[]?
---@param index? table<string, fovea.KerasEntry>
---@return table<string, fovea.KerasEntry>
function M.by_name(entries, index)
  index = index or {}
  for _, entry in ipairs(entries or {}) do
    index[entry.name] = index[entry.name] or entry
    M.by_name(entry.inner, index)
  end
  return index
end

return M
