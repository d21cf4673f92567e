--- Strategies, methods, metrics and layer filters of a recipe: each with a label for tables and a fingerprint that
--- changes when its file does. A function given from Lua has no fingerprint: its cases are always computed anew.
local cam = require "fovea.cam"
local check = require "fovea.recipe.check"
local metric = require "fovea.metric"
local script = require "fovea.recipe.script"
local threshold = require "fovea.threshold"

local M = {}

---@class fovea.RecipePart
---@field label string
---@field fingerprint string? nil: cannot be told
---@field value any the strategy, method or metric

local function fail(place, text, ...) error(("%s: %s"):format(place, text:format(...)), 0) end

--- Calls f; an error becomes one with the place in front.
local function at(place, f, ...)
  local results = table.pack(pcall(f, ...))
  if not results[1] then fail(place, "%s", check.bare(results[2])) end
  return table.unpack(results, 2, results.n)
end

--- Parts by label, none twice.
local function collect(settings, places, key, make)
  local parts, seen = {}, {}
  for i, given in ipairs(settings[key]) do
    local place = places[("%s[%d]"):format(key, i)] or places[key]
    for _, part in ipairs(make(given, place)) do
      if seen[part.label] then fail(place, "'%s' stands there twice (first at %s)", part.label, seen[part.label]) end
      seen[part.label] = place
      parts[#parts + 1] = part
    end
  end
  return parts
end

-- strategies ---------------------------------------------------------------------------------------------------------

--- The values of a sweep, rounded so that steps of a tenth are tenths.
local function sweep_values(sweep, place)
  if sweep.to <= sweep.from then fail(place, "a sweep goes upwards: 'to' must be above 'from'") end
  local values = {}
  for i = 0, sweep.steps - 1 do
    local value = sweep.from + (sweep.to - sweep.from) * i / (sweep.steps - 1)
    values[i + 1] = tonumber(("%.10g"):format(value))
  end
  return values
end

local function strategy_texts(given, base, place)
  if type(given) == "string" then
    local text, paths = script.resolve(given, base)
    return { { spec = text, label = #paths > 0 and given or nil, paths = paths } }
  end
  if type(given) ~= "table" or not given.sweep then return { { spec = given, paths = {} } } end
  local list = {}
  for i, value in ipairs(sweep_values(given, place)) do
    list[i] = { spec = ("%s:%.10g"):format(given.sweep, value), paths = {} }
  end
  return list
end

--- Label of a strategy: thresholds on the probability are plain numbers.
local function short(spec) return (spec:gsub("^fixed:([%d%.e%-]+)$", "%1")) end

local function load_strategy(spec)
  local path = script.path(spec)
  if not path then return threshold.parse(spec) end
  local ok, strategy = pcall(threshold.parse, spec)
  return ok and strategy or threshold.parse((script.load(path)))
end

--- Strategies of the recipe.
---@param settings table
---@param places table<string, string>
---@param base string folder of the recipe
---@return fovea.RecipePart[]
function M.strategies(settings, places, base)
  return collect(settings, places, "strategies", function(given, place)
    local parts = {}
    for i, one in ipairs(strategy_texts(given, base, place)) do
      local strategy = at(place, load_strategy, one.spec)
      local volatile = type(given) == "function" or type(given) == "userdata"
        or (type(given) == "table" and type(given.select) == "function")
      parts[i] = { label = one.label or short(strategy.spec), value = strategy,
        fingerprint = not volatile and at(place, script.fingerprint, one.paths) or nil }
    end
    return parts
  end)
end

-- methods and metrics ------------------------------------------------------------------------------------------------

--- A method from what a file or a table gives.
local function method_of(value, label)
  if type(value) == "function" then value = { map = value } end
  if type(value) ~= "table" or type(value.map) ~= "function" then
    error(("%s: a method is a function of activation and gradient, or a table with the field 'map'"):format(label), 0)
  end
  return { name = label, first_order = value.first_order or false, means = value.means,
    map = value.map, weights = value.weights }
end

--- Methods of the recipe.
---@param settings table
---@param places table<string, string>
---@param base string
---@return fovea.RecipePart[]
function M.methods(settings, places, base)
  return collect(settings, places, "methods", function(given, place)
    if type(given) ~= "string" then
      local label = type(given) == "table" and given.name or "function"
      return { { label = label, value = at(place, method_of, given, label) } }
    end
    local text, paths = script.resolve(given, base)
    local path = script.path(text)
    if not path then return { { label = given, value = at(place, cam.method, given), fingerprint = "" } } end
    local value = at(place, function() return method_of(script.load(path), given) end)
    return { { label = given, value = value, fingerprint = at(place, script.fingerprint, paths) } }
  end)
end

local function metric_part(given, base)
  local path = script.path((type(given) == "string" and script.resolve(given, base)))
  if not path then
    local volatile = type(given) == "function" or (type(given) == "table" and type(given.compute) == "function")
    local parsed = metric.parse(given)
    return { label = parsed.spec, value = parsed, fingerprint = not volatile and "" or nil }
  end
  local value, hash = script.load(path)
  local compute = type(value) == "table" and value.compute or value
  if type(compute) ~= "function" then
    error(("%s: a metric is a function of a view, or a table with the field 'compute'"):format(path), 0)
  end
  return { label = given, fingerprint = hash, value = { name = given, spec = given, parameters = {},
    needs_truth = type(value) == "table" and value.needs_truth or false, compute = compute } }
end

--- Metrics of the recipe.
---@param settings table
---@param places table<string, string>
---@param base string
---@return fovea.RecipePart[]
function M.metrics(settings, places, base)
  return collect(settings, places, "metrics", function(given, place) return { at(place, metric_part, given, base) } end)
end

-- layers -------------------------------------------------------------------------------------------------------------

--- Layer filter: a text passes through, a Lua file gives a function of a layer.
---@param given string|function
---@param base string
---@param place string
---@return string|function
function M.layer_filter(given, base, place)
  local path = type(given) == "string" and script.path((script.resolve(given, base)))
  if not path then return given end
  local value = at(place, script.load, path)
  if type(value) ~= "function" then fail(place, "%s: must return a function of a layer", path) end
  return value
end

--- Whether a part can be told from others by its content.
---@param parts fovea.RecipePart[]
---@return boolean
function M.all_keyed(parts)
  for _, part in ipairs(parts) do
    if not part.fingerprint then return false end
  end
  return true
end

return M
