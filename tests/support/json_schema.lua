-- A small validator of JSON Schema: the part that the schema of recipes uses. Unknown words of a schema are an error.
local M = {}

local types = {
  string = function(v) return type(v) == "string" end,
  number = function(v) return type(v) == "number" end,
  integer = function(v) return type(v) == "number" and math.tointeger(v) ~= nil end,
  boolean = function(v) return type(v) == "boolean" end,
  array = function(v) return type(v) == "table" and #v > 0 end,
  object = function(v) return type(v) == "table" and #v == 0 end,
}

local ignored = { ["$schema"] = true, title = true, description = true, default = true }

local words = {}

function words.type(value, wanted)
  for _, name in ipairs(type(wanted) == "table" and wanted or { wanted }) do
    if types[name](value) then return true end
  end
  return false
end

function words.enum(value, list)
  for _, one in ipairs(list) do
    if one == value then return true end
  end
  return false
end

function words.anyOf(value, list)
  for _, one in ipairs(list) do
    if M.valid(value, one) then return true end
  end
  return false
end

function words.minimum(value, limit) return type(value) ~= "number" or value >= limit end
function words.maximum(value, limit) return type(value) ~= "number" or value <= limit end
function words.minItems(value, count) return type(value) ~= "table" or #value >= count end

function words.items(value, schema)
  for _, item in ipairs(type(value) == "table" and value or {}) do
    if not M.valid(item, schema) then return false end
  end
  return true
end

function words.properties(value, properties)
  for key, item in pairs(type(value) == "table" and value or {}) do
    if properties[key] and not M.valid(item, properties[key]) then return false end
  end
  return true
end

function words.required(value, list)
  for _, key in ipairs(list) do
    if type(value) ~= "table" or value[key] == nil then return false end
  end
  return true
end

function words.additionalProperties(value, allowed, schema)
  for key, item in pairs(type(value) == "table" and #value == 0 and value or {}) do
    if not (schema.properties or {})[key] then
      if allowed == false or (type(allowed) == "table" and not M.valid(item, allowed)) then return false end
    end
  end
  return true
end

--- Whether a value fits a schema.
function M.valid(value, schema)
  for word, argument in pairs(schema) do
    if not ignored[word] then
      local check = words[word] or error("unknown word in the schema: " .. word)
      if not check(value, argument, schema) then return false end
    end
  end
  return true
end

return M
