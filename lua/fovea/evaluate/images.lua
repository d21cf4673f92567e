--- A model on a data set: the scores of every image and their summary. An image that cannot be read or does not fit
--- becomes a row with its reason; the others go on.
local core = require "fovea.core"
local evaluate = require "fovea.evaluate"
local lookup = require "fovea.lookup"
local predict = require "fovea.evaluate.predict"

local M = {}

---@class fovea.EvaluationRow
---@field name string
---@field path string
---@field scores table<string, number>? nil for an image that failed
---@field truth number? part of the image that the true mask takes
---@field predicted number? part of the image that is predicted
---@field error string?
---@field code string?

---@class fovea.Evaluation
---@field rows fovea.EvaluationRow[]
---@field metrics string[]
---@field summary table<string, fovea.ScoreSummary>
---@field failed integer
---@field settings table what the scores depend on besides model and images

local OPTIONS = { "threshold", "class", "spacing", "metrics", "preprocess", "output", "activation", "tile", "overlap",
  "fov", "resamples", "level", "seed", "report", "keep" }

--- The field of view that counts: that of the image and what the model saw of it.
local function view_of(sample, found, options)
  local fov = options.fov ~= false and sample.fov or nil
  if fov and found.covered then return fov:ne(0) * found.covered end
  return fov or found.covered
end

--- Scores of a sample of a data set (name, image, mask, fov).
---@param model fovea.Model
---@param sample fovea.DataSample
---@param options table see `run`
---@return fovea.EvaluationRow? row without a name
---@return string? message
---@return string? code
function M.sample(model, sample, options)
  if not sample.mask then return nil, "there is no true mask", "argument" end
  local found, message, code = predict.segment(model, sample.image, options)
  if not found then return nil, message, code end
  if not found.probability:is_finite() then return nil, "the model gives values that are not finite", "NONFINITE" end
  local scores = evaluate.scores(found.probability, sample.mask, { threshold = options.threshold,
    prediction = found.prediction, spacing = options.spacing, fov = view_of(sample, found, options),
    metrics = options.metrics })
  local predicted = found.prediction or found.probability:gt(options.threshold or 0.5)
  if options.keep then options.keep(sample, found, predicted) end
  return { scores = scores, truth = sample.mask:ne(0):mean(), predicted = predicted:mean() }
end

local function row_of(model, set, index, options)
  local item = set:item(index)
  local row, message, code
  local sample, problem, kind = set:read(index)
  if sample then
    row, message, code = M.sample(model, sample, options)
  else
    message, code = problem, kind
  end
  row = row or { error = message, code = code }
  row.name, row.path = item.name, item.path
  return row
end

--- Evaluates a model on a data set.
---@param model fovea.Model
---@param set fovea.DataSet
---@param options? table those of fovea.evaluate.scores (but prediction) and of fovea.evaluate.predict.segment; `fov`:
--- false counts what lies outside of the field of view too; `resamples`, `level`, `seed` of the summary; `report`:
--- called with each row; `keep`: called with sample, segmentation and predicted mask
---@return fovea.Evaluation
function M.run(model, set, options)
  options = options or {}
  lookup.check_keys(options, OPTIONS, "evaluate")
  local result = { rows = {}, metrics = options.metrics or evaluate.names(), failed = 0 }
  local scored = {}
  for index = 1, #set do
    local row = row_of(model, set, index, options)
    result.rows[index] = row
    if row.error then result.failed = result.failed + 1 else scored[#scored + 1] = row.scores end
    if options.report then options.report(row) end
  end
  result.summary = evaluate.summarise(scored, { metrics = result.metrics, resamples = options.resamples,
    level = options.level, seed = options.seed })
  result.settings = { threshold = options.threshold or 0.5, class = options.class, spacing = options.spacing,
    tile = options.tile, overlap = options.tile and (options.overlap or 0.5) or nil,
    resamples = options.resamples or 2000, level = options.level or 0.95, seed = options.seed or 0,
    preprocess = options.preprocess or model.preprocess, threads = core.threads() }
  return result
end

return M
