--- T7: a connected component of a base mask: the largest or smallest (the first of equal ones), that of an index in
--- scan order, that which holds a point (on the model's grid, from 1: row/column or depth/row/column), or each, which
--- gives one target per component. Components below min_size do not count.
local components = require "fovea.strategy.components"

local MOST = 256

--- Labels, sizes and the numbers of the components that count, in scan order.
local function candidates(base, p, context)
  local labels, n, sizes, connectivity = components.of(base, p.connectivity, context)
  local counting = {}
  for i = 1, n do
    if sizes[i] >= p.min_size then counting[#counting + 1] = i end
  end
  return { labels = labels, sizes = sizes, counting = counting, connectivity = connectivity }
end

local function extreme(found, better)
  local best
  for _, i in ipairs(found.counting) do
    if not best or better(found.sizes[i], found.sizes[best]) then best = i end
  end
  return best
end

local function at_point(found, p, context)
  local point, shape = p.point, context.shape
  if #point ~= #shape then
    error(("threshold 'component': the point has %d numbers, the map %d axes"):format(#point, #shape), 0)
  end
  for axis, at in ipairs(point) do
    if at < 1 or at > shape[axis] or at ~= math.floor(at) then return nil end
  end
  local whole = {}
  for axis, at in ipairs(point) do whole[axis] = math.tointeger(at) end
  local label = math.tointeger(found.labels:reshape(shape):get(table.unpack(whole)))
  for _, i in ipairs(found.counting) do
    if i == label then return i end
  end
end

local function chosen(found, p, context)
  if p.point then return at_point(found, p, context) end
  if p.index > 0 then return found.counting[p.index] end
  if p.which == "smallest" then return extreme(found, function(a, b) return a < b end) end
  return extreme(found, function(a, b) return a > b end)
end

return {
  name = "component", id = "T7", doc = "a connected component of a mask", of = "fixed:0.5",
  brief = function(p) return p.index > 0 or p.point ~= nil end,
  parameters = {
    { name = "which", default = "largest", choices = { "largest", "smallest", "each" } },
    { name = "index", default = 0, doc = "from 1 in scan order, instead of which" },
    { name = "point", type = "list", doc = "row/column in it, instead of which" },
    { name = "min_size", default = 1, doc = "smaller ones do not count" },
    components.CONNECTIVITY,
  },
  check = function(p)
    if p.index < 0 or p.index ~= math.floor(p.index) then return ("index counts from 1, not %g"):format(p.index) end
    if p.index > 0 and p.point then return "index and point exclude each other" end
  end,
  expand = function(_, p, context, base)
    if p.which ~= "each" or p.index > 0 or p.point then return nil end
    local n = #candidates(base, p, context).counting
    if n > MOST then
      error(("threshold 'component:each': %d components, at most %d are explained one by one: set min_size"):format(n,
        MOST), 0)
    end
    local changes = {}
    for i = 1, math.max(1, n) do changes[i] = { which = "largest", index = i } end
    return changes
  end,
  select = function(_, p, context, base)
    local found = candidates(base, p, context)
    local picked = chosen(found, p, context)
    local detail = { connectivity = found.connectivity, components = #found.counting,
      size = picked and found.sizes[picked] }
    if not picked then return base * 0, { detail = detail } end
    return found.labels:eq(picked), { detail = detail }
  end,
}
