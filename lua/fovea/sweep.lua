--- Threshold sweeps: how a map changes with the threshold. One forward pass; the levels are cut into disjoint bands
--- (T13), each band costs one backward pass, and gradients add up from the highest band down (oracle 10). Maps of
--- first-order methods are added in the same way, others are made anew from the summed gradients.
local core = require "fovea.core"
local explain = require "fovea.explain"
local jobs = require "fovea.job"
local lookup = require "fovea.lookup"
local metric = require "fovea.metric"
local panel = require "fovea.panel"
local plot = require "fovea.plot"
local targets = require "fovea.target"
local threshold = require "fovea.threshold"

local M = {}

---@class fovea.SweepOptions: fovea.ExplainOptions
---@field from number|nil first threshold on the probability; default 0.05
---@field to number|nil last one; default 0.95
---@field steps integer|nil how many; default 19
---@field thresholds number[]|nil instead of from, to and steps
---@field reference number|nil threshold that the others are compared with: the nearest of the sweep is taken; 0.5

---@class fovea.SweepSeries one layer and method
---@field layer string
---@field method string
---@field maps fovea.Heatmap[] one per threshold

---@class fovea.Sweep
---@field thresholds number[] ascending
---@field counts integer[] pixels above each
---@field scores number[]
---@field series fovea.SweepSeries[]
---@field maps fovea.Heatmap[] of the first series
---@field reference integer position of the reference threshold
---@field backward_passes integer
---@field seconds number
local Sweep = {}
Sweep.__index = Sweep

local OPTIONS = { "from", "to", "steps", "thresholds", "reference", table.unpack(jobs.OPTIONS) }

local function thresholds_of(options)
  local list = {}
  if options.thresholds then
    list = { table.unpack(options.thresholds) }
  else
    local from, to, steps = options.from or 0.05, options.to or 0.95, options.steps or 19
    if math.type(steps) ~= "integer" or steps < 1 then
      error("sweep_thresholds: steps must be a whole number from 1 on, not " .. tostring(steps), 0)
    end
    for i = 1, steps do list[i] = steps == 1 and from or from + (to - from) * (i - 1) / (steps - 1) end
  end
  for i, value in ipairs(list) do
    if type(value) ~= "number" or not (value >= 0 and value <= 1) then
      error(("sweep_thresholds: %s is not a probability"):format(tostring(value)), 0)
    end
    if i > 1 and value <= list[i - 1] then error("sweep_thresholds: thresholds must rise", 0) end
  end
  if #list == 0 then error("sweep_thresholds: no thresholds", 0) end
  return list
end

local function nearest(list, wish)
  local best = 1
  for i, value in ipairs(list) do
    if math.abs(value - wish) < math.abs(list[best] - wish) then best = i end
  end
  return best
end

--- What is summed up from the highest band down: answers by layer, maps by layer and first-order method.
local function accumulator(job)
  local sum = { answers = {}, maps = {}, passes = 0, linear = true }
  for _, method in ipairs(job.methods) do sum.linear = sum.linear and method.first_order end
  for i in ipairs(job.layers) do
    sum.answers[i], sum.maps[i] = job:nothing(i), {}
  end
  return sum
end

--- Gradients stay out, unless a method wants to see their sum.
local function add_answer(sum, i, answer)
  local all = sum.answers[i]
  all.is_zero, all.is_finite = all.is_zero and answer.is_zero, all.is_finite and answer.is_finite
  if not sum.linear then all.gradient = all.gradient + answer.gradient end
end

local function add_band(job, sum, band)
  if not band:any() then return true end
  local seed = targets.seed(job, { terms = { { class = job.class, weights = band } } })
  local answers, message, code = job:ask(seed)
  if not answers then return nil, message, code end
  sum.passes = sum.passes + 1
  for i, answer in ipairs(answers) do
    add_answer(sum, i, answer)
    for k, method in ipairs(job.methods) do
      if method.first_order then
        local map = job:map(i, answer, method)
        sum.maps[i][k] = sum.maps[i][k] and sum.maps[i][k] + map or map
      end
    end
  end
  return true
end

