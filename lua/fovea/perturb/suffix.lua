--- Passes over changes of an inner layer: only what comes after it runs; what else that reads keeps its value.
local copy = require "fovea.perturb.copy"
local passes = require "fovea.passes"
local tensor = require "fovea.tensor"
local windows = require "fovea.perturb.windows"

local M = {}

---@class fovea.perturb.Suffix
---@field activation fovea.Tensor of the layer for the unchanged input
---@field batch integer
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

--- Makes the plan.
---@param engine fovea.perturb.Engine
---@param name string of the layer
---@param batch integer
---@return fovea.perturb.Suffix? suffix
---@return string? message
---@return string? code
function M.new(engine, name, batch)
  local instance, several, failure = engine:instances(batch)
  if not instance then return nil, several, failure end
  local layer = passes.nodes_of(instance, name, 0)[1]
  local frontier, all, given = frontier_of(instance.graph, layer, engine.output.logits), several.graph:nodes(), {}
  local plan, message, code = instance.graph:plan { taps = frontier, exact = engine.exact, memory = engine.memory }
  if not plan then return nil, message, code end
  assert(plan:set_input(instance.input, engine.input))
  assert(plan:forward())
  for i, node in ipairs(frontier) do given[i] = all[node:id()] end
  local suffix = setmetatable({ batch = batch, layer = given[1], target = engine:logits_of(several) }, Suffix)
  suffix.rest, message, code = several.graph:plan { taps = { suffix.target }, given = given, exact = engine.exact,
    memory = engine.memory }
  if not suffix.rest then return nil, message, code end
  for i, node in ipairs(given) do assert(set_all(suffix.rest, node, assert(plan:value(frontier[i])), batch)) end
  suffix.activation = assert(plan:value(layer))
  return suffix
end

--- One pass: the logits for some activations of the layer, one item each.
---@param activations fovea.Tensor[] shaped like the layer's for one image; at most as many as the batch has
---@return fovea.Tensor? logits
---@return string? message
---@return string? code
function Suffix:run(activations)
  for item, activation in ipairs(activations) do windows.set_item(self.rest, self.layer, item, activation) end
  local ok, message, code = self.rest:forward()
  if not ok then return nil, message, code end
  return self.rest:value(self.target)
end

return M
