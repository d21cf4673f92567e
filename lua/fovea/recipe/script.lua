--- Lua files that a recipe names: "file:my_strategy.lua". They are programs: who runs a recipe runs them. Only text is
--- loaded, no compiled chunks.
local check = require "fovea.recipe.check"
local core = require "fovea.core"

local M = {}

--- The path of "file:PATH", or nil.
---@param text any
---@return string?
function M.path(text) return type(text) == "string" and text:match "^%s*file:(.-)%s*$" or nil end

--- A text with the paths after "file:" made relative to the working directory, and those paths.
---@param text string
---@param base string folder that they are relative to
---@return string text
---@return string[] paths
function M.resolve(text, base)
  local paths = {}
  local resolved = text:gsub("file:([^%s,;%(%)&|]+)", function(path)
    paths[#paths + 1] = check.resolve(base, path)
    return "file:" .. paths[#paths]
  end)
  return resolved, paths
end

--- What a file returns, and the hash of its content; raises when it cannot be read or run.
---@param path string
---@return any value
---@return string hash
function M.load(path)
  local hash, message = core.file.hash(path)
  if not hash then error(message, 0) end
  local chunk, problem = loadfile(path, "t")
  if not chunk then error(problem, 0) end
  local ok, value = pcall(chunk)
  if not ok then error(("%s: %s"):format(path, tostring(value)), 0) end
  if value == nil then error(("%s: returns nothing; it must return a function or a table"):format(path), 0) end
  return value, hash
end

--- A text that changes when the files do.
---@param paths string[]
---@return string
function M.fingerprint(paths)
  local hashes = {}
  for i, path in ipairs(paths) do
    local hash, message = core.file.hash(path)
    if not hash then error(message, 0) end
    hashes[i] = hash
  end
  return table.concat(hashes, " ")
end

return M
