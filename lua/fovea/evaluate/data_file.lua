--- The description of a data set (the keys of fovea.data.open) from a YAML file, or from a part of it, such as
--- "data.validation" of a training recipe. Paths in it are relative to the file, ${NAME} in them is a variable of the
--- environment.
local check = require "fovea.recipe.check"
local core = require "fovea.core"
local yaml = require "fovea.recipe.yaml"

local M = {}

local LARGEST = 1 << 20 -- bytes of a file
local PATHS = { files = true, masks = true, root = true, manifest = true }

local plain

local function of_map(node)
  local values = {}
  for _, entry in ipairs(node.entries) do values[entry.key] = plain(entry.node, PATHS[entry.key]) end
  return values
end

function plain(node, is_path)
  if node.kind == "map" then return of_map(node) end
  if node.kind == "list" then
    local values = {}
    for i, item in ipairs(node.items) do values[i] = plain(item, is_path) end
    return values
  end
  if is_path and node.kind == "text" then return check.resolve(node.base, node.value) end
  return math.tointeger(node.value) or node.value
end

--- The data set that a file describes.
---@param path string
---@param part? string keys joined by dots, where the description stands
---@return table? spec for fovea.data.open
---@return string? message
function M.read(path, part)
  local text, message = core.file.read(path, { limit = LARGEST })
  if not text then return nil, message end
  local node, problem = yaml.parse(text, path, path:match "^(.*)/" or "")
  if not node then return nil, problem end
  for key in (part or ""):gmatch "[^%.]+" do
    local entry = yaml.entry(node, key)
    if not entry then return nil, ("%s: there is no '%s' in it"):format(path, part) end
    node = entry.node
  end
  if node.kind ~= "map" then return nil, node.place .. ": a table of keys such as files or data_set is expected" end
  return of_map(node)
end

return M
