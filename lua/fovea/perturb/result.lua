--- Heat maps of perturbation methods: the raw map with its target, range and status, as those of fovea.explain.
local heatmap = require "fovea.heatmap"
local status = require "fovea.status"
local tensor = require "fovea.tensor"

local M = {}

--- Size of the input along its spatial axes.
---@param engine fovea.perturb.Engine
---@return integer[]
function M.size(engine) return { table.unpack(engine.input:shape(), 3) } end

--- The statuses of a target: empty, or not finite.
---@param engine fovea.perturb.Engine
---@return string[]
function M.statuses(engine)
  local flags = { table.unpack(engine.target.record.flags or {}) }
  if not (engine.input:is_finite() and engine.job.logits:is_finite()) then flags[#flags + 1] = "NONFINITE" end
  return flags
end

--- Whether there is something to explain.
---@param engine fovea.perturb.Engine
---@return boolean
function M.has_target(engine)
  return engine.target.record.count > 0 and engine.input:is_finite() and engine.job.logits:is_finite()
end

local function add_statuses(statuses, raw)
  local high, low = raw:max(), raw:min()
  if not raw:is_finite() then
    statuses[#statuses + 1] = "NONFINITE"
  elseif high <= 0 then
    statuses[#statuses + 1] = "ALL_NONPOSITIVE"
  end
  if high == low then statuses[#statuses + 1] = "CONSTANT" end
end

--- A heat map. Fields of the method are kept as they are: `perturbation` says how it came about.
---@param engine fovea.perturb.Engine
---@param raw? fovea.Tensor [D x] H x W; nil: there is nothing to explain
---@param fields { method: string, layer: string?, layer_shape: integer[]?, perturbation: table, seconds: number }
---@return fovea.Heatmap
function M.heatmap(engine, raw, fields)
  local job, statuses = engine.job, M.statuses(engine)
  if raw then add_statuses(statuses, raw) end
  raw = raw and raw:is_finite() and raw or assert(tensor.zeros(raw and raw:shape() or M.size(engine)))
  local main, all = status.summary(statuses)
  local heat = heatmap.new {
    raw = raw, layer = "input", layer_shape = engine.input:shape(), threshold = engine.target.record.spec,
    target = engine.target.record, count = engine.target.record.count, mask = engine.target.mask,
    score = { kind = job.score, reduction = engine.target.mean and "mean" or job.reduction, value = engine.score },
    output = job.output.name, class = job.class, status = main, statuses = all,
    range = { min = raw:min(), max = raw:max(), sum = raw:sum() }, probability = job.class_map, image = job.image,
    geometry = job.geometry, preprocess = job.preprocess, activation = job.activation,
    ground_truth = job.truth and job.truth.record or nil, truth = job.truth and job.truth.inside or nil,
    spacing = job.options.spacing, exact = engine.exact,
  }
  for key, value in pairs(fields) do heat[key] = value end
  heat.rate = engine.rate
  return heat
end

return M
