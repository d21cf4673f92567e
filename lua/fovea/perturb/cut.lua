--- Where a pass over changed boxes of the input is cut: before the cut only a crop around each box is computed, and
--- laid into the activations of the unchanged input; after the cut everything runs. Chosen by an estimate of the work.
local copy = require "fovea.perturb.copy"
local reach = require "fovea.perturb.reach"

local M = {}

-- Work of moving one element of an activation, in multiply-accumulates.
local MOVE = 30

---@class fovea.perturb.Box a box of the input; one entry per spatial axis
---@field at integer[] first element, from 1
---@field size integer[]

---@class fovea.perturb.Cut
---@field inside table<integer, boolean> ids of the nodes that are computed on crops
---@field frontier fovea.Node[] those of them that something else reads
---@field reach table<integer, fovea.Reach>
---@field size integer[] of the crops
---@field align integer[] crops begin at multiples of it: at whole elements of all layers
---@field margin integer[] elements of the input around a box that are needed to compute what the box reaches
---@field share number work in parts of the work of the whole

local function count(shape)
  local n = 1
  for _, size in ipairs(shape) do n = n * size end
  return n
end

local function work_of(node)
  if node:kind() == "input" or node:tensor() then return 0 end
  return node:macs() + MOVE * count(node:shape())
end

local function gcd(a, b)
  while b > 0 do a, b = b, a % b end
  return a
end

--- Where the crop of a box begins along an axis, from 0, if the crop is as large as it takes, and where it must end.
local function span(box, axis, margin, align, size)
  local from = box.at[axis] - 1
  return math.max(0, from - margin) // align * align, math.min(size, from + box.size[axis] + margin)
end

--- Size of the crops along an axis: that of the largest, such that the last possible crop is aligned too.
local function crop_size(boxes, axis, margin, align, size)
  local largest = 0
  for _, box in ipairs(boxes) do
    local first, last = span(box, axis, margin, align, size)
    largest = math.max(largest, last - first)
  end
  return math.min(size, largest + (size - largest) % align)
end

--- Margin and alignment of some nodes.
local function needs(nodes, reaches, axes)
  local margin, align = {}, {}
  for axis = 1, axes do
    local most, steps = 0, 1
    for _, node in ipairs(nodes) do
      local own = reaches[node:id()]
      local step = math.tointeger(own.step[axis])
      most = math.max(most, own.before[axis] + own.after[axis])
      if step then steps = steps * step // gcd(steps, step) end
    end
    margin[axis], align[axis] = math.ceil(most), steps
  end
  return margin, align
end

local function widest(own)
  local most = 0
  for axis = 1, #own.step do most = math.max(most, own.before[axis] + own.after[axis]) end
  return most
end

--- Work of a node when only some nodes are computed on crops, as a share of the input: a convolution over a
--- concatenation can be taken apart.
local function shared_work(node, inside, share)
  local joined, work = copy.joined(node), work_of(node)
  if not joined then return work end
  local near, all = 0, 0
  for _, source in ipairs(joined) do
    local channels = source:shape()[2]
    all = all + channels
    if inside[source:id()] then near = near + channels end
  end
  return work * (1 - near / all * (1 - share))
end

