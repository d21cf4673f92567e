--- The operator: masked-sum class activation maps. A threshold strategy picks entries of a class map, their sum is
--- differentiated down to any layers, methods combine activations and gradients into maps (definitions 8.2 - 8.4).
--- One forward pass serves all strategies; one backward pass per target serves all layers and methods.
local core = require "fovea.core"
local heatmap = require "fovea.heatmap"
local jobs = require "fovea.job"
local lookup = require "fovea.lookup"
local precision = require "fovea.precision"
local status = require "fovea.status"
local targets = require "fovea.target"
local threshold = require "fovea.threshold"

local M = {}

---@class fovea.ExplainOptions
---@field layer string|string[]|nil name, glob, "candidates" (of the architecture), "all"; default:
--- the bottleneck and the last block before the head
---@field layers string|string[]|function|table|nil the same, or a list of layers
---@field threshold any strategy (fovea.threshold.parse); default 0.5
---@field thresholds any[]|nil several
---@field method string|table|nil default "gradcam"
---@field methods (string|table)[]|nil several
---@field score "logit"|"probability"|nil what is summed; default "logit"
---@field reduction "sum"|"mean"|nil default "sum"
---@field output string|integer|nil name or number of the output; default the first
---@field class integer|nil from 1; default 1, or 2 for two classes, or the foreground class with most pixels
---@field activation string|nil "sigmoid", "softmax" or "none" when the output is not what its end says
---@field preprocess table|nil instead of that of the model
---@field ground_truth fovea.Tensor|fovea.Image|string|nil mask for strategies, of the size of the image or of the
--- model's grid; a path is read
---@field ground_truth_label number|nil the value inside of it; default: all but 0
---@field spacing number[]|nil mm per pixel of the image (voxel of the input tensor), in the order of its axes
---@field exact boolean|nil convolutions by plain sums: slower, with half the rounding error; default: as the model says
---@field precision "f32"|"bf16"|nil of what convolutions read: bf16 is rough and for previews; see fovea.precision
---@field memory string|integer|nil budget of everything: "512M", "2G" or bytes; default: as the model says, or none

local OPTIONS = { "threshold", "thresholds", table.unpack(jobs.OPTIONS) }

