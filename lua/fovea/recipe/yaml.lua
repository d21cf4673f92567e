--- YAML text as a tree of nodes that know their line, so that a message about a value can say where it stands. A subset
--- is read on purpose: one document of tables, lists and scalars, aliases of what is there; no tags, no merge keys, no
--- duplicate keys. The events come from libyaml.
local yaml = require "yaml"

local M = {}

---@class fovea.Node
---@field kind "map"|"list"|"text"|"number"|"boolean"|"null"|"function"|"userdata"
---@field place string where it stands: "FILE:LINE"
---@field base string folder that its relative paths belong to
---@field value any of a scalar
---@field entries { key: string, place: string, node: fovea.Node }[]? of a map, in order
---@field items fovea.Node[]? of a list

local MOST_LEVELS, MOST_NODES = 40, 100000

local Reader = {}
Reader.__index = Reader

local function fail(place, text, ...) error(("%s: %s"):format(place, text:format(...)), 0) end

--- Where the current event stands.
---@return string
function Reader:place()
  return self.single and self.name or ("%s:%d"):format(self.name, self.event.start_mark.line + 1)
end

--- libyaml says "TEXT at document: 1, line: 2, column: 2", perhaps with more lines of context.
local function parser_message(reader, raw)
  local text, line = raw:match "^(.-) at document: %d+, line: (%d+)"
  if not text then text, line = raw:match "^[^\n]*", reader.event and reader.event.start_mark.line + 1 or 1 end
  local place = reader.single and reader.name or ("%s:%d"):format(reader.name, math.tointeger(tonumber(line)))
  local hint = text:find("alphabetic or numeric", 1, true) and " (a text that begins with * needs quotes)" or ""
  fail(place, "not YAML: %s%s", text, hint)
end

--- The next event.
---@return string type
function Reader:next()
  local ok, event = pcall(self.events)
  if not ok then parser_message(self, tostring(event)) end
  self.event = event
  self.count = self.count + 1
  if self.count > MOST_NODES then fail(self:place(), "more than %d values", MOST_NODES) end
  return event.type
end

local constants = { ["true"] = true, ["false"] = false, True = true, False = false, TRUE = true, FALSE = false }

--- Kind and value of a plain scalar: YAML 1.2's core schema, in decimal.
local function plain_value(text)
  if text == "" or text == "~" or text == "null" or text == "Null" or text == "NULL" then return "null" end
  if constants[text] ~= nil then return "boolean", constants[text] end
  local is_number = text:match "^[-+]?%d+$" or text:match "^[-+]?%d+%.?%d*[eE]?[-+]?%d*$" or text:match "^[-+]?%.%d+$"
    or text:match "^[-+]?%d*%.%d+[eE][-+]?%d+$"
  local number = is_number and tonumber((text:gsub("^%+", "")))
  if number then return "number", number end
  return "text", text
end

local read_node

local readers = {}

readers.SCALAR = function(reader)
  local event = reader.event
  local node = { place = reader:place(), base = reader.base, kind = "text", value = event.value }
  if event.style == "PLAIN" then node.kind, node.value = plain_value(event.value) end
  return node
end

