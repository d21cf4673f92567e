--- Which tensor of a weight file is which parameter of a network: by equal names, by the rules that an architecture
--- ships for public code bases, and at last by shape and order. What does not fit is reported, never guessed.
local lookup = require "fovea.lookup"

local M = {}

---@class fovea.Match
---@field found table<string, string> own name -> name in the file
---@field how string "names", "map NAME", "order"
---@field prefix string what was left off the names of the file
---@field missing string[] own names without a tensor
---@field unexpected string[] names in the file that the network does not have
---@field misshaped { name: string, foreign: string, want: integer[], got: integer[] }[]

local COUNTER = "%f[%w_]num_batches_tracked$"
local LEAVES = { weight = true, bias = true, running_mean = true, running_var = true }
local MOST_PREFIXES, SHOWN = 16, 8

--- Integer counters that PyTorch stores beside running statistics.
---@param name string
---@param dtype? string
---@return boolean
function M.is_counter(name, dtype)
  return name:find(COUNTER) ~= nil and (dtype == nil or dtype:find "^u?int" ~= nil)
end

--- Shapes are equal up to ones at the end (a dense layer and a 1x1 convolution hold the same matrix).
local function fits(want, got)
  for axis = 1, math.max(#want, #got) do
    if (want[axis] or 1) ~= (got[axis] or 1) then return false end
  end
  return true
end

local function text(shape) return #shape == 0 and "scalar" or table.concat(shape, "x") end

--- Names of the file without counters, in order.
local function foreign_names(weights)
  local names = {}
  for _, name in ipairs(weights.names) do
    if not M.is_counter(name, weights.dtypes and weights.dtypes[name]) then names[#names + 1] = name end
  end
  return names
end

--- Beginnings that names have in common with others: "", "net.", and one level deeper where all share one.
local function prefixes(names)
  local list, seen = { "" }, { [""] = true }
  local function add(prefix)
    if prefix and not seen[prefix] and #list < MOST_PREFIXES then seen[prefix], list[#list + 1] = true, prefix end
  end
  for _, name in ipairs(names) do add(name:match "^[%w_]+%.") end
  for _, name in ipairs(names) do add(name:match "^[%w_]+%.[%w_]+%.") end
  return list
end

--- The outcome of one way of naming: rename(name without prefix, shape) -> own name, false (not needed) or nil.
local function try(expected, weights, names, prefix, how, rename)
  local match = { found = {}, how = how, prefix = prefix, missing = {}, unexpected = {}, misshaped = {}, hits = 0 }
  local want = {}
  for _, entry in ipairs(expected) do want[entry.name] = entry.shape end
  for _, name in ipairs(names) do
    local own
    if name:sub(1, #prefix) == prefix then own = rename(name:sub(#prefix + 1), weights.shapes[name]) end
    if own == nil or (own and (not want[own] or match.found[own])) then
      table.insert(match.unexpected, name)
    elseif own and not fits(want[own], weights.shapes[name]) then
      match.found[own] = name
      table.insert(match.misshaped, { name = own, foreign = name, want = want[own], got = weights.shapes[name] })
    elseif own then
      match.found[own], match.hits = name, match.hits + 1
    end
  end
  for _, entry in ipairs(expected) do
    if not match.found[entry.name] then table.insert(match.missing, entry.name) end
  end
  for _, bad in ipairs(match.misshaped) do match.found[bad.name] = nil end
  return match
end

local function same(name) return name end

local function leaf(name)
  local last = name:match "([%w_]+)$"
  return LEAVES[last] and last
end

--- One after another in the order of both, when all shapes and kinds (weight, bias, ...) agree; otherwise nil.
local function by_order(expected, weights, names, known)
  if #names ~= #expected or #names == 0 then return nil end
  local match = { found = {}, how = "order", prefix = "", missing = {}, unexpected = {}, misshaped = {},
    hits = #names }
  for i, entry in ipairs(expected) do
    local name = names[i]
    local a, b = leaf(entry.name), leaf(name)
    if not fits(entry.shape, weights.shapes[name]) or (a and b and a ~= b) then return nil end
    if known[entry.name] and known[entry.name] ~= name then return nil end
    match.found[entry.name] = name
  end
  return match
end

--- The ways of naming that a wish allows: nil for all, "names", the name of a map, or a function.
local function ways(maps, wish)
  if type(wish) == "function" then return { { "map", wish } } end
  local list, known = {}, { "names", "order" }
  if wish == nil or wish == "names" or wish == "order" then list[1] = { "names", same } end
  local bases = {}
  for name in pairs(maps or {}) do bases[#bases + 1] = name end
  table.sort(bases)
  for _, name in ipairs(bases) do
    known[#known + 1] = name
    if wish == nil or wish == name then list[#list + 1] = { "map " .. name, maps[name] } end
  end
  if #list == 0 then error(lookup.unknown("load: unknown map", wish, known), 0) end
  return list
end

---@param match fovea.Match
---@return boolean complete whether every parameter has its tensor and nothing is left over
function M.complete(match)
  return #match.missing == 0 and #match.unexpected == 0 and #match.misshaped == 0
end

local function better(a, b)
  if not b or a.hits ~= b.hits then return not b or a.hits > b.hits end
  return #a.unexpected < #b.unexpected
end

--- Finds the tensor of each parameter.
---@param expected { name: string, shape: integer[] }[] parameters of the network, in its order
---@param weights { names: string[], shapes: table<string, integer[]>, dtypes: table<string, string>?,
---  ordered: boolean? }
---@param options? { maps: table<string, function>?, map: string|function|nil } maps: those of the architecture
--- (name in the file, shape -> own name; false: not needed; nil: not known); map: use only this one; "names": equal
--- names only; "order": shape and order
---@return fovea.Match
function M.find(expected, weights, options)
  options = options or {}
  local names, best = foreign_names(weights), nil
  local beginnings = prefixes(names)
  for _, way in ipairs(ways(options.maps, options.map)) do
    for _, prefix in ipairs(beginnings) do
      local match = try(expected, weights, names, prefix, way[1], way[2])
      if better(match, best) then best = match end
    end
  end
  local wish = options.map
  if (wish == nil and weights.ordered and not M.complete(best)) or wish == "order" then
    return by_order(expected, weights, names, wish == nil and best.found or {}) or best
  end
  return best
end

local function listed(names)
  local more = #names - SHOWN
  return table.concat(names, ", ", 1, math.min(#names, SHOWN)) .. (more > 0 and (", and %d more"):format(more) or "")
end

--- What does not fit, as text: one line per kind; empty when all does.
---@param match fovea.Match
---@return string
function M.report(match)
  local lines, shapes = {}, {}
  for i, bad in ipairs(match.misshaped) do
    shapes[i] = ("%s is %s, the network has %s"):format(bad.foreign, text(bad.got), text(bad.want))
  end
  for _, kind in ipairs { { "missing", match.missing }, { "unexpected", match.unexpected },
    { "of another shape", shapes } } do
    if #kind[2] > 0 then lines[#lines + 1] = ("%d %s: %s"):format(#kind[2], kind[1], listed(kind[2])) end
  end
  return table.concat(lines, "\n")
end

return M
