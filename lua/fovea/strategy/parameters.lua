--- Parameters of a strategy: from words of a text or fields of a table to complete, checked values, and back to text.
--- A parameter is described by
---
---     { name = "q", default = 0.95, doc = "fraction below" }
---     { name = "which", default = "largest", choices = { "largest", "smallest" } }
---     { name = "point", type = "list" }                  -- no default: may be absent; numbers, "10/20" in text
---
--- Types: number, boolean, string, list; by default that of the default.
local lookup = require "fovea.lookup"

local M = {}

---@class fovea.Parameter
---@field name string
---@field default any
---@field type string? number, boolean, string or list
---@field choices string[]?
---@field doc string?

local function kind_of(parameter) return parameter.type or type(parameter.default) end

local function list_from(text)
  local list = {}
  for word in text:gmatch "[^/]+" do
    local number = tonumber(word)
    if not number then return text end
    list[#list + 1] = number
  end
  return list
end

--- A word of a text as the value of a parameter; a word that does not fit stays a text, for `complete` to refuse.
local function value_from(parameter, word)
  local kind = kind_of(parameter)
  if kind == "number" then return tonumber(word) or word end
  if kind == "list" then return list_from(word) end
  if kind == "boolean" and (word == "true" or word == "false") then return word == "true" end
  return word
end

--- Values by name from words in order, by name ("bins=64"), or the name of a switch alone ("exact").
---@param definition table
---@param words { key: string?, value: string }[]
---@return table<string, any>
function M.from_words(definition, words)
  local given, known, position = {}, {}, 0
  for _, parameter in ipairs(definition.parameters) do known[parameter.name] = parameter end
  for _, word in ipairs(words) do
    local key, value = word.key, word.value
    local switch = not key and known[value]
    if switch and kind_of(switch) == "boolean" then
      given[value] = true
    elseif key then
      given[key] = known[key] and value_from(known[key], value) or value
    else
      position = position + 1
      local parameter = definition.parameters[position]
      if not parameter then
        error(("threshold '%s': too many arguments, at '%s'"):format(definition.name, value), 0)
      end
      given[parameter.name] = value_from(parameter, value)
    end
  end
  return given
end

local function complaint_about(parameter, value)
  local kind = kind_of(parameter)
  if type(value) ~= (kind == "list" and "table" or kind) then
    local wanted = kind == "list" and "list of numbers" or kind
    return ("%s must be a %s, not '%s'"):format(parameter.name, wanted, tostring(value))
  end
  if kind == "list" then
    for _, v in ipairs(value) do
      if type(v) ~= "number" then return ("%s holds '%s', not a number"):format(parameter.name, tostring(v)) end
    end
  end
  for _, choice in ipairs(parameter.choices or {}) do
    if choice == value then return nil end
  end
  if not parameter.choices then return nil end
  return lookup.unknown("unknown " .. parameter.name, value, parameter.choices)
end

--- Fills in defaults; raises for unknown names and wrong values.
---@param definition table
---@param given table<string, any>
---@return table<string, any>
function M.complete(definition, given)
  local complete, known = {}, {}
  local function refuse(text) error(("threshold '%s': %s"):format(definition.name, text), 0) end
  for i, parameter in ipairs(definition.parameters) do
    local value = given[parameter.name]
    if value == nil then value = parameter.default end
    local complaint = value ~= nil and complaint_about(parameter, value)
    if complaint then refuse(complaint) end
    complete[parameter.name], known[i] = value, parameter.name
  end
  lookup.check_keys(given, known, ("threshold '%s'"):format(definition.name), -2)
  local complaint = definition.check and definition.check(complete)
  if complaint then refuse(complaint) end
  return complete
end

--- The shortest text that reads back as the same number.
local function number_text(value)
  local text = ("%.10g"):format(value)
  return tonumber(text) == value and text or ("%.17g"):format(value)
end

local function same(a, b)
  if type(a) ~= "table" or type(b) ~= "table" then return a == b end
  for i = 1, math.max(#a, #b) do
    if a[i] ~= b[i] then return false end
  end
  return true
end

--- A word as the grammar takes it: in quotes when it holds more than it allows.
local function quoted(text)
  if text ~= "" and not text:find "[%s,()&|\"'=]" then return text end
  local quote = text:find('"', 1, true) and "'" or '"'
  return quote .. text .. quote
end

local function value_text(value)
  if type(value) == "number" then return number_text(value) end
  if type(value) ~= "table" then return quoted(tostring(value)) end
  local words = {}
  for i, v in ipairs(value) do words[i] = number_text(v) end
  return table.concat(words, "/")
end

--- Canonical text of the parameters: those that differ from their default, by name except the first, which is always
--- written unless the definition is `brief` (true, or a function of the values).
---@param definition table
---@param values table<string, any>
---@return string text "" when there is nothing to say
function M.text(definition, values)
  local parts, brief = {}, definition.brief
  if type(brief) == "function" then brief = brief(values) end
  for i, parameter in ipairs(definition.parameters) do
    local value = values[parameter.name]
    if i == 1 and not brief and value ~= nil then
      parts[1] = value_text(value)
    elseif value ~= nil and not same(value, parameter.default) then
      parts[#parts + 1] = value == true and parameter.name or ("%s=%s"):format(parameter.name, value_text(value))
    end
  end
  return table.concat(parts, ",")
end

--- "low = 0.3", "which = largest (largest, smallest)" for help.
---@param parameter fovea.Parameter
---@return string
function M.describe(parameter)
  local text = parameter.name
  if parameter.default ~= nil then text = ("%s = %s"):format(text, value_text(parameter.default)) end
  if parameter.doc then text = ("%s (%s)"):format(text, parameter.doc) end
  return text
end

return M
