--- Threshold strategies: which pixels of the output a heat map explains (definitions 8.2).
---
--- A strategy is one file of this folder, found by name:
---
---     return {
---       name = "fixed",
---       parameters = { { name = "value", default = 0.5 } },       -- in the order of the text form "fixed:0.5"
---       check = function(parameters) ... end,                     -- optional: returns an error text
---       select = function(u, parameters, context) return mask, { value = 0.5, flags = {} } end,
---     }
---
--- or any function `(u, context) -> mask[, value]`. u is the map of the chosen class, normally the probability:
--- [D x] H x W, perhaps with a 1 in front; `u:flatten()` is the column vector. The mask has as many elements as u, in
--- any shape: 0/1, or weights in 0..1 (T12). `context` holds
---
---     probability, logit   K x [D] x H x W, all classes of one image (logit is nil when the model has none)
---     class                1-based
---     shape                of u
---     image                what was given to explain
local lookup = require "fovea.lookup"

local M = {}

---@class fovea.Strategy
---@field name string
---@field spec string text form; for a function, where it was defined
---@field parameters table<string, number|boolean|string>
---@field select fun(u: fovea.Tensor, parameters: table, context: table): fovea.Tensor, table?

---@class fovea.ThresholdRecord
---@field strategy string
---@field spec string
---@field parameters table
---@field value number? the resolved threshold: entries above it (T1, T5) or from it on (T3, T4) are selected
---@field count integer entries selected (non-zero)
---@field kind string "mask", or "weights" when an entry is neither 0 nor 1
---@field flags string[] statuses: EMPTY_TARGET, TIES, CONSTANT, NONFINITE

--- --- from a specification to a strategy ---

local function text_value(text)
  if text == "true" or text == "false" then return text == "true" end
  return tonumber(text) or text
end

--- "otsu:exact" and "otsu:bins=64": arguments in order, by name, or the name of a switch alone.
local function text_parameters(strategy, arguments)
  local given, position = {}, 0
  local switches = {}
  for _, parameter in ipairs(strategy.parameters) do switches[parameter.name] = parameter.default == false end
  for argument in (arguments or ""):gmatch "[^,]+" do
    local key, value = argument:match "^([%a_]+)=(.*)$"
    if switches[argument] then key, value = argument, "true" end
    if not key then
      position = position + 1
      local parameter = strategy.parameters[position]
      if not parameter then
        error(("threshold '%s': too many arguments, at '%s'"):format(strategy.name, argument), 0)
      end
      key, value = parameter.name, argument
    end
    given[key] = text_value(value)
  end
  return given
end

--- Fills in defaults; raises for unknown names and wrong types.
local function complete(strategy, given)
  local parameters, known = {}, {}
  for i, parameter in ipairs(strategy.parameters) do
    local value = given[parameter.name]
    if value == nil then value = parameter.default end
    if type(value) ~= type(parameter.default) then
      error(("threshold '%s': %s must be a %s, not '%s'"):format(strategy.name, parameter.name,
        type(parameter.default), tostring(value)), 0)
    end
    parameters[parameter.name], known[i] = value, parameter.name
  end
  lookup.check_keys(given, known, ("threshold '%s'"):format(strategy.name), -2)
  local complaint = strategy.check and strategy.check(parameters)
  if complaint then error(("threshold '%s': %s"):format(strategy.name, complaint), 0) end
  return parameters
end

