--- What a run will cost, for --dry-run: one image of each model is really explained and timed, and the memory is
--- what its plan says.
local core = require "fovea.core"
local expand = require "fovea.recipe.expand"
local explain_all = require("fovea.explain").explain_all
local inputs = require "fovea.recipe.inputs"
local metric = require "fovea.metric"
local units = require "fovea.recipe.units"

local M = {}

---@class fovea.RecipeEstimate
---@field seconds number of all cases to do, in one process
---@field bytes integer the most memory that one process takes, see fovea.budget
---@field note string? why it is only a part

local function timed(f)
  local start = core.clock()
  local result = f()
  return core.clock() - start, result
end

--- Seconds of a forward pass with everything around it, of one strategy, and of one case.
local function probe(plan, unit, model, found)
  local source = plan.models[unit.model]
  local function explain(count)
    local thresholds = {}
    for i = 1, count do thresholds[i] = 0.5 end
    return explain_all(model, found.given, { layers = source.layers, thresholds = thresholds,
      class = expand.setting(plan, source, "class"), output = expand.setting(plan, source, "output"),
      activation = expand.setting(plan, source, "activation") })
  end
  local maps, message = explain(1) -- compiles the plan
  if not maps then return nil, message end
  local one, two = timed(function() return explain(1) end), timed(function() return explain(2) end)
  local per_strategy = math.max(0, two - one)
  local per_case = timed(function()
    if plan.settings.outputs.overlays and #maps[1].raw:shape() == 2 then
      core.image_file.write("/dev/null", maps[1]:overlay())
    end
    local view = metric.view(maps[1], found.truth)
    for _, part in ipairs(plan.metrics) do metric.compute(part.value, view) end
  end)
  return { forward = math.max(0, one - per_strategy), strategy = per_strategy, case = per_case }
end

--- Seconds of a unit by the costs of its model.
local function seconds_of(plan, unit, cost)
  local strategies, count = {}, 0
  for _, case in ipairs(unit.cases) do
    local name = ("%d %s"):format(case.strategy, case.score)
    if not strategies[name] then strategies[name], count = true, count + 1 end
  end
  return #plan.scores * cost.forward + count * cost.strategy + #unit.cases * cost.case
end

--- Costs of a model, measured on the first of the units that can be read.
local function cost_of(plan, list, index)
  local model, message = expand.load(plan, index)
  if not model then return nil, message end
  for _, unit in ipairs(list) do
    local found = unit.model == index and inputs.read(plan.images[unit.image], plan.settings.ground_truth_label)
    if found then
      local ok, cost, reason = pcall(probe, plan, unit, model, found)
      if not ok then return nil, tostring(cost) end
      return cost, reason
    end
  end
  return nil, "no image of its can be read"
end

--- Time and memory of cases. Every model is loaded, one image of each is run four times.
---@param plan fovea.RecipePlan
---@param cases fovea.RecipeCase[]
---@return fovea.RecipeEstimate
function M.of(plan, cases)
  local list, estimate = units.of(cases, 1), { seconds = 0, bytes = 0 }
  local costs, known = {}, {}
  for _, unit in ipairs(list) do
    local index = unit.model
    if not known[index] then
      local message
      known[index] = true
      costs[index], message = cost_of(plan, list, index)
      estimate.bytes = math.max(estimate.bytes, plan.models[index].memory or core.memory_in_use())
      if message then estimate.note = ("%s: %s"):format(plan.models[index].name, message) end
    end
    if costs[index] then estimate.seconds = estimate.seconds + seconds_of(plan, unit, costs[index]) end
  end
  return estimate
end

return M
