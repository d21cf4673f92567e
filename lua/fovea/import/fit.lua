--- Weights from a file in a network of an architecture.
local import = require "fovea.import"
local matching = require "fovea.import.match"
local sidecar = require "fovea.import.sidecar"

local M = {}

--- Reads the tensors that a match found; or nil, message, code.
local function read(weights, match, expected)
  local store = {}
  for _, entry in ipairs(expected) do
    local foreign = match.found[entry.name]
    if foreign then
      local tensor, message, code = weights:read(foreign)
      if not tensor then return nil, message, code end
      if not tensor:is_finite() then
        return nil, ("%s: weights with NaN or infinite elements: %s"):format(weights.path, foreign), "mismatch"
      end
      store[entry.name] = tensor:reshape(entry.shape)
    end
  end
  return store
end

local function warnings_of(weights, match)
  local list = table.move(weights.warnings, 1, #weights.warnings, 1, {})
  if match.how == "order" then
    list[#list + 1] = ("weights of %s are assigned by shape and order, not by name: check the output"):format(
      weights.path)
  end
  for line in matching.report(match):gmatch "[^\n]+" do list[#list + 1] = line end
  return list
end

--- Finds the tensors of the network's parameters; or nil, message, code.
local function matched(expected, weights, network, options)
  local match = matching.find(expected, weights, { maps = network.maps, map = options.map })
  if matching.complete(match) or (options.strict == false and next(match.found)) then return match end
  local hits = 0
  for _ in pairs(match.found) do hits = hits + 1 end
  return nil, ("%s: does not fit %s: %d of %d parameters found (by %s)\n%s"):format(weights.path, network.name, hits,
    #expected, match.how, matching.report(match)), "mismatch"
end

--- The options completed by what is written beside the weights; or nil, message, code.
local function completed(options, weights, arch)
  local notes, message, code = sidecar.read(weights.path, weights.metadata)
  if not notes then return nil, message, code end
  local all = setmetatable({ preprocess = options.preprocess or notes.preprocess }, { __index = options })
  if notes.arch and (options.arch or notes.arch) == notes.arch then
    all.arch, all.arch_options = notes.arch, options.arch_options or notes.arch_options
  end
  if all.arch then return all end
  return nil, ("%s: weights without a network: name its architecture (arch = ..., --arch NAME; %s, or FILE.lua)")
    :format(weights.path, table.concat(arch.names(), ", ")), "unsupported"
end

--- The model over all tensors that a match found; or nil, message, code.
local function assemble(weights, options, arch, settings)
  local blank, reason, kind = arch.model(options.arch, options.arch_options, {},
    { input_shape = settings.input_shape, blank = true })
  if not blank then return nil, reason, kind end
  local match, problem, what = matched(blank.parameters, weights, blank.architecture, options)
  if not match then return nil, problem, what end
  local store, failure, class = read(weights, match, blank.parameters)
  if not store then return nil, failure, class end
  local model, trouble, cause = arch.model(options.arch, options.arch_options, store, settings)
  if not model then return nil, trouble, cause end
  model.match, model.warnings = match, warnings_of(weights, match)
  return model
end

--- Seed in "random" and "random:SEED", unless there is a file of that name.
local function seed_of(path)
  local seed = path == "random" and "0" or path:match "^random:(%d+)$"
  return seed and not require("lfs").attributes(path, "mode") and math.tointeger(tonumber(seed)) or nil
end

--- What load needs to do the same again, for records.
local function again(options)
  local function plain(value) return type(value) == "string" and value or nil end
  return { arch = plain(options.arch), arch_options = options.arch_options, strict = options.strict,
    map = plain(options.map), entry = options.entry, keras = options.keras }
end

local function load(path, options)
  local arch = require "fovea.arch"
  local settings = { preprocess = options.preprocess, input_shape = options.input_shape, seed = seed_of(path) }
  if options.arch and settings.seed then
    return arch.model(options.arch, options.arch_options, {}, settings)
  end
  local weights <close>, message, code = import.weights(path, { entry = options.entry, keras = options.keras })
  if not weights then return nil, message, code end
  local all, reason, kind = completed(options, weights, arch)
  if not all then return nil, reason, kind end
  settings.preprocess = all.preprocess
  return assemble(weights, all, arch, settings)
end

--- A model of an architecture with the weights of a file.
---@param path string PyTorch, Keras, safetensors, ONNX; or "random", "random:SEED"
---@param options { arch: string|fovea.Architecture|nil, arch_options: table?, strict: boolean?,
---  map: string|function|nil, entry: string?, keras: table?, preprocess: table?, input_shape: integer[]? } see
--- fovea.load
---@return fovea.Model? model with the field `match`: what was found where (fovea.Match)
---@return string? message
---@return string? code
function M.load(path, options)
  local model, message, code = load(path, options)
  if not model then return nil, message, code end
  model.path, model.load_options = path, again(options)
  return model
end

return M
