--- From what was typed to a function: an expression gives its values, a statement may be unfinished, and the locals
--- of a statement stay.
local M = {}

--- Makes the locals at a level of the stack global; those that are closed at the end of the chunk are left out.
local function keep(level, text, env)
  local i = 1
  while true do
    local name, value = debug.getlocal(level, i)
    if not name then return end
    local closed = text:find("%f[%w_]" .. name .. "%s*<%s*close%s*>")
    if name:find "^[%a_]" and not closed then env[name] = value end
    i = i + 1
  end
end

--- Keeps the locals of a chunk that an error ends; for a message handler.
---@param env table the globals
function M.keep_locals(env)
  for level = 2, 200 do
    local info = debug.getinfo(level, "S")
    if not info then return end
    if info.what == "main" and info.source:find "^=input %d" then
      keep(level + 1, "", env)
      return
    end
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
  return function()
    return keeping(function() keep(3, text, env) end)
  end
end

return M
