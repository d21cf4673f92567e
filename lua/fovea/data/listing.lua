--- What the layouts of published data sets share: items from the files of a folder.
local glob = require "fovea.recipe.glob"
local lfs = require "lfs"

local M = {}

--- Names in a folder that fit a pattern, sorted by their bytes; none where there is no such folder.
---@param folder string
---@param pattern string
---@return string[]
function M.names(folder, pattern)
  local names = {}
  if lfs.attributes(folder, "mode") ~= "directory" then return names end
  for name in lfs.dir(folder) do
    if name:sub(1, 1) ~= "." and glob.matches(name, pattern) then names[#names + 1] = name end
  end
  table.sort(names)
  return names
end

--- Items of the files of a folder that fit a pattern.
---@param items fovea.DataItem[] appended to
---@param folder string
---@param pattern string
---@param make fun(stem: string, name: string): table? fields of the item without `path`; nil: no item
---@return fovea.DataItem[] items
function M.add(items, folder, pattern, make)
  for _, name in ipairs(M.names(folder, pattern)) do
    local item = make(name:gsub("%.%w+$", ""), name)
    if item then
      item.path = ("%s/%s"):format(folder, name)
      items[#items + 1] = item
    end
  end
  return items
end

return M