--- The cut after the nodes whose margin is at most `limit`.
local function cut_at(limit, nodes, reaches, boxes, shape, work)
  local inside, list, cut = {}, {}, { size = {}, inside = {}, reach = reaches }
  for _, node in ipairs(nodes) do
    local own = reaches[node:id()]
    if own and widest(own) <= limit then inside[node:id()], list[#list + 1] = true, node end
  end
  local share, sum = 1, 0
  cut.inside = inside
  cut.margin, cut.align = needs(list, reaches, #shape - 2)
  for axis = 1, #shape - 2 do
    cut.size[axis] = crop_size(boxes, axis, cut.margin[axis], cut.align[axis], shape[axis + 2])
    share = share * cut.size[axis] / shape[axis + 2]
  end
  for _, node in ipairs(nodes) do
    sum = sum + (inside[node:id()] and work_of(node) * share or work(node, inside, share))
  end
  cut.work = sum
  return cut
end

local function frontier_of(nodes, inside, target)
  local read, list = { [target:id()] = true }, {}
  for _, node in ipairs(nodes) do
    if not inside[node:id()] then
      for _, source in ipairs(node:sources()) do read[source:id()] = true end
    end
  end
  for _, node in ipairs(nodes) do
    if inside[node:id()] and read[node:id()] then list[#list + 1] = node end
  end
  return list
end

local function best(graph, input, target, boxes, work)
  local nodes, reaches, limits, seen = copy.needed(graph, target), reach.analyse(graph, input), {}, {}
  for _, node in ipairs(nodes) do
    local own = reaches[node:id()]
    local limit = own and widest(own)
    if limit and not seen[limit] then seen[limit], limits[#limits + 1] = true, limit end
  end
  table.sort(limits)
  local chosen, first
  for _, limit in ipairs(limits) do
    local cut = cut_at(limit, nodes, reaches, boxes, input:shape(), work)
    first = first or cut
    if not chosen or cut.work < chosen.work then chosen = cut end
  end
  chosen.share = chosen.work / first.work
  chosen.frontier = frontier_of(nodes, chosen.inside, target)
  return chosen
end

--- Which sources of convolutions over concatenations are computed on crops by the best cut, where others are not: see
--- copy.whole.
---@param graph fovea.Graph
---@param input fovea.Node
---@param target fovea.Node
---@param boxes fovea.perturb.Box[]
---@return table<integer, table<integer, boolean>>
function M.halves(graph, input, target, boxes)
  local inside, near = best(graph, input, target, boxes, shared_work).inside, {}
  for _, node in ipairs(copy.needed(graph, target)) do
    local joined, set, all = not inside[node:id()] and copy.joined(node), {}, true
    for _, source in ipairs(joined or {}) do
      if inside[source:id()] then set[source:id()] = true else all = false end
    end
    if joined and next(set) and not all then near[node:id()] = set end
  end
  return near
end

--- The best cut of a graph as it is.
---@param graph fovea.Graph
---@param input fovea.Node
---@param target fovea.Node what is computed
---@param boxes fovea.perturb.Box[]
---@return fovea.perturb.Cut
function M.choose(graph, input, target, boxes)
  return best(graph, input, target, boxes, function(node) return work_of(node) end)
end

--- The cut at the input itself: nothing is computed on crops.
---@param input fovea.Node
---@return fovea.perturb.Cut
function M.none(input)
  local reaches = reach.analyse(input:graph(), input)
  return { inside = { [input:id()] = true }, frontier = { input }, reach = reaches, share = 1 }
end

--- Whether the crops of a cut are large enough for boxes.
---@param cut fovea.perturb.Cut
---@param boxes fovea.perturb.Box[]
---@param shape integer[] of the input
---@return boolean
function M.fits(cut, boxes, shape)
  for axis in ipairs(cut.size or {}) do
    if crop_size(boxes, axis, cut.margin[axis], cut.align[axis], shape[axis + 2]) > cut.size[axis] then return false end
  end
  return true
end

--- Where the crop of a box begins, per axis from 0.
---@param cut fovea.perturb.Cut
---@param box fovea.perturb.Box
---@param shape integer[] of the input
---@return integer[]
function M.origin(cut, box, shape)
  local origin = {}
  for axis = 1, #box.at do
    local size = shape[axis + 2]
    origin[axis] = math.min(span(box, axis, cut.margin[axis], cut.align[axis], size), size - cut.size[axis])
  end
  return origin
end

--- The part of a node that a box of the input reaches: first element from 0, and size (0: none).
---@param cut fovea.perturb.Cut
---@param box fovea.perturb.Box
---@param node fovea.Node
---@return integer[] first
---@return integer[] size
function M.reached(cut, box, node)
  local own, shape, first, size = cut.reach[node:id()], node:shape(), {}, {}
  for axis = 1, #box.at do
    local from = box.at[axis] - 1
    local low = math.max(0, math.ceil((from - own.after[axis]) / own.step[axis]))
    local high = math.min(shape[axis + 2] - 1,
      math.floor((from + box.size[axis] - 1 + own.before[axis]) / own.step[axis]))
    first[axis], size[axis] = low, math.max(0, high - low + 1)
  end
  return first, size
end

return M
