--- File names of data sets: natural order ("2" before "10"), names without folder and suffix, unique names.
local M = {}

--- Name of a file without folder and suffix; FILE.safetensors#NAME and FILE.tif#3 give FILE.NAME and FILE.3.
---@param path string
---@return string
function M.stem(path)
  local file, part = path:match "^(.-)#(.*)$"
  local base = (file or path):match("([^/]+)$") or path
  base = base:gsub("%.[%w_]+$", "")
  return part and ("%s.%s"):format(base, part) or base
end

--- A text by whose bytes names stand in natural order: numbers count as numbers.
local function natural(name)
  return (name:gsub("%d+", function(digits) return ("0"):rep(20 - #digits) .. digits end))
end

--- Sorts items by name, numbers in it as numbers.
---@param items { name: string }[]
---@return { name: string }[] items the same list
function M.sort(items)
  local keys = {}
  for _, item in ipairs(items) do keys[item] = natural(item.name) end
  table.sort(items, function(a, b)
    if keys[a] ~= keys[b] then return keys[a] < keys[b] end
    return a.name < b.name
  end)
  return items
end

--- Gives items without a name that of their file, and those that would share a name their path. Returns the first
--- name that stands there twice even so.
---@param items { name: string?, path: string }[]
---@return string? double
function M.name(items)
  local count, seen = {}, {}
  for _, item in ipairs(items) do
    item.name = item.name or M.stem(item.path)
    count[item.name] = (count[item.name] or 0) + 1
  end
  for _, item in ipairs(items) do
    if count[item.name] > 1 then item.name = item.path:gsub("^%./", ""):gsub("%.[%w_]+$", "") end
    if seen[item.name] then return item.name end
    seen[item.name] = true
  end
end

return M
