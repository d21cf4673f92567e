--- A recipe as a tree of nodes (fovea.recipe.yaml): from a file or a table, with "key=value" texts on top.
local core = require "fovea.core"
local yaml = require "fovea.recipe.yaml"

local M = {}

local LARGEST = 1 << 20 -- bytes of a recipe

local function node_of_file(path)
  local text, message = core.file.read(path, { limit = LARGEST })
  if not text then error(message, 0) end
  local node, problem = yaml.parse(text, path, path:match "^(.*)/" or "")
  if not node then error(problem, 0) end
  return node
end

--- Puts "key=value" into a recipe; paths in it belong to the working directory.
local function override(root, text)
  local key, value = text:match "^([%a_][%w_%.]*)=(.*)$"
  if not key then error(("--set %s: KEY=VALUE is expected, as in --set images=eye.png"):format(text), 0) end
  if value:find "^[%*&!%%@`]" then value = "'" .. value:gsub("'", "''") .. "'" end -- a pattern, no YAML
  local node, message = yaml.parse(value, "--set " .. key, "", true)
  if not node then error(message, 0) end
  yaml.put(root, key, node)
end

--- The tree of a recipe. Raises when it cannot be read.
---@param source string|table path of a YAML file, or a table with the same keys
---@param options { set: string[]?, base: string? } base: folder that paths in a table are relative to
---@return fovea.Node node
---@return string base folder that paths are relative to
function M.node(source, options)
  local is_file = type(source) == "string"
  local base = is_file and (source:match "^(.*)/" or "") or options.base or ""
  local node = is_file and node_of_file(source) or yaml.of_table(source, base)
  if node.kind == "map" then
    for _, text in ipairs(options.set or {}) do override(node, text) end
  end
  return node, base
end

return M
