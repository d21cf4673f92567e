--- From what was typed to a function: an expression gives its values, a statement may be unfinished, and the locals
--- of a statement stay.
local M = {}

--- Locals of the chunk that called, by name; those that are closed at its end are left out.
local function locals_of(level, text)
  local found, i = {}, 1
  while true do
    local name, value = debug.getlocal(level, i)
    if not name then return found end
    local closed = text:find("%f[%w_]" .. name .. "%s*<%s*close%s*>")
    if name:find "^[%a_]" and not closed then found[name] = value end
    i = i + 1
  end
end

--- A function that makes the locals at the end of a chunk global.
local function keeper(text, env)
  return function()
    for name, value in pairs(locals_of(3, text)) do env[name] = value end
  end
end

local function locals_kept(text) return text:find "%f[%w_]local%f[^%w_]" ~= nil end

--- Compiles a text.
---@param text string one or more lines
---@param env table the globals
---@param name string of the input, for messages
---@return function? chunk nil when the text is wrong or goes on
---@return string? message
---@return boolean? unfinished true when more lines may complete it
function M.compile(text, env, name)
  local function compile(code) return load(code, "=" .. name, "t", env) end
  local expression = compile("return " .. text:gsub("^%s*=", ""))
  if expression then return expression end
  local chunk, message = compile(text)
  if not chunk then return nil, message, message:find "<eof>$" ~= nil end
  if not locals_kept(text) then return chunk end
  local keeping = compile(text .. "\n;(...)()") -- not for a text that ends with return
  if not keeping then return chunk end
  local keep = keeper(text, env)
  return function() return keeping(keep) end
end

return M
