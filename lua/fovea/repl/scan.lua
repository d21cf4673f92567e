--- Where in Lua code a text ends: inside which string and which brackets. For completion, so nothing is ever run.
local M = {}

---@class fovea.ScanBracket
---@field at integer position of the bracket
---@field kind string "(", "{" or "["

---@class fovea.Scan
---@field quote string? the quote of the string the text ends in
---@field at integer? position of that quote
---@field inert boolean in a comment or a long string: nothing to complete
---@field brackets fovea.ScanBracket[] open ones, the outermost first

local closing = { [")"] = "(", ["}"] = "{", ["]"] = "[" }

--- End of a string that begins at a position; nil when it does not end.
local function string_end(text, from, quote)
  local i = from + 1
  while i <= #text do
    local c = text:sub(i, i)
    if c == "\\" then i = i + 1 elseif c == quote or c == "\n" then return i end
    i = i + 1
  end
end

--- End of a comment or long bracket that begins at a position; false when there is none; nil when it does not end.
local function long_end(text, from)
  local comment = text:match("^%-%-()", from)
  local level = text:match("^%[(=*)%[", comment or from)
  if level then return (select(2, text:find("]" .. level .. "]", from, true))) end
  if comment then return (text:find("\n", from, true)) end
  return false
end

local function pop(brackets, kind)
  if #brackets > 0 and brackets[#brackets].kind == kind then brackets[#brackets] = nil end
end

--- Scans a text to its end.
---@param text string
---@return fovea.Scan
function M.scan(text)
  local state, i = { brackets = {}, inert = false }, 1
  while i <= #text do
    local c = text:sub(i, i)
    if c == '"' or c == "'" then
      local stop = string_end(text, i, c)
      if not stop then
        state.quote, state.at = c, i
        return state
      end
      i = stop
    elseif c == "-" or c == "[" then
      local stop = long_end(text, i)
      if stop == nil then
        state.inert = true
        return state
      end
      if stop then
        i = stop
      elseif c == "[" then
        state.brackets[#state.brackets + 1] = { at = i, kind = c }
      end
    elseif c == "(" or c == "{" then
      state.brackets[#state.brackets + 1] = { at = i, kind = c }
    elseif closing[c] then
      pop(state.brackets, closing[c])
    end
    i = i + 1
  end
  return state
end

--- The chain of names a text ends in: "fovea.image.re" is { "fovea", "image" } and "re"; a:b and a[1] count too.
---@param text string
---@return (string|integer)[]? chain nil when something else stands before the last name, such as a call
---@return string partial the last name, perhaps empty
---@return string? separator "." or ":" before it
function M.chain(text)
  local before, partial = text:match "^(.-)([%a_]?[%w_]*)$"
  local separator = before:match "([.:])%s*$"
  if not separator or before:find "%.%.%s*$" then return {}, partial, nil end
  before = before:match "^(.-)%s*[.:]%s*$"
  local chain = {}
  while true do
    local rest, index = before:match "^(.-)%[(%-?%d+)%]$"
    if index then
      table.insert(chain, 1, math.tointeger(tonumber(index)))
      before = rest
    else
      local head, name = before:match "^(.-)([%a_][%w_]*)$"
      if not name then return nil, partial, separator end
      table.insert(chain, 1, name)
      if not head:find "[.:]$" or head:find "%.%.$" then return chain, partial, separator end
      before = head:sub(1, -2)
    end
  end
end

return M