--- Maps of one threshold, by layer and method, from what has been summed up.
local function maps_at(job, sum, picked)
  local maps, scale = {}, 1
  if picked.score.reduction == "mean" and picked.record.count > 0 then scale = 1 / picked.record.count end
  for i in ipairs(job.layers) do
    for k, method in ipairs(job.methods) do
      local ready = sum.maps[i][k]
      local answer = sum.linear and sum.answers[i] or jobs.answer(sum.answers[i].gradient * scale)
      local make = ready and function() return scale == 1 and ready or ready * scale end
      maps[#maps + 1] = explain.make_map(job, picked, i, answer, method, make)
    end
  end
  return maps
end

local function sweep_job(job, list)
  local sum, columns, above = accumulator(job), {}, nil
  local reduction = job.reduction
  for i = #list, 1, -1 do
    local start = core.clock()
    local target = targets.targets(job, threshold.fixed(list[i]))[1]
    local band = above and target.mask - above or target.mask
    above = target.mask
    job.reduction = "sum" -- of the bands: means do not add
    local ok, message, code = add_band(job, sum, band)
    job.reduction = reduction
    if not ok then return nil, message, code end
    local picked = { mask = target.mask, record = target.record, score = targets.score(job, target),
      seconds = core.clock() - start }
    columns[i] = { picked = picked, maps = maps_at(job, sum, picked) }
  end
  return columns, sum.passes
end

local function series_of(columns)
  local series = {}
  for n, first in ipairs(columns[1].maps) do
    series[n] = { layer = first.layer, method = first.method, maps = {} }
    for i, column in ipairs(columns) do series[n].maps[i] = column.maps[n] end
  end
  return series
end

local function run(model, image, options)
  options = options or {}
  lookup.check_keys(options, OPTIONS, "sweep_thresholds", -2)
  local start, list = core.clock(), thresholds_of(options)
  local job, message, code = jobs.new(model, image, options)
  if not job then return nil, message, code end
  local columns, passes, kind = sweep_job(job, list)
  if not columns then return nil, passes, kind end
  local sweep = { thresholds = list, counts = {}, scores = {}, series = series_of(columns), backward_passes = passes,
    reference = nearest(list, options.reference or 0.5), seconds = core.clock() - start, curves = {} }
  for i, column in ipairs(columns) do
    sweep.counts[i], sweep.scores[i] = column.picked.record.count, column.picked.score.value
  end
  sweep.maps = sweep.series[1].maps
  return setmetatable(sweep, Sweep)
end

--- Maps of a model at many thresholds, from one forward pass and one backward pass per level that has pixels.
---@param model fovea.Model
---@param image fovea.Image|fovea.Tensor
---@param options? fovea.SweepOptions those of fovea.explain but for the strategies, and from, to, steps
---@return fovea.Sweep? sweep
---@return string? message
---@return string? code
function M.sweep_thresholds(model, image, options)
  local results = table.pack(pcall(run, model, image, options))
  if not results[1] then error(results[2], 2) end
  return table.unpack(results, 2, results.n)
end

--- Stability with the threshold (R8): Spearman's correlation of the positive map with that of the reference threshold,
--- at the layer's resolution; and the mean of the curve over the thresholds (trapezoids). A constant map has no
--- order: the curve is NaN there, and the mean is over the rest.
---@param number? integer series, default 1
---@return number[] curve
---@return number area
---@return number covered part of the range of thresholds that the mean is over
function Sweep:stability(number)
  number = number or 1
  local curve = self.curves[number]
  if not curve then
    curve = {}
    local maps = self.series[number].maps
    local reference = maps[self.reference].raw:relu():flatten():ranks()
    for i, heat in ipairs(maps) do curve[i] = metric.pearson(heat.raw:relu():flatten():ranks(), reference) end
    self.curves[number] = curve
  end
  if #curve == 1 then return curve, curve[1], 1 end
  local area, width = 0, 0
  for i = 2, #curve do
    local height, step = (curve[i] + curve[i - 1]) / 2, self.thresholds[i] - self.thresholds[i - 1]
    if height == height then area, width = area + height * step, width + step end
  end
  return curve, area / width, width / (self.thresholds[#curve] - self.thresholds[1])
end

--- A picture no wider than asked for.
local function shrunk(picture, width)
  local shape = picture:shape()
  if shape[3] <= width then return picture end
  local height = math.max(1, math.floor(shape[2] * width / shape[3] + 0.5))
  return picture:reshape({ 1, shape[1], shape[2], shape[3] }):resize({ height, width }):reshape { 3, height, width }
end

--- Overlays of some thresholds side by side.
---@param options? { series: integer?, columns: integer?, width: integer?, sign: string?, colormap: string? } series: 1;
--- columns: at most 6; width of each: 320
---@return fovea.Tensor picture
function Sweep:strip(options)
  options = options or {}
  lookup.check_keys(options, { "series", "columns", "width", "sign", "colormap" }, "strip")
  local series = self.series[options.series or 1]
  local n = math.min(options.columns or 6, #self.thresholds)
  local items = {}
  for i = 1, n do
    local at = n == 1 and self.reference or 1 + (i - 1) * (#self.thresholds - 1) // (n - 1)
    local heat = series.maps[at]
    local picture = shrunk(heat:overlay { sign = options.sign, colormap = options.colormap }, options.width or 320)
    items[i] = { picture = picture, title = ("%s   %d px"):format(panel.number(self.thresholds[at]), heat.count) }
  end
  return panel.row(items, { caption = ("%s   %s"):format(series.layer, series.method) })
end

--- Stability of all series and the number of pixels over the threshold.
---@param options? { width: integer?, height: integer? } of each plot
---@return fovea.Tensor picture
function Sweep:plot(options)
  options = options or {}
  lookup.check_keys(options, { "width", "height" }, "plot")
  local lines, low = {}, 0
  for i, series in ipairs(self.series) do
    local curve = self:stability(i)
    for _, value in ipairs(curve) do
      if value < low then low = -1 end
    end
    lines[i] = { x = self.thresholds, y = curve, label = ("%s %s"):format(series.layer, series.method) }
  end
  local mark = self.thresholds[self.reference]
  local function draw(what)
    what.width, what.height, what.mark, what.x_label = options.width, options.height, mark, "threshold"
    return plot.lines(what)
  end
  return plot.stack {
    draw { lines = lines, y_range = { low, 1 },
      title = ("stability: rank correlation with the map at %s"):format(panel.number(mark)) },
    draw { lines = { { x = self.thresholds, y = self.counts } }, title = "pixels above the threshold" },
  }
end

function Sweep:__tostring()
  local rows = { ("fovea.Sweep: %d thresholds, %d series, %d backward passes, %.2f s"):format(#self.thresholds,
    #self.series, self.backward_passes, self.seconds), "threshold    pixels         score  status" }
  for i, value in ipairs(self.thresholds) do
    rows[#rows + 1] = ("%9.4g %9d %13.6g  %s%s"):format(value, self.counts[i], self.scores[i], self.maps[i].status,
      i == self.reference and "  (reference)" or "")
  end
  for i, series in ipairs(self.series) do
    local _, area, covered = self:stability(i)
    rows[#rows + 1] = ("%s %s: stability %.4f%s"):format(series.layer, series.method, area,
      covered < 1 and (" over %.0f %% of the range"):format(covered * 100) or "")
  end
  return table.concat(rows, "\n")
end

return M