--- Statuses of one map, apart from those of the target.
local function map_statuses(job, picked, index, answer, raw, statuses)
  if picked.score.saturated >= 1 and job.score ~= "logit" then statuses[#statuses + 1] = "SATURATED" end
  if picked.record.count == 0 then return end
  local high, low = raw:max(), raw:min()
  if answer.is_zero then
    statuses[#statuses + 1] = "ZERO_GRAD"
  elseif high <= 0 then
    statuses[#statuses + 1] = "ALL_NONPOSITIVE"
  end
  if high == low then statuses[#statuses + 1] = "CONSTANT" end
  if job.tautological[job.layers[index].name] then statuses[#statuses + 1] = "TAUTOLOGY" end
end

--- The raw map of a layer, or zeros, and its statuses.
local function raw_map(job, picked, index, answer, make)
  local statuses = { table.unpack(picked.record.flags) }
  if job.options.precision == "bf16" then statuses[#statuses + 1] = "ROUGH" end
  local spatial = { table.unpack(job.nodes[index]:shape(), 3) }
  if job:is_sound(index, answer) then
    local raw = make():reshape(spatial)
    if raw:is_finite() then
      map_statuses(job, picked, index, answer, raw, statuses)
      return raw, statuses
    end
  end
  statuses[#statuses + 1] = "NONFINITE"
  return core.zeros(spatial), statuses
end

--- The heat map of one layer and method.
---@param job fovea.Job
---@param picked { mask: fovea.Tensor, record: fovea.ThresholdRecord, score: table, seconds: number }
---@param index integer of the layer
---@param answer fovea.Answer
---@param method fovea.Method
---@param make? fun(): fovea.Tensor instead of the method
---@return fovea.Heatmap
function M.make_map(job, picked, index, answer, method, make)
  local start = core.clock()
  make = make or function() return job:map(index, answer, method) end
  local raw, statuses = raw_map(job, picked, index, answer, make)
  local main, all = status.summary(statuses)
  return heatmap.new {
    raw = raw, layer = job.layers[index].name, layer_shape = job.nodes[index]:shape(), method = method.name,
    threshold = picked.record.spec, target = picked.record, count = picked.record.count, score = picked.score,
    output = job.output.name, class = job.class, status = main, statuses = all,
    range = { min = raw:min(), max = raw:max(), sum = raw:sum() }, mask = picked.mask, probability = job.class_map,
    image = job.image, geometry = job.geometry, preprocess = job.preprocess, activation = job.activation,
    doubt = job.doubt,
    ground_truth = job.truth and job.truth.record or nil, truth = job.truth and job.truth.inside or nil,
    spacing = job.options.spacing, exact = job.plan:memory().exact or job.options.exact,
    seconds = picked.seconds + core.clock() - start,
  }
end

--- Score and answers of one target: one backward pass.
local function pick(job, target)
  local start = core.clock()
  local answers, message, code = job:ask(targets.seed(job, target))
  if not answers then return nil, message, code end
  return { mask = target.mask, record = target.record, score = targets.score(job, target), answers = answers,
    seconds = core.clock() - start }
end

local function add_maps(maps, job, picked)
  for index, answer in ipairs(picked.answers) do
    for _, method in ipairs(job.methods) do maps[#maps + 1] = M.make_map(job, picked, index, answer, method) end
  end
end

local function maps_of(model, given, options)
  local strategies, maps, waiting, answers = {}, {}, {}, {}
  for i, spec in ipairs(jobs.list_of(options, "thresholds", "threshold", 0.5)) do
    strategies[i] = threshold.parse(spec)
  end
  local job, message, code = jobs.new(model, given, options)
  if not job then return nil, message, code end
  for _, strategy in ipairs(strategies) do
    for _, target in ipairs(targets.targets(job, strategy)) do
      local picked, reason, kind = pick(job, target)
      if not picked then return nil, reason, kind end
      if not job.whole then
        waiting[#waiting + 1], answers[#answers + 1] = picked, picked.answers
      else
        add_maps(maps, job, picked)
      end
    end
  end
  job:combine(answers)
  for _, picked in ipairs(waiting) do add_maps(maps, job, picked) end
  return maps
end

local function explain_job(model, given, options)
  options = options or {}
  lookup.check_keys(options, OPTIONS, "explain", -2)
  local is_rough = precision.is_rough(options.precision)
  local maps, message, code = maps_of(model, given, options)
  if not (maps and is_rough) then return maps, message, code end
  return precision.judge(model, maps, function()
    local others = {}
    for key, value in pairs(options) do others[key] = value end
    others.precision = "f32"
    return maps_of(model, given, others)
  end)
end

--- Heat maps of all combinations of layers, thresholds and methods, from one forward pass. A strategy with several
--- targets ("component:each") gives maps for each.
---@param model fovea.Model
---@param image fovea.Image|fovea.Tensor an image, or a tensor 1 x C x [D] x H x W that is already preprocessed
---@param options? fovea.ExplainOptions
---@return fovea.Heatmap[]? maps ordered by threshold, layer, method; nil when the outside world is at fault
---@return string? message
---@return string? code
function M.explain_all(model, image, options)
  local results = table.pack(pcall(explain_job, model, image, options))
  if not results[1] then error(results[2], 2) end
  return table.unpack(results, 2, results.n)
end

--- One heat map. Without a choice of layers it is that of the bottleneck.
---@param model fovea.Model
---@param image fovea.Image|fovea.Tensor
---@param options? fovea.ExplainOptions
---@return fovea.Heatmap? map
---@return string? message
---@return string? code
function M.explain(model, image, options)
  local results = table.pack(pcall(explain_job, model, image, options))
  if not results[1] then error(results[2], 2) end
  local maps, message, code = table.unpack(results, 2, results.n)
  if not maps then return nil, message, code end
  return maps[1]
end

return M
