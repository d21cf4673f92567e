--- JSON: records for people and programs. Text is read by jansson (strict, no duplicate keys); it is written here,
--- so that keys come in an order that one can choose and numbers are the shortest that read back the same.
local core = require "fovea.core"

local M = {}

local MOST_LEVELS = 200

-- Unlike any other value: what null becomes on request.
M.null = setmetatable({}, { __name = "json.null", __tostring = function() return "null" end })

local array_mark = { __name = "json.array" }

--- Marks a table as an array, so that it is written as [] also when it is empty.
---@param list? table
---@return table list the same table
function M.array(list)
  return setmetatable(list or {}, array_mark)
end

-- writing

local escapes = { ['"'] = '\\"', ["\\"] = "\\\\", ["\b"] = "\\b", ["\f"] = "\\f", ["\n"] = "\\n", ["\r"] = "\\r",
  ["\t"] = "\\t" }

local function escape(char)
  return escapes[char] or ("\\u%04x"):format(char:byte())
end

-- Bytes that are no UTF-8 (file names may hold anything) become the replacement character.
local function repair(text)
  local parts, at = {}, 1
  while at <= #text do
    local _, bad = utf8.len(text, at)
    parts[#parts + 1] = text:sub(at, (bad or #text + 1) - 1)
    if bad then parts[#parts + 1] = "\u{FFFD}" end
    at = (bad or #text) + 1
  end
  return table.concat(parts)
end

local function string_text(value)
  if not utf8.len(value) then value = repair(value) end
  return '"' .. value:gsub('[%c"\\]', escape) .. '"'
end

-- NaN and the infinities have no JSON: null.
local function number_text(value)
  if math.type(value) == "integer" then return ("%d"):format(value) end
  if value ~= value or value == math.huge or value == -math.huge then return "null" end
  for digits = 15, 17 do
    local text = ("%%.%dg"):format(digits):format(value)
    if tonumber(text) == value then return text:find "[.e]" and text or text .. ".0" end
  end
end

-- Raises with the place of the value, as in "value.runs[3].map"; the keys on the way to it are in out.path.
local function fail(out, level, text, ...)
  local place = "value"
  for i = 1, level do
    local key = out.path[i]
    place = place .. (type(key) == "number" and "[%d]" or ".%s"):format(key)
  end
  error(("json.encode: %s %s"):format(place, text:format(...)), 0)
end

-- True for a list, false for named fields; raises for a mixture and for holes.
local function is_list(out, value, level)
  local size, count = #value, 0
  for key in next, value do
    count = count + 1
    local listed = math.type(key) == "integer" and key >= 1 and key <= size
    if not listed and (size > 0 or type(key) ~= "string") then
      fail(out, level, "is neither a list nor a table of named fields (key %s)", tostring(key))
    end
  end
  if size == 0 then return count == 0 and getmetatable(value) == array_mark end
  if count ~= size then fail(out, level, "is a list with holes") end
  return true
end

-- Keys in the order asked for, then the others sorted.
local function sorted_keys(value, rank)
  local keys = {}
  for key in next, value do keys[#keys + 1] = key end
  table.sort(keys, function(a, b)
    local x, y = rank[a] or math.huge, rank[b] or math.huge
    if x ~= y then return x < y end
    return a < b
  end)
  return keys
end

local put_value

-- A list (keys nil) or a table of named fields; items on lines of their own when there is an indent.
local function put_items(out, value, keys, level)
  local parts, indent, count = out.parts, out.indent, keys and #keys or #value
  parts[#parts + 1] = keys and "{" or "["
  for i = 1, count do
    local key = keys and keys[i] or i
    out.path[level] = key
    if i > 1 then parts[#parts + 1] = "," end
    if indent then parts[#parts + 1] = "\n" .. indent:rep(level) end
    if keys then parts[#parts + 1] = string_text(key) .. (indent and ": " or ":") end
    put_value(out, value[key], level)
  end
  if indent and count > 0 then parts[#parts + 1] = "\n" .. indent:rep(level - 1) end
  parts[#parts + 1] = keys and "}" or "]"
end

local writers = {
  string = string_text,
  number = number_text,
  boolean = tostring,
  ["nil"] = function() return "null" end,
}

-- level: how many tables are around the value.
function put_value(out, value, level)
  local write = value == M.null and writers["nil"] or writers[type(value)]
  if write then
    out.parts[#out.parts + 1] = write(value)
  elseif type(value) ~= "table" then
    fail(out, level, "is a %s", type(value))
  elseif level == MOST_LEVELS then
    error(("json.encode: more than %d levels (a table in itself?)"):format(MOST_LEVELS), 0)
  else
    put_items(out, value, not is_list(out, value, level) and sorted_keys(value, out.rank) or nil, level + 1)
  end
end

local known = { indent = true, order = true }

--- JSON text of a value: nil, booleans, numbers, strings, lists and tables with string keys. Keys are sorted; NaN and
--- infinities become null; an empty table is {} unless made by `json.array`; bytes that are no UTF-8 become U+FFFD.
---@param value any
---@param options? { indent?: integer, order?: string[] } indent: spaces per level (one line by default);
--- order: keys that come first, in this order, wherever they occur
---@return string text
function M.encode(value, options)
  local out = { parts = {}, path = {}, rank = {} }
  for key in pairs(options or {}) do
    if not known[key] then error(("json.encode: unknown option '%s'"):format(tostring(key)), 2) end
  end
  if options and options.indent then out.indent = (" "):rep(options.indent) end
  for i, key in ipairs(options and options.order or {}) do out.rank[key] = i end
  local ok, message = pcall(put_value, out, value, 0)
  if not ok then error(message, 2) end
  return table.concat(out.parts)
end

-- reading

--- The value of a JSON text. null becomes nil: a missing field, a hole in a list; or `options.null` (`json.null`).
---@param text string
---@param options? { null?: any }
---@return any value nil when the text is damaged (or is null)
---@return string? message with line and column
---@return string? code
function M.decode(text, options)
  return core.json.decode(text, options and options.null, array_mark)
end

-- files

--- The value in a JSON file.
---@param path string
---@param options? { null?: any }
---@return any value nil when the file cannot be read
---@return string? message
---@return string? code
function M.read(path, options)
  local text, message, code = core.file.read(path)
  if not text then return nil, message, code end
  local value
  value, message, code = M.decode(text, options)
  if message then return nil, ("%s: %s"):format(path, message), code end
  return value
end

--- Writes a value and a line end; the file is replaced as a whole or not at all.
---@param path string
---@param value any
---@param options? { indent?: integer, order?: string[] }
---@return true? done
---@return string? message
---@return string? code
function M.write(path, value, options)
  return core.file.write(path, M.encode(value, options) .. "\n")
end

return M
