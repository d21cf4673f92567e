--- From what a user writes to a strategy. A definition (one file of fovea/threshold) is
---
---     return {
---       name = "quantile", id = "T3", doc = "one line",
---       parameters = { { name = "q", default = 0.95 } },          -- see parameters.lua
---       check = function(parameters) return complaint end,        -- optional
---       of = "fixed:0.5",                                         -- optional: made of another, by default this
---       alias = { "component", which = "largest" },               -- instead of select: short for another one
---       select = function(u, parameters, context, base_mask) return mask, info end,
---       expand = function(u, parameters, context, base_mask)      -- optional: several targets, as parameters that
---         return { { index = 1 }, { index = 2 } }                 -- change; nil when it is one
---       end,
---     }
local lookup = require "fovea.lookup"
local object = require "fovea.strategy.object"
local parameters = require "fovea.strategy.parameters"
local text = require "fovea.strategy.text"

local M = {}

local function definition_of(name) return lookup.load("fovea.threshold", name, "threshold: unknown strategy") end

--- The parts of a strategy, as its definition wants them.
local function parts_of(definition, given)
  if not definition.of then
    if given and #given > 0 then
      error(("threshold '%s': is not made of another strategy"):format(definition.name), 0)
    end
    return {}
  end
  local parts = { M.parse(given and given[1] or definition.of) }
  if given and #given > 1 then error(("threshold '%s': is made of one strategy, not %d"):format(definition.name,
    #given), 0) end
  return parts
end

local function spec_text(definition, values, parts)
  local name, arguments = definition.name, parameters.text(definition, values)
  if parts[1] then name = ("%s(%s)"):format(name, parts[1].spec) end
  return arguments == "" and name or ("%s:%s"):format(name, arguments)
end

--- A strategy from a definition, values and parts.
local function make(definition, given, of)
  local values, parts = parameters.complete(definition, given), parts_of(definition, of)
  return object.new {
    name = definition.name, id = definition.id, parameters = values, of = parts,
    spec = spec_text(definition, values, parts), select = definition.select, expand = definition.expand,
    rebuild = function(other, changes)
      local changed = {}
      for key, value in pairs(values) do changed[key] = value end
      for key, value in pairs(changes or {}) do changed[key] = value end
      return make(definition, changed, other)
    end,
  }
end

--- The definition behind an alias, with its values under those given.
local function resolve(definition, given)
  local alias = definition.alias
  if not alias then return definition, given end
  local values = {}
  for key, value in pairs(alias) do
    if type(key) == "string" then values[key] = value end
  end
  for key, value in pairs(given) do values[key] = value end
  return definition_of(alias[1]), values
end

--- A strategy by name.
---@param name string
---@param input { words: table[]?, given: table?, of: any[]? } words of a text, or values by name; parts
---@return fovea.Strategy
function M.named(name, input)
  local definition = definition_of(name)
  if definition.open then return definition.open(input, M) end
  local given = input.given or parameters.from_words(definition, input.words or {})
  if definition.alias then parameters.complete(definition, given) end
  local target, values = resolve(definition, given)
  return make(target, values, input.of)
end

M.make, M.combine = make, object.combine

--- A strategy over a Lua function.
---@param select fun(u: fovea.Tensor, context: table): fovea.Tensor, any
---@param name? string
---@return fovea.Strategy
function M.from_function(select, name)
  local source = debug.getinfo(select, "S")
  local place = ("%s:%d"):format(source.short_src, source.linedefined)
  return object.new {
    name = name or "function", spec = name or ("function@" .. place), anonymous = true,
    select = function(u, _, context)
      local mask, info = select(u:copy(), context)
      if type(info) == "table" then return mask, info end
      return mask, { value = tonumber(info) }
    end,
  }
end

--- Whether a value can only be a strategy (a number or a text could be a parameter).
local function is_part(value)
  return object.is(value) or type(value) == "function" or type(value) == "userdata"
    or (type(value) == "table" and value.select ~= nil)
end

--- Splits `{ part?, value, ..., key = value, of = part }` into parts and values by name.
local function split(definition, list)
  local given, of, first = {}, nil, 1
  if definition.of and is_part(list[1]) then of, first = { list[1] }, 2 end
  for key, value in pairs(list) do
    if key == "of" then
      of = (type(value) == "table" and #value > 0 and not object.is(value)) and value or { value }
    elseif type(key) == "string" and key ~= "name" then
      given[key] = value
    end
  end
  for i = first, #list do
    local parameter = definition.parameters[i - first + 1]
    if not parameter then error(("threshold '%s': too many values"):format(definition.name), 0) end
    given[parameter.name] = list[i]
  end
  return { given = given, of = of }
end

local function from_table(spec)
  if spec.select then
    if type(spec.select) ~= "function" then error("threshold: field 'select' must be a function", 0) end
    return M.from_function(spec.select, spec.name)
  end
  local name = spec.name or spec[1]
  if type(name) ~= "string" then error("threshold: a table needs a name, as in { \"quantile\", q = 0.95 }", 0) end
  local list = {}
  for key, value in pairs(spec) do
    if math.type(key) ~= "integer" then list[key] = value end
  end
  for i = spec.name and 1 or 2, #spec do list[#list + 1] = spec[i] end
  return M.named(name, split(definition_of(name), list))
end

local function from_mask(mask)
  return object.new { name = "mask", spec = "mask", anonymous = true, select = function() return mask end }
end

local MAKERS = {
  number = function(spec) return M.named("fixed", { given = { value = spec } }) end,
  string = function(spec) return text.read(spec, M) end,
  ["function"] = function(spec) return M.from_function(spec) end,
  table = function(spec) return object.is(spec) and spec or from_table(spec) end,
  userdata = from_mask,
}

--- See fovea.threshold.parse. Raises with level 0.
---@param spec any
---@return fovea.Strategy
function M.parse(spec)
  local maker = MAKERS[type(spec)]
  if not maker then error("threshold: expected a number, text, table, function or mask, not " .. type(spec), 0) end
  return maker(spec)
end

--- The function of that name in fovea.threshold: `component(part, "largest")`, `component { of = part, index = 2 }`.
---@param name string
---@return fun(...): fovea.Strategy
function M.constructor(name)
  local definition = definition_of(name)
  return function(...)
    local list = { ... }
    local last = list[#list]
    if type(last) == "table" and not is_part(last) and #last == 0 then
      list[#list] = nil
      for key, value in pairs(last) do list[key] = value end
    end
    local ok, result = pcall(function() return M.named(name, split(definition, list)) end)
    if not ok then error(result, 2) end
    return result
  end
end

return M
