--- Files by pattern: "*" and "?" within a name, "**" over folders, "[ab]" one of. Hidden files are left out; results
--- are sorted by their bytes.
local lfs = require "lfs"

local M = {}

--- Whether a path has a wildcard.
---@param path string
---@return boolean
function M.is_pattern(path) return path:find "[%*%?%[]" ~= nil end

local function class_pattern(set) return "[" .. set:gsub("^!", "^"):gsub("%%", "%%%%") .. "]" end

--- Lua pattern of a glob without "/".
local function name_pattern(glob)
  local parts, at = { "^" }, 1
  while at <= #glob do
    local char, set = glob:sub(at, at), glob:match("^%[(!?[^%]]+)%]", at)
    if set then
      parts[#parts + 1] = class_pattern(set)
      at = at + #set + 1
    else
      parts[#parts + 1] = char == "*" and ".*" or char == "?" and "." or char:gsub("%W", "%%%0")
    end
    at = at + 1
  end
  return table.concat(parts) .. "$"
end

--- Whether a name (without folders) fits a pattern.
---@param name string
---@param glob string
---@return boolean
function M.matches(name, glob) return name:find(name_pattern(glob)) ~= nil end

local function names_in(folder)
  local names = {}
  if lfs.attributes(folder == "" and "." or folder, "mode") ~= "directory" then return names end
  local ok, iterate, state = pcall(lfs.dir, folder == "" and "." or folder)
  if not ok then return names end
  for name in iterate, state do
    if name:sub(1, 1) ~= "." then names[#names + 1] = name end
  end
  table.sort(names)
  return names
end

local expand

--- "**": this folder and all below.
local function expand_deep(folder, rest, found)
  expand(folder, rest, found)
  for _, name in ipairs(names_in(folder)) do
    local inner = folder .. name
    if lfs.symlinkattributes(inner, "mode") == "directory" then expand_deep(inner .. "/", rest, found) end
  end
end

--- folder: "" or ending in "/"; rest: what of the pattern is left
function expand(folder, rest, found)
  local part, slash, after = rest:match "^([^/]*)(/*)(.*)$"
  if part == "**" and slash ~= "" then return expand_deep(folder, after, found) end
  local names = M.is_pattern(part) and names_in(folder) or { part }
  for _, name in ipairs(names) do
    if not M.is_pattern(part) or M.matches(name, part) then
      local path = folder .. name
      local mode = lfs.attributes(path == "" and "/" or path, "mode")
      if slash ~= "" and (part == "" or mode == "directory") then
        expand(path .. slash, after, found)
      elseif slash == "" and mode == "file" then
        found[path] = true
      end
    end
  end
end

--- Paths of the files that fit a pattern, sorted, each once.
---@param pattern string
---@return string[]
function M.files(pattern)
  local found, list = {}, {}
  expand("", pattern, found)
  for path in pairs(found) do list[#list + 1] = path end
  table.sort(list)
  return list
end

return M
