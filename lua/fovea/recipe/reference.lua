--- The schema of recipes for people (a list of all keys) and for editors (JSON Schema, draft 7).
local json = require "fovea.json"
local schema = require "fovea.recipe.schema"

local M = {}

local WIDTH = 110

-- text ---------------------------------------------------------------------------------------------------------------

local TYPES = { map = "keys", tree = "path | keys", any = "any value" }

local function type_text(rule)
  if rule.type == "either" then
    local words, seen = {}, {}
    for _, one in ipairs(rule.of) do
      local word = type_text(one)
      if one.type ~= "script" and not seen[word] then words[#words + 1], seen[word] = word, true end
    end
    return table.concat(words, " | ")
  end
  if rule.type == "list" then return (rule.single and "%s, or a list" or "list of %s"):format(type_text(rule.of)) end
  if rule.choices then return table.concat(rule.choices, " | ") end
  return TYPES[rule.type] or rule.type
end

local function wrapped(text, indent)
  local lines, line = {}, ""
  for word in text:gmatch "%S+" do
    if #line + #word + 1 > WIDTH - #indent and line ~= "" then
      lines[#lines + 1], line = indent .. line, ""
    end
    line = line == "" and word or line .. " " .. word
  end
  lines[#lines + 1] = indent .. line
  return lines
end

local function add(lines, more) table.move(more, 1, #more, #lines + 1, lines) end

local describe_keys

--- Keys of the maps inside a rule, below it.
local function describe_inner(lines, rule, level)
  if rule.type == "map" then return describe_keys(lines, rule, level) end
  if rule.type == "list" then return describe_inner(lines, rule.of, level) end
  for _, one in ipairs(rule.type == "either" and rule.of or {}) do
    if one.type == "map" then
      add(lines, wrapped(("as keys, %s:"):format(one.doc), ("    "):rep(level)))
      describe_keys(lines, one, level)
    elseif one.type == "list" then
      describe_inner(lines, one, level)
    end
  end
end

local function default_text(value)
  if value == nil then return "" end
  return (" [%s]"):format(type(value) == "table" and table.concat(value, ", ") or tostring(value))
end

function describe_keys(lines, map, level)
  local indent = ("    "):rep(level)
  for _, pair in ipairs(map.keys) do
    local name, rule = pair[1], pair[2]
    lines[#lines + 1] = ("%s%s: %s%s%s"):format(indent, name, type_text(rule), default_text(rule.default),
      rule.required and "  (required)" or "")
    add(lines, wrapped(rule.doc, indent .. "    "))
    describe_inner(lines, rule, level + 1)
  end
  if map.open then lines[#lines + 1] = indent .. "...: by name" end
end

--- The reference of all keys as text.
---@param rule? table a map; default: the recipe of an experiment
---@return string
function M.text(rule)
  local lines = { "Keys of a recipe (YAML). [default]; paths are relative to the recipe's folder.", "" }
  describe_keys(lines, rule or schema.recipe, 0)
  return table.concat(lines, "\n")
end

-- JSON Schema --------------------------------------------------------------------------------------------------------

local json_types = { text = { "string", "number" }, path = "string", integer = "integer", number = "number",
  boolean = "boolean", map = "object", tree = { "string", "object" } }

local rule_schema

local function map_schema(rule, out)
  out.properties, out.additionalProperties = {}, false
  local required = json.array {}
  for _, pair in ipairs(rule.keys) do
    out.properties[pair[1]] = rule_schema(pair[2])
    if pair[2].required then required[#required + 1] = pair[1] end
  end
  if #required > 0 then out.required = required end
  if rule.open == "any" then
    out.additionalProperties = true
  elseif rule.open then
    out.additionalProperties = { type = json.array { "string", "number", "boolean" } }
  end
end

local function alternatives(rule)
  local any = json.array {}
  for _, one in ipairs(rule.of) do
    if one.type ~= "script" then any[#any + 1] = rule_schema(one) end
  end
  return any
end

--- JSON Schema of a rule.
function rule_schema(rule)
  local out = { description = rule.doc, default = rule.default }
  if rule.type == "either" then
    out.anyOf = alternatives(rule)
  elseif rule.type == "list" then
    local all = { type = "array", items = rule_schema(rule.of), minItems = 1 }
    out.anyOf = json.array(rule.single and { rule_schema(rule.of), all } or { all })
  elseif rule.choices then
    out.enum = json.array { table.unpack(rule.choices) }
  else
    local kind = json_types[rule.type]
    out.type = type(kind) == "table" and json.array { table.unpack(kind) } or kind
    out.minimum, out.maximum = rule.min, rule.max
  end
  if rule.type == "map" then map_schema(rule, out) end
  return out
end

--- The JSON Schema of recipes.
---@param rule? table a map; default: the recipe of an experiment
---@param title? string
---@return string
function M.json_schema(rule, title)
  local root = rule_schema(rule or schema.recipe)
  root["$schema"], root.title = "http://json-schema.org/draft-07/schema#", title or "Fovea recipe"
  return json.encode(root, { indent = 2, order = { "$schema", "title", "description", "type", "enum", "anyOf" } })
end

return M
