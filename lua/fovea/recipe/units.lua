--- The cases of a plan in units of work that share a forward pass, and the share of a shard.
local M = {}

---@class fovea.RecipeUnit
---@field model integer
---@field image integer
---@field cases fovea.RecipeCase[]

--- Cases grouped by what `same` says of two neighbours; the order stays.
local function grouped(cases, same)
  local units = {}
  for _, case in ipairs(cases) do
    local last = units[#units]
    if last and same(last.cases[1], case) then
      last.cases[#last.cases + 1] = case
    else
      units[#units + 1] = { model = case.model, image = case.image, cases = { case } }
    end
  end
  return units
end

local function same_image(a, b) return a.model == b.model and a.image == b.image end

--- A unit for each strategy of a unit.
local function by_strategy(unit)
  local order, found = {}, {}
  for _, case in ipairs(unit.cases) do
    local part = found[case.strategy]
    if not part then
      part = { model = unit.model, image = unit.image, cases = {} }
      found[case.strategy], order[#order + 1] = part, part
    end
    part.cases[#part.cases + 1] = case
  end
  return order
end

local function split(units, how)
  local all = {}
  for _, unit in ipairs(units) do
    local parts = how(unit)
    table.move(parts, 1, #parts, #all + 1, all)
  end
  return all
end

--- Units of which there are at least `count`, as far as cases can be split: images, then strategies, then cases.
---@param cases fovea.RecipeCase[]
---@param count integer
---@return fovea.RecipeUnit[]
function M.of(cases, count)
  local units = grouped(cases, same_image)
  if #units < count then units = split(units, by_strategy) end
  if #units < count then
    units = split(units, function(unit) return grouped(unit.cases, function() return false end) end)
  end
  return units
end

--- The units of a shard: every count-th one. The same recipe gives the same shares anywhere.
---@param plan fovea.RecipePlan
---@param shard? { index: integer, count: integer }
---@return fovea.RecipeUnit[]
function M.share(plan, shard)
  local all, mine = M.of(plan.cases, shard and shard.count or 1), {}
  for i, unit in ipairs(all) do
    if not shard or (i - 1) % shard.count == shard.index - 1 then mine[#mine + 1] = unit end
  end
  return mine
end

--- Units split further so that several processes have work.
---@param units fovea.RecipeUnit[]
---@param count integer
---@return fovea.RecipeUnit[]
function M.at_least(units, count) return #units >= count and units or split(units, by_strategy) end

--- Number of cases.
---@param units fovea.RecipeUnit[]
---@return integer
function M.count(units)
  local count = 0
  for _, unit in ipairs(units) do count = count + #unit.cases end
  return count
end

return M