readers.SEQUENCE_START = function(reader, level)
  local node = { kind = "list", place = reader:place(), base = reader.base, items = {} }
  while reader:next() ~= "SEQUENCE_END" do node.items[#node.items + 1] = read_node(reader, level + 1) end
  return node
end

readers.MAPPING_START = function(reader, level)
  local node = { kind = "map", place = reader:place(), base = reader.base, entries = {} }
  local seen = {}
  while reader:next() ~= "MAPPING_END" do
    local place = reader:place()
    local key = read_node(reader, level + 1)
    local name = key.value ~= nil and tostring(key.value)
    if not name then fail(place, "a key must be a word") end
    if seen[name] then fail(place, "the key '%s' stands twice (first at %s)", name, seen[name]) end
    seen[name] = place
    reader:next()
    node.entries[#node.entries + 1] = { key = name, place = place, node = read_node(reader, level + 1) }
  end
  return node
end

readers.ALIAS = function(reader)
  local node = reader.anchors[reader.event.anchor]
  if not node then fail(reader:place(), "no anchor '%s' before this alias (a text that begins with * needs quotes)",
    tostring(reader.event.anchor)) end
  return node
end

--- The node that begins with the current event.
function read_node(reader, level)
  local event = reader.event
  if level > MOST_LEVELS then fail(reader:place(), "more than %d levels", MOST_LEVELS) end
  if event.tag then fail(reader:place(), "tags such as %s are not read", event.tag) end
  local read = readers[event.type]
  if not read then fail(reader:place(), "a value is missing") end
  local node = read(reader, level)
  if event.anchor and event.type ~= "ALIAS" then reader.anchors[event.anchor] = node end
  return node
end

local function parse(text, name, base, single)
  local reader = setmetatable({ name = name, base = base, events = yaml.parser(text), anchors = {}, count = 0,
    single = single }, Reader)
  reader:next()
  if reader:next() == "STREAM_END" then return { kind = "null", place = reader:place(), base = base } end
  reader:next()
  local node = read_node(reader, 1)
  reader:next()
  if reader:next() ~= "STREAM_END" then fail(reader:place(), "a second document; one is read") end
  return node
end

--- The tree of a YAML text.
---@param text string
---@param name string of the file, for messages
---@param base string folder that relative paths in it belong to
---@param single? boolean places are the name alone: the text is no file
---@return fovea.Node? node
---@return string? message "NAME:LINE: reason"
function M.parse(text, name, base, single)
  local ok, result = pcall(parse, text, name, base, single)
  if ok then return result end
  return nil, result
end

--- A whole strategy, method or metric: a table with functions in it.
local function is_object(value)
  for _, field in pairs(value) do
    if type(field) == "function" then return #value == 0 end
  end
  return false
end

local function from_value(value, place, base, depth)
  local node = { kind = type(value), place = place, base = base, value = value }
  if depth > MOST_LEVELS then fail(place, "more than %d levels", MOST_LEVELS) end
  if node.kind == "string" then node.kind = "text" end
  if node.kind == "nil" then node.kind = "null" end
  if node.kind == "table" and depth > 1 and is_object(value) then node.kind = "function" end
  if node.kind ~= "table" then return node end
  node.value = nil
  if #value > 0 and value[1] ~= nil then
    node.kind, node.items = "list", {}
    for i, item in ipairs(value) do node.items[i] = from_value(item, ("%s[%d]"):format(place, i), base, depth + 1) end
    return node
  end
  node.kind, node.entries = "map", {}
  local keys = {}
  for key in pairs(value) do keys[#keys + 1] = tostring(key) end
  table.sort(keys)
  for i, key in ipairs(keys) do
    local inner = place == "recipe" and key or ("%s.%s"):format(place, key)
    node.entries[i] = { key = key, place = inner, node = from_value(value[key], inner, base, depth + 1) }
  end
  return node
end

--- The tree of a Lua table; places are the keys that lead to a value.
---@param value table
---@param base string
---@return fovea.Node
function M.of_table(value, base) return from_value(value, "recipe", base, 1) end

--- The entry of a map with that key.
---@param node fovea.Node
---@param key string
---@return { key: string, place: string, node: fovea.Node }?
function M.entry(node, key)
  for _, entry in ipairs(node.entries or {}) do
    if entry.key == key then return entry end
  end
end

--- Takes away what stands at a place below a map ("outputs.raw"); says whether there was something.
---@param root fovea.Node a map
---@param path string keys joined by dots
---@return boolean
function M.remove(root, path)
  local parent, last = path:match "^(.*)%.([^%.]+)$"
  local at = root
  for key in (parent or ""):gmatch "[^%.]+" do
    local entry = at and M.entry(at, key)
    at = entry and entry.node
  end
  for i, entry in ipairs(at and at.entries or {}) do
    if entry.key == (last or path) then
      table.remove(at.entries, i)
      return true
    end
  end
  return false
end

--- Puts a node at a place below a map ("outputs.raw"), in place of what is there.
---@param root fovea.Node a map
---@param path string keys joined by dots
---@param node fovea.Node
function M.put(root, path, node)
  local at = root
  for key, dot in path:gmatch "([^%.]+)(%.?)" do
    local entry = M.entry(at, key)
    if not entry then
      entry = { key = key, place = node.place }
      at.entries[#at.entries + 1] = entry
    end
    if dot == "" then
      entry.node, entry.place = node, node.place
    elseif not entry.node or entry.node.kind ~= "map" then
      entry.node = { kind = "map", place = node.place, base = node.base, entries = {} }
    end
    at = entry.node
  end
end

return M
