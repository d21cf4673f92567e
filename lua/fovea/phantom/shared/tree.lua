--- Trees of vessels as strokes for Canvas:strokes: they wander, bend towards a direction, taper and fork. Each
--- fork follows Murray's law: the cube of the radius is divided between the two branches.
local M = {}

---@class fovea.TreeRules
---@field step number length of a stroke
---@field waver number deviation of the turn from stroke to stroke
---@field fork number probability of a fork per stroke
---@field spread number angle between the branches of a fork
---@field thinnest number radius below which a branch ends
---@field taper number factor of the radius per stroke
---@field inside fun(x: number, y: number): boolean where the tree may be
---@field steer? fun(branch: table): number turn added at every stroke of what a root became, not of its branches
---@field most integer no branch goes on beyond so many strokes in all

local function fork(rules, random, branch, queue)
  local share = random:uniform(0.12, 0.5)
  local small, side = branch.radius * share ^ (1 / 3), random:pick { -1, 1 }
  branch.radius = branch.radius * (1 - share) ^ (1 / 3)
  if small >= rules.thinnest then
    queue[#queue + 1] = { x = branch.x, y = branch.y, radius = small, value = branch.value,
      angle = branch.angle + side * rules.spread * random:uniform(0.7, 1.3), turn = 0, wild = true }
  end
  branch.angle = branch.angle - side * rules.spread * share * 0.7
end

--- One stroke further. Returns false where the branch ends.
local function advance(rules, random, branch, list)
  branch.turn = 0.6 * branch.turn + random:normal(0, rules.waver)
  local steer = rules.steer and not branch.wild and rules.steer(branch) or 0
  branch.angle = branch.angle + branch.turn + steer
  local x, y = branch.x + rules.step * math.cos(branch.angle), branch.y + rules.step * math.sin(branch.angle)
  local radius = branch.radius * rules.taper
  if radius < rules.thinnest or not rules.inside(x, y) then return false end
  list[#list + 1] = { branch.x, branch.y, branch.radius, x, y, radius, branch.value }
  branch.x, branch.y, branch.radius = x, y, radius
  return #list < rules.most
end

--- Grows trees from their roots and adds the strokes to a list.
---@param random fovea.Random
---@param roots { x: number, y: number, angle: number, radius: number, value: number, orbit: number? }[]
---@param rules fovea.TreeRules
---@param list? number[][] to add to
---@return number[][] strokes
function M.grow(random, roots, rules, list)
  local queue, next_one = {}, 1
  list = list or {}
  for _, root in ipairs(roots) do
    queue[#queue + 1] = { x = root.x, y = root.y, angle = root.angle, radius = root.radius, value = root.value,
      turn = 0, orbit = root.orbit }
  end
  while queue[next_one] do
    local branch = queue[next_one]
    next_one = next_one + 1
    while advance(rules, random, branch, list) do
      if random:chance(rules.fork) then fork(rules, random, branch, queue) end
    end
  end
  return list
end

return M
