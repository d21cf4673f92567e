--- Finding things by name: modules in a folder (one threshold strategy, one method per file), and the nearest known
--- name for an error message.
local M = {}

--- Number of single-character edits between two words (Levenshtein).
---@param a string
---@param b string
---@return integer
function M.distance(a, b)
  local row = {}
  for j = 0, #b do row[j] = j end
  for i = 1, #a do
    local diagonal = row[0]
    row[0] = i
    for j = 1, #b do
      local cost = a:byte(i) == b:byte(j) and 0 or 1
      diagonal, row[j] = row[j], math.min(row[j] + 1, row[j - 1] + 1, diagonal + cost)
    end
  end
  return row[#b]
end

--- The candidate most like a name, when one is close enough to be a slip of the hand.
---@param name string
---@param candidates string[]
---@return string?
function M.nearest(name, candidates)
  local best, best_distance = nil, math.max(2, #name // 3) + 1
  for _, candidate in ipairs(candidates) do
    local d = M.distance(name:lower(), candidate:lower())
    if d < best_distance then best, best_distance = candidate, d end
  end
  return best
end

--- Text for an unknown name: the nearest one and the list of all.
---@param what string for example "threshold: unknown strategy"
---@param name any
---@param candidates string[]
---@return string
function M.unknown(what, name, candidates)
  local nearest = M.nearest(tostring(name), candidates)
  local hint = nearest and ("; did you mean '%s'?"):format(nearest) or ""
  return ("%s '%s'%s (known: %s)"):format(what, tostring(name), hint, table.concat(candidates, ", "))
end

--- Raises when a table of options has a key that is not known.
---@param options table?
---@param known string[]
---@param what string name of the function, for the message
---@param level? integer as for `error`, seen from the caller
function M.check_keys(options, known, what, level)
  local set = {}
  for _, key in ipairs(known) do set[key] = true end
  for key in pairs(options or {}) do
    if not set[key] then error(M.unknown(what .. ": unknown option", key, known), (level or 1) + 2) end
  end
end

--- Names of the modules in a package folder (files NAME.lua beside the package), sorted.
---@param package_name string "fovea.threshold"
---@return string[]
function M.names(package_name)
  local lfs, names, seen = require "lfs", {}, {}
  local folder = package_name:gsub("%.", "/")
  for template in package.path:gmatch "[^;]+" do
    local root = template:match "^(.*)%?%.lua$"
    local path = root and (root == "" and "./" or root) .. folder
    if path and lfs.attributes(path, "mode") == "directory" then
      for entry in lfs.dir(path) do
        local name = entry:match "^([%w_]+)%.lua$"
        if name and name ~= "init" and not seen[name] then
          seen[name], names[#names + 1] = true, name
        end
      end
    end
  end
  table.sort(names)
  return names
end

--- The module of that name in a package folder; raises with the known names when there is none.
---@param package_name string
---@param name string
---@param what string "threshold: unknown strategy"
---@return table
function M.load(package_name, name, what)
  local full = ("%s.%s"):format(package_name, name)
  local plain = type(name) == "string" and name:match "^[%a_][%w_]*$" and name ~= "init"
  if not plain or not (package.loaded[full] or package.preload[full] or package.searchpath(full, package.path)) then
    error(M.unknown(what, name, M.names(package_name)), 3)
  end
  return require(full)
end

return M
