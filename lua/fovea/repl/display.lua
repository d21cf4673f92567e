--- How values look at the prompt: objects as they print themselves, tables with their contents, lists of objects line
--- by line; long texts are cut in the middle on a terminal.
local terminal = require "fovea.terminal"

local M = {}

local MOST_ENTRIES, MOST_LEVELS = 40, 4

local function is_name(key) return type(key) == "string" and key:find "^[%a_][%w_]*$" ~= nil end

local function has_text(value)
  local class = getmetatable(value)
  return type(class) == "table" and (class.__tostring or class.__name) ~= nil
end

--- Keys in the order in which they are shown: positions, then names, then the others.
local function ordered_keys(value)
  local keys, n = {}, #value
  for key in next, value do
    if not (math.type(key) == "integer" and key >= 1 and key <= n) then keys[#keys + 1] = key end
  end
  table.sort(keys, function(a, b)
    if type(a) == type(b) and (type(a) == "string" or type(a) == "number") then return a < b end
    if type(a) ~= type(b) then return type(a) == "string" or (type(b) ~= "string" and type(a) < type(b)) end
    return tostring(a) < tostring(b)
  end)
  return keys, n
end

local function function_text(value)
  local info = debug.getinfo(value, "Su")
  if info.what == "C" then return "function (C)" end
  local parameters = {}
  for i = 1, info.nparams do parameters[i] = debug.getlocal(value, i) end
  if info.isvararg then parameters[#parameters + 1] = "..." end
  local path = info.source:match "^[@=](.*)$" or "?"
  return ("function(%s)  %s:%d"):format(table.concat(parameters, ", "), path:match "lua/(fovea/.*)$"
    or path:match "/lua/5%.4/(fovea/.*)$" or path, info.linedefined)
end

local function number_text(value)
  if math.type(value) == "integer" then return tostring(value) end
  local short = ("%.10g"):format(value)
  return short:find "^-?%d+$" and short .. ".0" or short
end

local inner

--- Contents of a table as a list of texts; adds "..." when there are more.
local function entries_of(value, level, seen)
  local parts, keys, n = {}, ordered_keys(value)
  for i = 1, math.min(n, MOST_ENTRIES) do parts[i] = inner(value[i], level + 1, seen) end
  if n > MOST_ENTRIES then parts[#parts + 1] = ("... %d more"):format(n - MOST_ENTRIES) end
  for i, key in ipairs(keys) do
    if i > MOST_ENTRIES then
      parts[#parts + 1] = ("... %d more keys"):format(#keys - MOST_ENTRIES)
      break
    end
    local name = is_name(key) and key or ("[%s]"):format(inner(key, level + 1, seen))
    parts[#parts + 1] = ("%s = %s"):format(name, inner(value[key], level + 1, seen))
  end
  return parts
end

local WIDTH, SHORT = 100, 16

--- Entries one below the other, or several on a line when all are short.
local function in_lines(parts, indent)
  local lines, line = {}, ""
  for _, part in ipairs(parts) do
    if #part > SHORT then return table.concat(parts, ",\n" .. indent) end
  end
  for _, part in ipairs(parts) do
    if line ~= "" and #line + #part + #indent > WIDTH - 2 then
      lines[#lines + 1], line = line .. ",", ""
    end
    line = line == "" and part or line .. ", " .. part
  end
  lines[#lines + 1] = line
  return table.concat(lines, "\n" .. indent)
end

local function table_text(value, level, seen)
  if seen[value] then return "{ (again) }" end
  if next(value) == nil then return "{}" end
  if level > MOST_LEVELS then return "{ ... }" end
  seen[value] = true
  local parts = entries_of(value, level, seen)
  seen[value] = nil
  local line = "{ " .. table.concat(parts, ", ") .. " }"
  if #line + 2 * level <= WIDTH and not line:find "\n" then return line end
  local indent = ("  "):rep(level)
  return ("{\n%s%s\n%s}"):format(indent .. "  ", in_lines(parts, indent .. "  "), indent)
end

--- Text of a value inside a table: one line for objects.
function inner(value, level, seen)
  if type(value) == "string" then return (("%q"):format(value):gsub("\\\n", "\\n")) end
  if type(value) == "number" then return number_text(value) end
  if type(value) == "function" then return function_text(value) end
  if has_text(value) then return (tostring(value):match "^[^\n]*") end
  if type(value) == "table" then return table_text(value, level, seen) end
  return tostring(value)
end

--- A list of objects as numbered lines, or nil when a table is something else.
local function object_lines(value)
  local n, lines = #value, {}
  if type(value) ~= "table" or n == 0 or next(value, n) ~= nil then return nil end
  for i = 1, n do
    if not has_text(value[i]) then return nil end
    lines[i] = ("%5d  %s"):format(i, tostring(value[i]):match "^[^\n]*")
  end
  return table.concat(lines, "\n")
end

--- Text of one value.
---@param value any
---@return string
function M.text(value)
  if type(value) == "string" then return value end
  if has_text(value) then return tostring(value) end
  return type(value) == "table" and object_lines(value) or inner(value, 0, {})
end

--- A text that fits into a number of lines: the middle is left out.
---@param text string
---@param most integer? lines; nil: any number
---@return string
function M.fitted(text, most)
  local lines = {}
  for line in (text .. "\n"):gmatch "(.-)\n" do lines[#lines + 1] = line end
  if not most or #lines <= most then return text end
  local kept = math.max(2, most - 1)
  local tail = kept // 3
  local parts = { table.concat(lines, "\n", 1, kept - tail),
    ("  ... %d lines more (print shows all) ..."):format(#lines - kept) }
  if tail > 0 then parts[3] = table.concat(lines, "\n", #lines - tail + 1) end
  return table.concat(parts, "\n")
end

--- Text of several values: on one line when each has one, otherwise one below the other.
---@param values table with field n
---@param columns integer? width of the terminal
---@param most integer? lines for each
---@return string
function M.values(values, columns, most)
  local texts, tall = {}, false
  for i = 1, values.n do
    texts[i] = M.fitted(terminal.wrapped(M.text(values[i]), columns), most)
    tall = tall or texts[i]:find "\n" ~= nil
  end
  return table.concat(texts, tall and "\n" or "\t")
end

return M
