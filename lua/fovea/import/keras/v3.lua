--- Weights of Keras 3 (.weights.h5, and inside of .keras): data sets layers/conv2d_1/vars/0, ... The groups bear the
--- classes of the layers and a count; the layers' own names are attributes, where the file is recent enough, or in the
--- description of the network.
local config = require "fovea.import.keras.config"

local M = {}

--- Roles of the variables of a class, in order; the first that fits the class.
local ROLES = {
  { "^batch_normalization$", "gamma", "beta", "moving_mean", "moving_variance" },
  { "^separable_conv%dd$", "depthwise_kernel", "pointwise_kernel", "bias" },
  { "^depthwise_conv%dd$", "depthwise_kernel", "bias" },
  { "^conv_lstm", "kernel", "recurrent_kernel", "bias" },
  { "^layer_normalization$", "gamma", "beta" },
  { "^group_normalization$", "gamma", "beta" },
  { "^p_re_lu$", "alpha" },
  { "^normalization$", "mean", "variance", "count" },
  { "", "kernel", "bias" },
}

--- Components that are no layers, or whose variables are no weights.
local SILENT = { layers = true, cell = true, _layer_checkpoint_dependencies = true }
local DIRECTIONS = { forward_layer = "forward", backward_layer = "backward" }

local function class_of(group) return (group:gsub("_%d+$", "")) end

--- Roles of the variables of a layer; nil when the number of variables leaves a doubt.
local function roles_of(class, settings, count)
  for _, row in ipairs(ROLES) do
    if class:find(row[1]) then
      local roles = {}
      for i = 2, #row do
        local left_out = settings and ((row[i] == "gamma" and settings.scale == false)
          or (row[i] == "beta" and settings.center == false))
        if not left_out then roles[#roles + 1] = row[i] end
      end
      if class == "batch_normalization" and not settings and count == 2 then roles = { table.unpack(row, 4, 5) } end
      local in_doubt = count > #roles or (class == "batch_normalization" and count ~= #roles)
      return not in_doubt and roles or nil
    end
  end
end

-- the order of the layers --------------------------------------------------------------------------------------------

--- For each group of a list of layers, as Keras counts them: its place, name, class and settings.
local function number_entries(entries)
  local used, index = {}, {}
  for place, entry in ipairs(entries or {}) do
    local class = config.snake_case(entry.class)
    local group = used[class] and ("%s_%d"):format(class, used[class]) or class
    used[class] = (used[class] or 0) + 1
    index[group] = { place = place, name = entry.name, class = class, settings = entry.settings,
      inner = entry.inner and number_entries(entry.inner) }
  end
  return index
end

--- A path of groups as layers: name, sort key, class and settings of the innermost layer.
local function describe(path, index, texts)
  local names, key, class, settings, at = {}, {}, "", nil, ""
  for component in path:gmatch "[^/]+" do
    at = at == "" and component or at .. "/" .. component
    local entry = index and index[component]
    if not SILENT[component] then
      class, settings = entry and entry.class or class_of(component), entry and entry.settings
      local said = texts[at .. "/vars"] and texts[at .. "/vars"].name
      names[#names + 1] = DIRECTIONS[component] or entry and entry.name or said or component
      key[#key + 1] = ("%08d %s %08d"):format(entry and entry.place or 0, class,
        tonumber(component:match "_(%d+)$") or 0)
      if index and not DIRECTIONS[component] then index = entry and entry.inner end
    end
  end
  if DIRECTIONS[path:match "([^/]+)/cell$" or ""] then class = "conv_lstm" end
  return table.concat(names, "."):gsub("/", "."), table.concat(key, "/"), class, settings
end

-- the file -----------------------------------------------------------------------------------------------------------

local function group_variables(file)
  local groups, order = {}, {}
  for _, path in ipairs(file.names) do
    local group, number = path:match "^(.*)/vars/(%d+)$"
    if group and group:match "[^/]+$" ~= "seed_generator" then
      if not groups[group] then
        groups[group] = {}
        order[#order + 1] = group
      end
      groups[group][tonumber(number) + 1] = path
    end
  end
  return groups, order
end

local function make_layer(file, group, variables, index)
  local name, key, class, settings = describe(group, index, file.texts)
  local roles = roles_of(class, settings, #variables)
  if not roles then
    return nil, ("%s: layer '%s' has %d variables, whose meaning is not clear without the description of the network"
      .. " (option architecture: its JSON file)"):format(file.path, name, #variables), "unsupported"
  end
  local layer = { name = name, key = key, class = class, settings = settings, paths = {}, roles = {} }
  for i, path in ipairs(variables) do
    layer.paths[roles[i]], layer.roles[i] = path, roles[i]
  end
  return layer
end

--- True for files of this kind.
---@param file table names
---@return boolean
function M.is(file)
  for _, path in ipairs(file.names) do
    if path:find "/vars/%d+$" then return true end
  end
  return false
end

--- Layers that have weights; in order when the description of the network is known.
---@param file table path, names, shapes, texts
---@param entries fovea.KerasEntry[]?
---@return fovea.KerasLayer[]? layers
---@return string? message
---@return string? code
function M.layers(file, entries)
  local groups, order = group_variables(file)
  local index, list = entries and number_entries(entries), {}
  for _, group in ipairs(order) do
    local layer, message, code = make_layer(file, group, groups[group], index)
    if not layer then return nil, message, code end
    list[#list + 1] = layer
  end
  table.sort(list, function(a, b) return a.key < b.key end)
  return list
end

return M
