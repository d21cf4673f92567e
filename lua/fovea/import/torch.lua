--- Weights in files of torch.save: the state dict, alone or inside a checkpoint. The file is read as data (nothing in
--- it is run); see src/io/torch.h.
local core = require "fovea.core"
local lookup = require "fovea.lookup"

local M = {}

---@class fovea.TorchWeights: fovea.Weights
---@field entries string[] keys of the checkpoint that led to the weights
local Weights = {}
Weights.__index = Weights

--- Where checkpoints keep the weights, the usual name first.
local WRAPPERS = { "state_dict", "model_state_dict", "model_state", "network_weights", "model", "net", "network",
  "weights", "module", "params" }

--- What DataParallel and torch.compile put before every name.
local ADDED = { "module.", "_orig_mod." }

local MOST_LEVELS = 4

local function is_kind(value, kind) return type(value) == "table" and value.kind == kind end

--- Value of a text key of a dictionary.
local function field(dict, name)
  for i, key in ipairs(dict.keys) do
    if key == name then return dict.values[i] end
  end
end

local function has_tensors(dict)
  for _, value in ipairs(dict.values) do
    if is_kind(value, "tensor") then return true end
  end
  return false
end

--- Keys of a dictionary whose values are dictionaries with tensors.
local function parts(dict)
  local found = {}
  for i, key in ipairs(dict.keys) do
    local value = dict.values[i]
    if type(key) == "string" and is_kind(value, "dict") and has_tensors(value) then found[#found + 1] = key end
  end
  return found
end

local function wrapped(dict)
  for _, name in ipairs(WRAPPERS) do
    local value = field(dict, name)
    if is_kind(value, "dict") then return value, name end
  end
end

local function keys_text(dict)
  local names = {}
  for i = 1, math.min(#dict.keys, 12) do names[i] = tostring(dict.keys[i]) end
  return table.concat(names, ", ") .. (#dict.keys > 12 and ", ..." or "")
end

--- The dictionary of tensors in a checkpoint, and the keys that lead there; or nil and a reason.
local function find_weights(dict, entries)
  for _ = 1, MOST_LEVELS do
    if has_tensors(dict) then return dict end
    local inner, name = wrapped(dict)
    local candidates = inner and {} or parts(dict)
    if #candidates == 1 then inner, name = field(dict, candidates[1]), candidates[1] end
    if #candidates > 1 then
      return nil, ("several parts could be the weights (%s); name one (entry = ..., --entry NAME)"):format(
        table.concat(candidates, ", "))
    end
    if not inner then return nil, ("no tensors by name in it (it has: %s)"):format(keys_text(dict)) end
    entries[#entries + 1], dict = name, inner
  end
  return nil, "no tensors by name in it"
end

--- The part of a checkpoint that `entry` names ("a" or "a/b").
local function descend(dict, entry, entries)
  for key in entry:gmatch "[^/]+" do
    local inner = field(dict, key)
    if not is_kind(inner, "dict") then
      local known = {}
      for i, name in ipairs(dict.keys) do known[i] = tostring(name) end
      return nil, lookup.unknown("no entry", key, known)
    end
    entries[#entries + 1], dict = key, inner
  end
  return dict
end

--- True when all names begin so and something is left of them.
local function all_begin(names, prefix)
  for _, name in ipairs(names) do
    if name:sub(1, #prefix) ~= prefix or #name == #prefix then return false end
  end
  return #names > 0
end

local function strip(names)
  local cut, again = 0, true
  while again do
    again = false
    for _, prefix in ipairs(ADDED) do
      if all_begin(names, prefix) then
        again, cut = true, cut + #prefix
        for i, name in ipairs(names) do names[i] = name:sub(#prefix + 1) end
      end
    end
  end
end

--- Fills in the tensors of a dictionary; returns a reason when a name comes twice.
local function list(weights, dict)
  local tensors = {}
  for i, key in ipairs(dict.keys) do
    if type(key) == "string" and is_kind(dict.values[i], "tensor") then
      weights.names[#weights.names + 1] = key
      tensors[#tensors + 1] = dict.values[i]
    end
  end
  strip(weights.names)
  for i, name in ipairs(weights.names) do
    if weights.tensors[name] then return ("tensor '%s' comes twice"):format(name) end
    weights.tensors[name] = tensors[i]
    weights.shapes[name], weights.dtypes[name] = tensors[i].shape, tensors[i].dtype
  end
end

local function find(weights, content, entry)
  if not is_kind(content, "dict") then return "holds no dictionary of tensors (save model.state_dict())" end
  local dict, reason = content, nil
  if entry then dict, reason = descend(content, entry, weights.entries) end
  if dict then dict, reason = find_weights(dict, weights.entries) end
  return reason or list(weights, dict)
end

--- Opens a file of torch.save.
---@param path string
---@param options? { entry: string? } the part of a checkpoint that holds the weights, "a" or "a/b"; default: found by
--- the usual names (state_dict, model_state_dict, model, net, network_weights, ...)
---@return fovea.TorchWeights? weights
---@return string? message
---@return string? code "io", "format", "unsupported", "memory"
function M.open(path, options)
  local reader, message, code = core.open_torch(path)
  if not reader then return nil, message, code end
  local weights = setmetatable({ path = path, format = "PyTorch", ordered = true, names = {}, shapes = {}, dtypes = {},
    metadata = {}, warnings = {}, entries = {}, tensors = {}, reader = reader }, Weights)
  local reason = find(weights, reader:content(), options and options.entry)
  if not reason then return weights end
  reader:close()
  return nil, ("%s: %s"):format(path, reason), "format"
end

--- The elements of a tensor as float32.
---@param name string
---@return fovea.Tensor? tensor
---@return string? message
---@return string? code
function Weights:read(name)
  local known = self.tensors[name]
  if not known then return nil, ("%s: no tensor '%s'"):format(self.path, name), "mismatch" end
  return self.reader:read(known.number)
end

--- Closes the file.
function Weights:close() self.reader:close() end
Weights.__close = Weights.close

return M
