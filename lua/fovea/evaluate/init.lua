--- How good a segmentation is: metrics of a probability map (or a mask) against a true mask, one per file of
--- fovea.evaluate.metric, found by name, and their summary over images.
---
---     local s = fovea.evaluate.scores(probability, mask, { spacing = { 0.5, 0.5 }, metrics = { "dice", "hd95" } })
---     print(s.dice, s.hd95)
---
--- A pixel is predicted where its probability is above the threshold, strictly. What has no value (the sensitivity
--- without positives, a distance to an empty mask) is NaN, never 0; two empty masks have a Dice of 1. Every file says
--- what its metric does in such cases.
local lookup = require "fovea.lookup"
local summary = require "fovea.evaluate.summary"
local view = require "fovea.evaluate.view"

local M = {}

---@class fovea.SegmentationMetric
---@field name string
---@field label string for tables
---@field summary string
---@field order integer place in tables
---@field is_distance boolean? in pixels, or in mm with a spacing
---@field compute fun(view: fovea.EvaluateView): number

---@class fovea.ScoreOptions
---@field threshold number? a probability above it is foreground; default 0.5
---@field prediction fovea.Tensor? predicted mask instead of a threshold (several classes: where the class wins)
---@field spacing number[]? mm per pixel along each axis: distances are in mm
---@field fov fovea.Tensor? mask of the shape of the image; pixels outside do not count
---@field metrics string[]? names; default all

local OPTIONS = { "threshold", "prediction", "spacing", "fov", "metrics" }

--- Names of the metrics, in the order of tables.
---@return string[]
function M.names()
  local names = lookup.names "fovea.evaluate.metric"
  local function place(name) return M.metric(name).order or math.huge end
  table.sort(names, function(a, b) return place(a) < place(b) or (place(a) == place(b) and a < b) end)
  return names
end

--- A metric by name; unknown names raise with the nearest one.
---@param name string
---@return fovea.SegmentationMetric
function M.metric(name) return lookup.load("fovea.evaluate.metric", name, "evaluate: unknown metric") end

local function shape_text(tensor) return table.concat(tensor:shape(), "x") end

--- A tensor in the shape of the true mask: axes of one element in front go.
local function shaped(tensor, truth, what)
  if type(tensor) ~= "userdata" then error(("scores: %s must be a tensor, not a %s"):format(what, type(tensor)), 0) end
  local shape, wanted = tensor:shape(), truth:shape()
  while #shape > #wanted and shape[1] == 1 do table.remove(shape, 1) end
  if table.concat(shape, "x") ~= table.concat(wanted, "x") then
    error(("scores: the %s is %s, the mask %s"):format(what, shape_text(tensor), shape_text(truth)), 0)
  end
  return tensor:reshape(wanted)
end

--- A true mask H x W (D x H x W) without axes of one element in front.
local function squeezed(mask)
  if type(mask) ~= "userdata" then error("scores: mask must be a tensor, not a " .. type(mask), 0) end
  local shape = mask:shape()
  while #shape > 2 and shape[1] == 1 do table.remove(shape, 1) end
  return mask:reshape(shape)
end

local function make_view(probability, mask, options)
  local truth = squeezed(mask)
  local fov = options.fov and shaped(options.fov, truth, "fov"):ne(0)
  probability = probability and shaped(probability, truth, "probability")
  local prediction = options.prediction and shaped(options.prediction, truth, "prediction"):ne(0)
  if not (probability or prediction) then error("scores: neither a probability nor a prediction is given", 0) end
  prediction = prediction or probability:gt(options.threshold or 0.5)
  truth = truth:ne(0)
  local spacing = options.spacing
  if spacing and #spacing ~= truth:rank() then
    error(("scores: spacing has %d numbers, the mask is %s"):format(#spacing, shape_text(truth)), 0)
  end
  if fov then prediction, truth = prediction * fov, truth * fov end
  return view.new { prediction = prediction, truth = truth, probability = probability, fov = fov, spacing = spacing }
end

local function compute(probability, mask, options)
  options = options or {}
  lookup.check_keys(options, OPTIONS, "scores", -2)
  local seen, values = make_view(probability, mask, options), {}
  for _, name in ipairs(options.metrics or M.names()) do values[name] = M.metric(name).compute(seen) end
  return values
end

--- Scores of one image.
---@param probability fovea.Tensor? H x W (or D x H x W), axes of one element in front are fine; nil with `prediction`
---@param mask fovea.Tensor the truth; what is not 0 is foreground
---@param options? fovea.ScoreOptions
---@return table<string, number> scores by name; NaN where there is none
function M.scores(probability, mask, options)
  local ok, result = pcall(compute, probability, mask, options)
  if not ok then error(result, 2) end
  return result
end

--- Scores of several images, summarised: see fovea.evaluate.summary.
---@param rows table<string, number>[] scores of each image
---@param options? { metrics: string[]?, resamples: integer?, level: number?, seed: integer? } metrics: default all that
--- a row has; 2000 resamples, level 0.95, seed 0
---@return table<string, fovea.ScoreSummary> by metric
function M.summarise(rows, options)
  options = options or {}
  lookup.check_keys(options, { "metrics", "resamples", "level", "seed" }, "summarise")
  local result = {}
  for _, name in ipairs(options.metrics or M.names()) do
    local values, some = {}, false
    for i, row in ipairs(rows) do
      values[i], some = row[name] or 0 / 0, some or row[name] ~= nil
    end
    if some or options.metrics then result[name] = summary.of(values, options, name) end
  end
  return result
end

return M
