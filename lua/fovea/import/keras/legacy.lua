--- HDF5 files of Keras 1 and 2 (and of Keras 3 when it writes .h5 models): one group per layer, whose attribute
--- weight_names lists its data sets; the attribute layer_names of their parent lists the layers in order.
local config = require "fovea.import.keras.config"

local M = {}

---@class fovea.KerasLayer
---@field name string for the names of its tensors
---@field class string? in snake case, where known
---@field settings table?
---@field paths table<string, string> data set of each role: kernel, bias, gamma, ...
---@field roles string[] in order

--- A list of names, which may be split into NAME0, NAME1, ...
local function names_of(texts, key)
  if not texts then return nil end
  local list = texts[key]
  if type(list) == "string" then return { list } end
  if list or not texts[key .. "0"] then return list end
  list = {}
  local part, i = texts[key .. "0"], 0
  while part do
    for _, name in ipairs(type(part) == "string" and { part } or part) do list[#list + 1] = name end
    i = i + 1
    part = texts[key .. i]
  end
  return list
end

-- names of weights ---------------------------------------------------------------------------------------------------

--- Endings of the weight names of Keras 1, which read LAYER_ENDING.
local OLD = { "([WUb]_[ifco])", "([WUb])", "(gamma)", "(beta)", "(running_mean)", "(running_std)", "(alphas)",
  "(param_%d+)" }

--- Role and the layer inside the group that a weight name speaks of: "block1_conv1/kernel:0" -> "kernel",
--- "block1_conv1"; "convolution2d_1_W" -> "W", "convolution2d_1".
local function split(weight)
  local scope, last = weight:match "^(.*)/([^/]+)$"
  last = (last or weight):gsub(":%d+$", "")
  if scope then return last, scope:match "[^/]+$" end
  for _, ending in ipairs(OLD) do
    local owner, role = last:match("^(.*)_" .. ending .. "$")
    if owner then return role, owner end
    if last:match("^" .. ending .. "$") then return last, "" end
  end
  return last, ""
end

--- Scopes inside a group, in order, and the weights of each: { { scope, { { role, path } ... } } ... }.
local function by_scope(group, weights)
  local order, index = {}, {}
  for _, weight in ipairs(weights) do
    local role, scope = split(weight)
    if not index[scope] then
      index[scope] = { scope = scope }
      order[#order + 1] = index[scope]
    end
    table.insert(index[scope], { role = role, path = group .. "/" .. weight })
  end
  return order
end

--- Name of a part of a layer: the two directions of a Bidirectional, a layer of a model inside.
local function part_name(layer, scope, parts)
  local own = layer:gsub("/", ".")
  if parts == 1 or scope == "" or scope == layer:match "[^/]+$" then return own end
  return own .. "." .. (scope:match "^(forward)_" or scope:match "^(backward)_" or scope)
end

--- Roles of the numbered weights of the first Keras versions.
local function number_roles(layer, shapes)
  local flat = true
  for _, role in ipairs(layer.roles) do flat = flat and #shapes[layer.paths[role]] == 1 end
  local names = flat and #layer.roles == 4 and { "gamma", "beta", "running_mean", "running_std" } or { "W", "b" }
  local paths = {}
  for i, role in ipairs(layer.roles) do
    local name = role:match "^param_" and names[i] or role
    paths[name], layer.roles[i] = layer.paths[role], name
  end
  layer.paths = paths
end

local function make_layer(name, part, entry, shapes)
  local layer = { name = name, paths = {}, roles = {}, settings = entry and entry.settings }
  layer.class = entry and config.snake_case(entry.class) or part.scope:gsub("_%d+$", "")
  for _, weight in ipairs(part) do
    if not shapes[weight.path] then return nil, weight.path, "is missing" end
    if layer.paths[weight.role] then return nil, weight.path, "has the role of another one" end
    layer.paths[weight.role] = weight.path
    layer.roles[#layer.roles + 1] = weight.role
  end
  number_roles(layer, shapes)
  return layer
end

-- the file -----------------------------------------------------------------------------------------------------------

local function number_of(name) return tonumber(name:match "(%d+)$") or 0 end

local function by_number(a, b)
  if number_of(a) ~= number_of(b) then return number_of(a) < number_of(b) end
  return a < b
end

--- Layer groups of the first versions, layer_0, layer_1, ... with data sets param_0, param_1, ...
local function numbered_layers(file)
  local weights, layers = {}, {}
  for _, path in ipairs(file.names) do
    local layer, weight = path:match "^(layer_%d+)/(param_%d+)$"
    if layer then
      if not weights[layer] then
        weights[layer] = {}
        layers[#layers + 1] = layer
      end
      table.insert(weights[layer], weight)
    end
  end
  table.sort(layers, by_number)
  for _, list in pairs(weights) do table.sort(list, by_number) end
  return layers, weights
end

--- Where the layers are ("" or "model_weights/"), their names in order, and the weights of each.
local function outline(file)
  for _, prefix in ipairs { "model_weights", "" } do
    local layers, weights = names_of(file.texts[prefix], "layer_names"), {}
    prefix = prefix == "" and "" or prefix .. "/"
    for _, layer in ipairs(layers or {}) do
      weights[layer] = names_of(file.texts[prefix .. layer], "weight_names") or {}
    end
    if layers then return prefix, layers, weights end
  end
  return "", numbered_layers(file)
end

--- Layers that have weights, in order.
---@param file table path, names, shapes, texts
---@param entries fovea.KerasEntry[]?
---@return fovea.KerasLayer[]? layers
---@return string? message
---@return string? code
function M.layers(file, entries)
  local known, list = config.by_name(entries), {}
  local prefix, layers, weights = outline(file)
  for _, name in ipairs(layers) do
    local parts = by_scope(prefix .. name, weights[name])
    for _, part in ipairs(parts) do
      local layer, path, problem = make_layer(part_name(name, part.scope, #parts), part,
        known[part.scope] or known[name], file.shapes)
      if not layer then
        return nil, ("%s: damaged Keras file (weight '%s' of layer '%s' %s)"):format(file.path, path, name, problem),
          "format"
      end
      list[#list + 1] = layer
    end
  end
  return list
end

return M
