--- Passes over an input with boxes of it replaced: crops around the boxes through the first layers, laid into the
--- activations of the unchanged input, and from there on the whole batch.
local copy = require "fovea.perturb.copy"
local cuts = require "fovea.perturb.cut"
local lanes = require "fovea.perturb.lanes"

local M = {}

---@class fovea.perturb.Windows
---@field cut fovea.perturb.Cut
---@field batch integer
local Windows = {}
Windows.__index = Windows

--- The plan over crops; nothing when the frontier is the input alone.
local function plan_crops(windows, lane, batch)
  local cut, engine, nodes = windows.cut, windows.engine, {}
  if #cut.frontier == 1 and cut.frontier[1]:kind() == "input" then return true end
  for _, node in ipairs(windows.single.graph:nodes()) do
    if cut.inside[node:id()] then nodes[#nodes + 1] = node end
  end
  local shape = { batch, engine.input:shape()[2], table.unpack(cut.size) }
  local part, taps = copy.part(nodes, shape), {}
  for i, node in ipairs(cut.frontier) do taps[i] = part.map[node:id()] end
  part.input = part.map[windows.single.input:id()]
  local plan, message, code = engine:plan(part, { taps = taps })
  if not plan then return nil, message, code end
  lane.crops, lane.input, lane.taps = plan, part.input, taps
  return true
end

--- The plan from the frontier on, with the values of the unchanged input in all places of the batch.
local function plan_rest(windows, lane, batch)
  local engine = windows.engine
  local several, message, code = engine:batched(batch)
  if not several then return nil, message, code end
  local batched = copy.whole(several.graph, engine:logits_of(several), windows.near)
  local given = copy.twins(windows.cut.frontier, batched.graph)
  local plan, why, kind = engine:plan(batched, { taps = { batched.target }, given = given })
  if not plan then return nil, why, kind end
  lane.rest, lane.given, lane.target = plan, given, batched.target
  for i, node in ipairs(given) do
    for item = 1, batch do M.set_item(plan, node, item, windows.values[i]) end
  end
  return true
end

local function filled(n, value)
  local list = {}
  for i = 1, n do list[i] = value end
  return list
end

--- Copies the first item of a tensor into an item of an input or given node.
---@param plan fovea.Plan
---@param node fovea.Node
---@param item integer
---@param tensor fovea.Tensor
function M.set_item(plan, node, item, tensor)
  local shape = tensor:shape()
  local ones = filled(#shape - 2, 1)
  assert(plan:set_part(node, item, ones, { table.unpack(shape, 3) }, tensor, 1, ones))
end

--- Makes the plans for boxes like the given ones.
---@param engine fovea.perturb.Engine
---@param boxes fovea.perturb.Box[]
---@param batch integer
---@return fovea.perturb.Windows? windows
---@return string? message
---@return string? code
function M.new(engine, boxes, batch)
  local windows, instance = setmetatable({ engine = engine, batch = batch }, Windows), engine.instance
  local logits = engine.output.logits
  windows.near = engine.reuse and cuts.halves(instance.graph, instance.input, logits, boxes) or {}
  local single = copy.whole(instance.graph, logits, windows.near)
  windows.single = single
  windows.cut = engine.reuse and cuts.choose(single.graph, single.input, single.target, boxes)
    or cuts.none(single.input)
  local values, message, code = engine:values(single, windows.cut.frontier)
  if not values then return nil, message, code end
  windows.values = values
  windows.lanes, message, code = lanes.new(batch, function(own)
    local lane = {}
    local ok, why, kind = plan_crops(windows, lane, own)
    if ok then ok, why, kind = plan_rest(windows, lane, own) end
    return ok and lane, why, kind
  end)
  if not windows.lanes then return nil, message, code end
  return windows
end

--- Whether the plans serve these boxes too: the crops they take are no larger.
---@param boxes fovea.perturb.Box[]
---@return boolean
function Windows:serves(boxes) return cuts.fits(self.cut, boxes, self.engine.input:shape()) end

local function plus(list, offset)
  local sums = {}
  for i, n in ipairs(list) do sums[i] = n + (type(offset) == "table" and offset[i] or offset) end
  return sums
end

--- Position of a crop's first element in a node.
local function moved_origin(origin, own, first)
  local at = {}
  for axis, from in ipairs(origin) do at[axis] = math.tointeger(first[axis] - from / own.step[axis]) + 1 end
  return at
end

local function fill_crops(self, lane, boxes)
  local engine, cut = self.engine, self.cut
  local shape, ones = engine.input:shape(), filled(#cut.size, 1)
  for item, box in ipairs(boxes) do
    local origin = cuts.origin(cut, box, shape)
    assert(lane.crops:set_part(lane.input, item, ones, cut.size, engine.input, 1, plus(origin, 1)))
    local at = {}
    for axis, from in ipairs(origin) do at[axis] = box.at[axis] - from end
    assert(lane.crops:set_part(lane.input, item, at, box.size, engine.baseline, 1, box.at))
  end
end

--- Lays what the boxes reach into the given values: from the crops, or where there are none the baseline.
local function paste(self, lane, boxes)
  local cut, shape = self.cut, self.engine.input:shape()
  for i, node in ipairs(cut.frontier) do
    local value = lane.crops and assert(lane.crops:value(lane.taps[i])) or self.engine.baseline
    for item, box in ipairs(boxes) do
      local first, size = cuts.reached(cut, box, node)
      local at = plus(first, 1)
      local from = lane.crops and moved_origin(cuts.origin(cut, box, shape), cut.reach[node:id()], first) or at
      assert(lane.rest:set_part(lane.given[i], item, at, size, value, lane.crops and item or 1, from))
    end
  end
end

--- Puts the values of the unchanged input back.
local function restore(self, lane, boxes)
  for i, node in ipairs(self.cut.frontier) do
    for item, box in ipairs(boxes) do
      local first, size = cuts.reached(self.cut, box, node)
      local at = plus(first, 1)
      assert(lane.rest:set_part(lane.given[i], item, at, size, self.values[i], 1, at))
    end
  end
end

--- One pass: the logits with each box replaced by the baseline.
---@param boxes fovea.perturb.Box[] at most as many as the batch has
---@return fovea.Tensor? logits one item for each box
---@return string? message
---@return string? code
function Windows:run(boxes)
  local used = lanes.share(self.lanes, boxes, function(lane, part)
    lane.boxes = part
    if lane.crops then fill_crops(self, lane, part) end
  end)
  if used[1].crops then
    local ok, message, code = lanes.forward(used, "crops")
    if not ok then return nil, message, code end
  end
  for _, lane in ipairs(used) do paste(self, lane, lane.boxes) end
  local logits, message, code = lanes.run(used, "rest", "target")
  for _, lane in ipairs(used) do restore(self, lane, lane.boxes) end
  return logits, message, code
end

return M