--- Canonical text: parameters that differ from their default, by name except the first.
local function spec_text(strategy, parameters)
  local parts = {}
  for i, parameter in ipairs(strategy.parameters) do
    local value = parameters[parameter.name]
    local text = type(value) == "number" and ("%.10g"):format(value) or tostring(value)
    if i == 1 and not strategy.brief then
      parts[1] = text
    elseif value ~= parameter.default then
      parts[#parts + 1] = value == true and parameter.name or ("%s=%s"):format(parameter.name, text)
    end
  end
  return #parts == 0 and strategy.name or ("%s:%s"):format(strategy.name, table.concat(parts, ","))
end

local function named(name, given)
  local strategy = lookup.load("fovea.threshold", name, "threshold: unknown strategy")
  local parameters = complete(strategy, type(given) == "table" and given or text_parameters(strategy, given))
  return { name = strategy.name, spec = spec_text(strategy, parameters), parameters = parameters,
    select = strategy.select }
end

local function from_text(text)
  if tonumber(text) then return named("fixed", { value = tonumber(text) }) end
  local name, arguments = text:match "^%s*([^:]-)%s*:%s*(.-)%s*$"
  return named(name or text:match "^%s*(.-)%s*$", arguments)
end

local function from_function(select, name)
  local source = debug.getinfo(select, "S")
  local place = ("%s:%d"):format(source.short_src, source.linedefined)
  return {
    name = name or "function", spec = name or ("function@" .. place), parameters = {},
    select = function(u, _, context)
      local mask, value = select(u:copy(), context)
      return mask, { value = tonumber(value) }
    end,
  }
end

local function from_table(spec)
  if spec.select then
    if type(spec.select) ~= "function" then error("threshold: field 'select' must be a function", 0) end
    return spec.spec and spec or from_function(spec.select, spec.name)
  end
  local given, name = {}, spec.name or spec[1]
  if type(name) ~= "string" then error("threshold: a table needs a name, as in { \"quantile\", q = 0.95 }", 0) end
  for key, value in pairs(spec) do
    if type(key) == "string" and key ~= "name" then given[key] = value end
  end
  local strategy = lookup.load("fovea.threshold", name, "threshold: unknown strategy")
  for i, value in ipairs { table.unpack(spec, spec.name and 1 or 2) } do
    local parameter = strategy.parameters[i]
    if not parameter then error(("threshold '%s': too many values"):format(name), 0) end
    given[parameter.name] = value
  end
  return named(name, given)
end

--- The strategy that a specification means: a number (fixed), a text ("0.5", "fixed:0.5", "otsu", "otsu:exact",
--- "quantile:0.95", "top_k:100", "argmax", "logit:0"), a table (`{ "quantile", 0.95 }`, `{ name = "top_k", k = 5 }`,
--- `{ name = "mine", select = function }`), a function, or a mask tensor. Raises for anything else.
---@param spec number|string|table|function|fovea.Tensor|fovea.Strategy
---@return fovea.Strategy
function M.parse(spec)
  local makers = {
    number = function() return named("fixed", { value = spec }) end,
    string = function() return from_text(spec) end,
    ["function"] = function() return from_function(spec) end,
    table = function() return from_table(spec) end,
    userdata = function() return { name = "mask", spec = "mask", parameters = {},
      select = function() return spec end } end,
  }
  local make = makers[type(spec)]
  if not make then error("threshold: expected a number, text, table, function or mask, not " .. type(spec), 2) end
  local ok, result = pcall(make)
  if not ok then error(result, 2) end
  return result
end

--- Names of the strategies that are there.
---@return string[]
function M.names() return lookup.names "fovea.threshold" end

--- --- from a strategy to a mask ---

--- Text that says what is wrong with the result of a strategy, or nil.
local function complaint_about(mask, u)
  if type(mask) ~= "userdata" or not mask.is_finite then
    return ("returned %s instead of a tensor"):format(mask == nil and "nothing" or "a " .. type(mask))
  end
  if mask:count() ~= u:count() then
    return ("returned a tensor %s for a map %s"):format(table.concat(mask:shape(), "x"), table.concat(u:shape(), "x"))
  end
  if not mask:is_finite() then return "returned a tensor with a NaN or an infinity" end
  if mask:min() < 0 then return ("returned a negative weight (%g)"):format(mask:min()) end
  if mask:max() > 1 then
    return ("returned a weight above 1 (%g); weights lie in 0..1, divide a 0/255 mask by 255"):format(mask:max())
  end
end

local function is_binary(mask) return mask:eq(0):lor(mask:eq(1)):min() == 1 end

local function record_of(strategy, mask, info, flags)
  local count = math.tointeger(mask:count_nonzero())
  if count == 0 then flags[#flags + 1] = "EMPTY_TARGET" end
  return {
    strategy = strategy.name, spec = strategy.spec, parameters = strategy.parameters, value = info.value,
    count = count, kind = is_binary(mask) and "mask" or "weights", flags = flags,
  }
end

--- Selects the entries of a map. A map with a NaN or an infinity selects nothing (flag NONFINITE).
---@param spec any as for `parse`
---@param u fovea.Tensor map of the chosen class
---@param context? table see the head of this module; `shape` and `class` (1) are filled in
---@return fovea.Tensor mask shape of u
---@return fovea.ThresholdRecord record
function M.apply(spec, u, context)
  local strategy = M.parse(spec)
  local complete_context = { shape = u:shape(), class = 1 }
  for key, value in pairs(context or {}) do complete_context[key] = value end
  if not u:is_finite() then
    local nothing = u:copy():fill(0)
    return nothing, record_of(strategy, nothing, {}, { "NONFINITE" })
  end
  local mask, info = strategy.select(u, strategy.parameters, complete_context)
  local complaint = complaint_about(mask, u)
  if complaint then error(("threshold '%s' %s"):format(strategy.spec, complaint), 2) end
  info = info or {}
  mask = mask:reshape(u:shape())
  return mask, record_of(strategy, mask, info, { table.unpack(info.flags or {}) })
end

return M
