--- Picking up edited Lua files without leaving the session.
local M = {}

--- Puts the contents of a table into another one, which keeps its identity.
local function replace(old, new)
  for key in pairs(old) do
    if new[key] == nil then old[key] = nil end
  end
  for key, value in pairs(new) do old[key] = value end
  return setmetatable(old, getmetatable(new))
end

local function run_file(path)
  local file, message = io.open(path)
  if not file then return nil, message, "io" end
  file:close()
  local chunk, complaint = loadfile(path)
  if not chunk then return nil, complaint, "format" end
  local ok, result = pcall(chunk)
  if not ok then return nil, tostring(result), "format" end
  return result == nil and true or result
end

--- Runs a Lua file again, or loads a module again. A module that is a table keeps its identity, so that whoever has it
--- sees what is new. When the new text is broken nothing changes.
---@param what string path of a file ("my_strategy.lua") or name of a module ("fovea.threshold.otsu")
---@return any value what the file returns; nil when it cannot be loaded
---@return string? message
---@return string? code "io", "format"
function M.reload(what)
  if type(what) ~= "string" then error("reload: expected a path or the name of a module, not a " .. type(what), 2) end
  local path = package.searchpath(what, package.path)
  local is_module = path and (package.loaded[what] ~= nil or not what:find "%.lua$")
  if not is_module then return run_file(what) end
  local new, message, code = run_file(path)
  if new == nil then return nil, message, code end
  local old = package.loaded[what]
  if type(old) == "table" and type(new) == "table" then new = replace(old, new) end
  package.loaded[what] = new
  return new
end

return M
