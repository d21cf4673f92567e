--- A recipe as a tree of nodes (fovea.recipe.yaml): from a file or a table, with "key=value" texts on top. A table with
--- the key `extends: FILE.yaml` has the keys of that file too, those it does not have itself; tables within tables are
--- joined in the same way. Paths stay relative to the file that they stand in. A key that is empty (`weights:`, or
--- "weights=" on top) takes away that of the file.
local check = require "fovea.recipe.check"
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

local MOST_LEVELS = 10

--- A map with the entries of another one that it lacks.
local function joined(own, other)
  local entries = {}
  for _, entry in ipairs(own.entries) do
    local theirs = yaml.entry(other, entry.key)
    local both = theirs and theirs.node.kind == "map" and entry.node.kind == "map"
    if not theirs or entry.node.kind ~= "null" then
      entries[#entries + 1] = { key = entry.key, place = entry.place,
        node = both and joined(entry.node, theirs.node) or entry.node }
    end
  end
  for _, entry in ipairs(other.entries) do
    if not yaml.entry(own, entry.key) then entries[#entries + 1] = entry end
  end
  return { kind = "map", place = own.place, base = own.base, entries = entries }
end

--- A node with the keys of the file that it extends, if it does. Raises when that cannot be read.
---@param node fovea.Node
---@param level? integer
---@return fovea.Node
function M.extended(node, level)
  local entry = node.kind == "map" and yaml.entry(node, "extends")
  if not entry then return node end
  if entry.node.kind ~= "text" then error(entry.place .. ": 'extends' must be a path", 0) end
  if (level or 0) > MOST_LEVELS then error(("%s: more than %d files in a row"):format(entry.place, MOST_LEVELS), 0) end
  local other = node_of_file(check.resolve(entry.node.base, entry.node.value))
  if other.kind ~= "map" then error(other.place .. ": a table of keys is expected", 0) end
  local own = { kind = "map", place = node.place, base = node.base, entries = {} }
  for _, one in ipairs(node.entries) do
    if one ~= entry then own.entries[#own.entries + 1] = one end
  end
  return joined(own, M.extended(other, (level or 0) + 1))
end

--- Whether a table is a node of a tree.
local function is_node(source) return source.kind == "map" and source.entries ~= nil and source.place ~= nil end

--- Puts "key=value" into a recipe; paths in it belong to the working directory.
local function override(root, text)
  local key, value = text:match "^([%a_][%w_%.]*)=(.*)$"
  if not key then error(("--set %s: KEY=VALUE is expected, as in --set images=eye.png"):format(text), 0) end
  if value:find "^[%*&!%%@`]" then value = "'" .. value:gsub("'", "''") .. "'" end -- a pattern, no YAML
  local node, message = yaml.parse(value, "--set " .. key, "", true)
  if not node then error(message, 0) end
  if node.kind == "null" and yaml.remove(root, key) then return end
  yaml.put(root, key, node)
end

--- The tree of a recipe. Raises when it cannot be read.
---@param source string|table path of a YAML file, a table with the same keys, or a node
---@param options { set: string[]?, base: string? } base: folder that paths in a table are relative to
---@return fovea.Node node
---@return string base folder that paths are relative to
function M.node(source, options)
  local is_file = type(source) == "string"
  local base = is_file and (source:match "^(.*)/" or "") or options.base or source.base or ""
  local node = is_file and node_of_file(source) or is_node(source) and source or yaml.of_table(source, base)
  node = M.extended(node)
  if node.kind == "map" then
    for _, text in ipairs(options.set or {}) do override(node, text) end
  end
  return node, base
end

return M
