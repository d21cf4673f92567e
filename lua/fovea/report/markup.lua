--- HTML and SVG as Lua values. Every text and every value of an attribute is escaped; only `raw` is taken as it is.
---
---     local h = markup.element
---     markup.text(h("p", { class = "note" }, "a < b ", h("b", nil, name)))
local M = {}

local ESCAPES = { ["&"] = "&amp;", ["<"] = "&lt;", [">"] = "&gt;", ['"'] = "&quot;", ["'"] = "&#39;" }
local VOID = { meta = true, link = true, input = true, br = true, hr = true, img = true, wbr = true }

-- Bytes that are no UTF-8 (file names may hold anything) become U+FFFD.
local function repaired(text)
  local parts, at = {}, 1
  while at <= #text do
    local _, bad = utf8.len(text, at)
    parts[#parts + 1] = text:sub(at, (bad or #text + 1) - 1)
    if bad then parts[#parts + 1] = "\u{FFFD}" end
    at = (bad or #text) + 1
  end
  return table.concat(parts)
end

--- A text for HTML, inside and outside of quotes. Control characters, which HTML may not hold, become U+FFFD.
---@param value any
---@return string
function M.escape(value)
  local text = tostring(value)
  if not utf8.len(text) then text = repaired(text) end
  text = text:gsub("[%z\1-\8\11\12\14-\31\127]", "\u{FFFD}")
  return (text:gsub("[&<>\"']", ESCAPES))
end

--- A name whose parts may stand on several lines: encoder.|4.|relu2.
---@param name string
---@return fovea.Markup
function M.name(name)
  local parts = {}
  for part, separator in name:gmatch "([^%._,/]*)([%._,/]*)" do
    parts[#parts + 1] = part .. separator
    parts[#parts + 1] = separator ~= "" and M.element "wbr"
  end
  return M.element("bdi", nil, parts)
end

---@class fovea.Markup
---@field tag string?
---@field attributes table<string, any>?
---@field raw string?
local Node = {}
Node.__index = Node

--- An element.
---@param tag string
---@param attributes? table<string, any> by name; nil and false are left out, true stands without a value
---@param ... any texts, numbers, elements, lists of these; nil and false are left out
---@return fovea.Markup
function M.element(tag, attributes, ...)
  local children = table.pack(...)
  return setmetatable({ tag = tag, attributes = attributes or {}, children = children }, Node)
end

--- Text that is taken as it is: style and script of the page, never anything that came from outside.
---@param text string
---@return fovea.Markup
function M.raw(text) return setmetatable({ raw = text }, Node) end

local function sorted(attributes)
  local names = {}
  for name, value in pairs(attributes) do
    if value ~= nil and value ~= false then names[#names + 1] = name end
  end
  table.sort(names)
  return names
end

local put

local function put_list(parts, list)
  for i = 1, list.n or #list do put(parts, list[i]) end
end

local function put_element(parts, node)
  parts[#parts + 1] = "<" .. node.tag
  for _, name in ipairs(sorted(node.attributes)) do
    local value = node.attributes[name]
    parts[#parts + 1] = value == true and " " .. name or (' %s="%s"'):format(name, M.escape(value))
  end
  parts[#parts + 1] = ">"
  if VOID[node.tag] then return end
  put_list(parts, node.children)
  parts[#parts + 1] = "</" .. node.tag .. ">"
end

function put(parts, value)
  if value == nil or value == false then return end
  if type(value) ~= "table" then
    parts[#parts + 1] = M.escape(value)
  elseif getmetatable(value) ~= Node then
    put_list(parts, value)
  elseif value.raw then
    parts[#parts + 1] = value.raw
  else
    put_element(parts, value)
  end
end

--- The text of an element, or of a list of them.
---@param value any
---@return string
function M.text(value)
  local parts = {}
  put(parts, value)
  return table.concat(parts)
end

return M
