--- Passes over an input with boxes of it replaced: crops around the boxes through the first layers, laid into the
--- activations of the unchanged input, and from there on the whole batch.
local copy = require "fovea.perturb.copy"
local cuts = require "fovea.perturb.cut"

local M = {}

---@class fovea.perturb.Windows
---@field cut fovea.perturb.Cut
---@field batch integer
local Windows = {}
Windows.__index = Windows

--- Nodes of another graph made in the same order.
local function twins(nodes, graph)
  local all, list = graph:nodes(), {}
  for i, node in ipairs(nodes) do list[i] = all[node:id()] end
  return list
end

--- Values of the frontier for the unchanged input.
local function base_values(engine, single, frontier)
  local plan, message, code = single.graph:plan { taps = frontier, exact = engine.exact, memory = engine.memory }
  if not plan then return nil, message, code end
  local ok, why, kind = plan:set_input(single.input, engine.input)
  if ok then ok, why, kind = plan:forward() end
  if not ok then return nil, why, kind end
  local values = {}
  for i, node in ipairs(frontier) do values[i] = assert(plan:value(node)) end
  return values
end

--- The plan over crops; nothing when the frontier is the input alone.
local function plan_crops(windows, engine)
  local cut, nodes = windows.cut, {}
  if #cut.frontier == 1 and cut.frontier[1]:kind() == "input" then return true end
  for _, node in ipairs(windows.single.graph:nodes()) do
    if cut.inside[node:id()] then nodes[#nodes + 1] = node end
  end
  local shape = { windows.batch, engine.input:shape()[2], table.unpack(cut.size) }
  local part, taps = copy.part(nodes, shape), {}
  for i, node in ipairs(cut.frontier) do taps[i] = part.map[node:id()] end
  local plan, message, code = part.graph:plan { taps = taps, exact = engine.exact, memory = engine.memory }
  if not plan then return nil, message, code end
  windows.crops = { plan = plan, input = part.map[windows.single.input:id()], taps = taps }
  return true
end

--- The plan from the frontier on, with the values of the unchanged input in all places of the batch.
local function plan_rest(windows, engine, several)
  local given = twins(windows.cut.frontier, several.graph)
  local plan, message, code = several.graph:plan { taps = { several.target }, given = given, exact = engine.exact,
    memory = engine.memory }
  if not plan then return nil, message, code end
  windows.rest, windows.given, windows.target = plan, given, several.target
  for i, node in ipairs(given) do
    for item = 1, windows.batch do M.set_item(plan, node, item, windows.values[i]) end
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
  local windows = setmetatable({ engine = engine, batch = batch }, Windows)
  local instance, several, failure = engine:instances(batch)
  if not instance then return nil, several, failure end
  local logits = engine.output.logits
  local near = engine.reuse and cuts.halves(instance.graph, instance.input, logits, boxes) or {}
  local single = copy.whole(instance.graph, logits, near)
  local batched = copy.whole(several.graph, engine:logits_of(several), near)
  windows.single = single
  windows.cut = engine.reuse and cuts.choose(single.graph, single.input, single.target, boxes)
    or cuts.none(single.input)
  local values, message, code = base_values(engine, single, windows.cut.frontier)
  if not values then return nil, message, code end
  windows.values = values
  local ok, why, kind = plan_crops(windows, engine)
  if ok then ok, why, kind = plan_rest(windows, engine, batched) end
  if not ok then return nil, why, kind end
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

local function fill_crops(self, boxes)
  local crops, engine, cut = self.crops, self.engine, self.cut
  local shape, ones = engine.input:shape(), filled(#cut.size, 1)
  for item, box in ipairs(boxes) do
    local origin = cuts.origin(cut, box, shape)
    assert(crops.plan:set_part(crops.input, item, ones, cut.size, engine.input, 1, plus(origin, 1)))
    local at = {}
    for axis, from in ipairs(origin) do at[axis] = box.at[axis] - from end
    assert(crops.plan:set_part(crops.input, item, at, box.size, engine.baseline, 1, box.at))
  end
end

--- Lays what the boxes reach into the given values.
local function paste(self, boxes)
  local cut, shape = self.cut, self.engine.input:shape()
  for i, node in ipairs(cut.frontier) do
    local value = assert(self.crops.plan:value(self.crops.taps[i]))
    for item, box in ipairs(boxes) do
      local first, size = cuts.reached(cut, box, node)
      local from = moved_origin(cuts.origin(cut, box, shape), cut.reach[node:id()], first)
      assert(self.rest:set_part(self.given[i], item, plus(first, 1), size, value, item, from))
    end
  end
end

--- Puts the values of the unchanged input back.
local function restore(self, boxes)
  for i, node in ipairs(self.cut.frontier) do
    for item, box in ipairs(boxes) do
      local first, size = cuts.reached(self.cut, box, node)
      local at = plus(first, 1)
      assert(self.rest:set_part(self.given[i], item, at, size, self.values[i], 1, at))
    end
  end
end

--- One pass: the logits with each box replaced by the baseline, one item for each box (and others after them).
---@param boxes fovea.perturb.Box[] at most as many as the batch has
---@return fovea.Tensor? logits
---@return string? message
---@return string? code
function Windows:run(boxes)
  local ok, message, code = true, nil, nil
  if self.crops then
    fill_crops(self, boxes)
    ok, message, code = self.crops.plan:forward()
    if ok then paste(self, boxes) end
  else
    for item, box in ipairs(boxes) do
      assert(self.rest:set_part(self.given[1], item, box.at, box.size, self.engine.baseline, 1, box.at))
    end
  end
  if ok then ok, message, code = self.rest:forward() end
  local logits
  if ok then logits, message, code = self.rest:value(self.target) end
  restore(self, boxes)
  return logits, message, code
end

return M
