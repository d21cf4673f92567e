--- Passes over whole inputs.
local lanes = require "fovea.perturb.lanes"

local M = {}

---@class fovea.perturb.Whole
---@field batch integer
---@field lanes fovea.perturb.Lane[]
local Whole = {}
Whole.__index = Whole

local function new_lane(engine, batch)
  local several, problem, failure = engine:batched(batch)
  if not several then return nil, problem, failure end
  local target = engine:logits_of(several)
  local plan, message, code = engine:plan(several, { taps = { target } })
  if not plan then return nil, message, code end
  return { plan = plan, input = several.input, target = target }
end

--- Makes the plans.
---@param engine fovea.perturb.Engine
---@param batch integer
---@return fovea.perturb.Whole? whole
---@return string? message
---@return string? code
function M.new(engine, batch)
  local made, message, code = lanes.new(batch, function(own) return new_lane(engine, own) end)
  if not made then return nil, message, code end
  return setmetatable({ batch = batch, lanes = made, is_whole = true }, Whole)
end

--- One pass: the logits of some inputs.
---@param inputs fovea.Tensor N x C x [D] x H x W
---@return fovea.Tensor? logits one item for each
---@return string? message
---@return string? code
function Whole:run(inputs)
  local shape, ones, size, items = inputs:shape(), {}, {}, {}
  for axis = 1, #shape - 2 do ones[axis], size[axis] = 1, shape[axis + 2] end
  for i = 1, shape[1] do items[i] = i end
  local used = lanes.share(self.lanes, items, function(lane, part)
    for item, from in ipairs(part) do
      assert(lane.plan:set_part(lane.input, item, ones, size, inputs, from, ones))
    end
  end)
  return lanes.run(used, "plan", "target")
end

return M
