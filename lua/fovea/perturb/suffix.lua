--- Passes over changes of an inner layer: only what comes after it runs; what else that reads keeps its value.
local copy = require "fovea.perturb.copy"
local lanes = require "fovea.perturb.lanes"
local passes = require "fovea.passes"
local tensor = require "fovea.tensor"
local windows = require "fovea.perturb.windows"

local M = {}

---@class fovea.perturb.Suffix
---@field activation fovea.Tensor of the layer for the unchanged input
---@field batch integer
---@field lanes fovea.perturb.Lane[]
local Suffix = {}
Suffix.__index = Suffix

--- The layer, and what the nodes after it read that does not come from it.
local function frontier_of(graph, layer, target)
  local after, read, list = { [layer:id()] = true }, {}, { layer }
  local nodes = copy.needed(graph, target)
  for _, node in ipairs(nodes) do
    for _, source in ipairs(node:sources()) do after[node:id()] = after[node:id()] or after[source:id()] end
    for _, source in ipairs(after[node:id()] and node:id() ~= layer:id() and node:sources() or {}) do
      read[source:id()] = true
    end
  end
  if not after[target:id()] then error(("perturb: the score does not depend on layer '%s'"):format(layer:name()), 0) end
  for _, node in ipairs(nodes) do
    if read[node:id()] and not after[node:id()] and not node:tensor() then list[#list + 1] = node end
  end
  return list
end

--- Puts a value for one image into all places of a batch.
local function set_all(plan, node, value, batch)
  local shape, own = node:shape(), value:shape()
  if #shape >= 3 and #shape <= 5 and shape[1] == batch and own[1] == 1 then
    for item = 1, batch do windows.set_item(plan, node, item, value) end
    return true
  end
  local copies = {}
  for item = 1, (own[1] or 1) > 0 and shape[1] // own[1] or 1 do copies[item] = value end
  return plan:set_input(node, #copies == 1 and value or assert(tensor.concat(copies, 1)))
end

--- The plan of a lane, with the values of the unchanged input.
local function new_lane(engine, frontier, values, batch)
  local several, problem, failure = engine:batched(batch)
  if not several then return nil, problem, failure end
  local given, target = copy.twins(frontier, several.graph), engine:logits_of(several)
  local plan, message, code = engine:plan(several, { taps = { target }, given = given })
  if not plan then return nil, message, code end
  for i, node in ipairs(given) do assert(set_all(plan, node, values[i], batch)) end
  return { rest = plan, layer = given[1], target = target }
end

--- Makes the plans.
---@param engine fovea.perturb.Engine
---@param name string of the layer
---@param batch integer
---@return fovea.perturb.Suffix? suffix
---@return string? message
---@return string? code
function M.new(engine, name, batch)
  local layer = passes.nodes_of(engine.instance, name, 0)[1]
  local frontier = frontier_of(engine.instance.graph, layer, engine.output.logits)
  local values, message, code = engine:values(engine.instance, frontier)
  if not values then return nil, message, code end
  local made, why, kind = lanes.new(batch, function(own) return new_lane(engine, frontier, values, own) end)
  if not made then return nil, why, kind end
  return setmetatable({ name = name, batch = batch, lanes = made, activation = values[1] }, Suffix)
end

--- One pass: the logits for some activations of the layer.
---@param activations fovea.Tensor[] shaped like the layer's for one image; at most as many as the batch has
---@return fovea.Tensor? logits one item for each
---@return string? message
---@return string? code
function Suffix:run(activations)
  local used = lanes.share(self.lanes, activations, function(lane, part)
    for item, activation in ipairs(part) do windows.set_item(lane.rest, lane.layer, item, activation) end
  end)
  return lanes.run(used, "rest", "target")
end

return M
