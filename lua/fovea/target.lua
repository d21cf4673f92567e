--- What is explained: the class, what strategies get to see, and the score of a target with its seed, the gradient with
--- which the backward pass starts (definitions 8.2).
local core = require "fovea.core"
local grid = require "fovea.strategy.grid"
local image_module = require "fovea.image"
local mask_file = require "fovea.mask_file"
local threshold = require "fovea.threshold"

local M = {}

--- Foreground class with most pixels: 1 for one class, 2 of two, else by arg-max over the classes but the first.
local function default_class(probabilities)
  local classes = probabilities:shape()[2]
  if classes <= 2 then return classes end
  local winner, best, most = probabilities:argmax(2), 2, -1
  for class = 2, classes do
    local n = winner:eq(class):sum()
    if n > most then best, most = class, n end
  end
  return best
end

--- The class that is asked for, or the default; raises for one that does not exist.
---@param probabilities fovea.Tensor 1 x K x [D] x H x W
---@param wish? integer
---@return integer
function M.class(probabilities, wish)
  local classes = probabilities:shape()[2]
  local class = wish or default_class(probabilities)
  if math.type(class) ~= "integer" or class < 1 or class > classes then
    error(("explain: class must be 1 to %d, not %s"):format(classes, tostring(class)), 0)
  end
  return class
end

--- Ground truth as given (a tensor, an image, or the path of a file) as values, and its record.
---@param given fovea.Tensor|fovea.Image|string|nil
---@param label? number the value that counts as inside; nil: all but 0
---@return { values: fovea.Tensor, record: table, label: number? }|false|nil truth false when there is none
---@return string? message
---@return string? code
function M.read_truth(given, label)
  if given == nil then return false end
  if type(given) == "string" then
    local values, message, code = mask_file.read(given)
    if not values then return nil, message, code end
    local hash = mask_file.hash(given)
    return { values = values, label = label, record = { path = given, hash = hash, label = label } }
  end
  local is_tensor = type(given) == "userdata"
  if not is_tensor and getmetatable(given) ~= image_module.Image then
    error("explain: ground_truth must be a tensor, an image or a path, not a " .. type(given), 0)
  end
  local values = is_tensor and given or mask_file.values(given)
  return { values = values, label = label, record = { path = not is_tensor and given.path or nil, label = label } }
end

--- What strategies get to see beside the map.
---@param job fovea.Job
---@return table context
function M.context(job)
  local shape = { table.unpack(job.logits:shape(), 3) }
  local all = { job.logits:shape()[2], table.unpack(shape) }
  local context = { probability = job.probabilities:reshape(all), logit = job.logits:reshape(all), class = job.class,
    shape = shape, image = job.image or job.input, geometry = job.geometry }
  context.spacing = grid.spacing(job.options.spacing, { table.unpack(job.input:shape(), 3) }, shape, job.geometry)
  local truth = job.truth
  if truth then
    truth.inside = truth.label and truth.values:eq(truth.label) or truth.values:ne(0)
    context.ground_truth = grid.place(truth.inside, context, "the ground truth")
  end
  return context
end

--- Kind of score as the seed functions name it.
local function score_kind(job, term)
  if term.against then
    if job.score ~= "logit" then
      error("explain: a contrast against all other classes is defined on logits; use the logit score", 0)
    end
    return "contrast"
  end
  if job.score == "logit" or job.activation == "none" then return "logit" end
  return job.activation
end

local function term_options(job, target, term)
  local mean = target.mean or job.reduction == "mean"
  return { kind = score_kind(job, term), class = term.class, axis = 2, mean = mean }
end

--- Scores of a target, one for each item of a batch of logits.
---@param job fovea.Job
---@param target fovea.Target
---@param logits fovea.Tensor N x K x [D] x H x W
---@return { value: number, saturated: number }[] scores
function M.scores(job, target, logits)
  local scores, batch = {}, logits:shape()[1]
  for i = 1, batch do scores[i] = { value = 0, saturated = 1 } end
  for _, term in ipairs(target.terms) do
    local weights = term.weights:reshape { 1, term.weights:count() }:expand { batch, term.weights:count() }
    local parts = assert(core.cam.score(logits, weights, term_options(job, target, term)))
    for i, score in ipairs(scores) do
      score.value = score.value + parts[i].value
      score.saturated = math.min(score.saturated, parts[i].saturated)
    end
  end
  return scores
end

--- Score of a target.
---@param job fovea.Job
---@param target fovea.Target
---@return { kind: string, reduction: string, value: number, saturated: number } score
function M.score(job, target)
  local found = M.scores(job, target, job.logits)[1]
  return { kind = job.score, reduction = target.mean and "mean" or job.reduction, value = found.value,
    saturated = found.saturated }
end

--- Gradient of the score of a target with respect to the logits.
---@param job fovea.Job
---@param target fovea.Target
---@return fovea.Tensor seed
function M.seed(job, target)
  local seed
  for _, term in ipairs(target.terms) do
    local part = assert(core.cam.seed(job.logits, term.weights, term_options(job, target, term)))
    seed = seed and seed + part or part
  end
  return seed
end

--- The targets of a strategy for a job.
---@param job fovea.Job
---@param strategy fovea.Strategy
---@return fovea.Target[]
function M.targets(job, strategy) return threshold.targets(strategy, job.class_map, job.context) end

return M
