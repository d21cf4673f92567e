--- Metrics: numbers that say something about a heat map (definitions 9), one per file of this folder, found by name:
---
---     return {
---       name = "energy_inside",
---       summary = "one line",
---       parameters = { { name = "reference", default = "target", choices = { ... } } },   -- optional
---       compute = function(view, parameters) return value, status end,
---     }
---
--- or any function `(view) -> value`. A view is what a metric may look at, at the image's resolution: `view:map()`, the
--- positive map; `view:signed()`; `view:reference(name)`, a mask; `view.heat`, the heat map itself. A value that does
--- not exist is NaN, never 0 (definitions 9.1), and an empty target has none.
local lookup = require "fovea.lookup"

local M = {}

M.NAN = 0 / 0

--- References that the metrics of localisation know.
M.REFERENCES = { "target", "ground_truth" }

---@class fovea.Metric
---@field name string
---@field spec string text form, the name of its column: "pointing_game:ground_truth,tolerance=15"
---@field parameters table
---@field needs_truth boolean whether a ground truth mask is compared with
---@field compute fun(view: fovea.MetricView, parameters: table): number, string?

---@class fovea.MetricView
---@field heat fovea.Heatmap
---@field truth fovea.Tensor? at the image's resolution
local View = {}
View.__index = View

--- The positive map at the image's resolution, not normalised.
---@return fovea.Tensor
function View:map()
  self.positive = self.positive or self.heat:display { normaliser = "none" }
  return self.positive
end

--- The signed map at the image's resolution, not normalised.
---@return fovea.Tensor
function View:signed()
  self.whole = self.whole or self.heat:display { sign = "signed", normaliser = "none" }
  return self.whole
end

--- Mid-ranks of the positive map, shaped like it.
---@return fovea.Tensor
function View:ranks()
  self.ranked = self.ranked or self:map():ranks()
  return self.ranked
end

--- Mask (0 and 1) of the explained pixels, or of the ground truth, shaped like the map; nil when there is none.
---@param name "target"|"ground_truth"
---@return fovea.Tensor?
function View:reference(name)
  if name == "target" then return self.heat:image_mask():ne(0) end
  return self.truth and self.truth:reshape(self:map():shape()):ne(0)
end

--- The predicted probability at the image's resolution.
---@return fovea.Tensor
function View:probability() return self.heat:at_image(self.heat.probability) end

--- What metrics see of a heat map.
---@param heat fovea.Heatmap
---@param truth? fovea.Tensor ground truth mask at the image's resolution
---@return fovea.MetricView
function M.view(heat, truth) return setmetatable({ heat = heat, truth = truth }, View) end

-- from a specification to a metric -----------------------------------------------------------------------------------

local function checked(metric, parameter, value)
  if value == nil then return parameter.default end
  if type(value) ~= type(parameter.default) then
    error(("metric '%s': %s must be a %s, not '%s'"):format(metric.name, parameter.name, type(parameter.default),
      tostring(value)), 0)
  end
  for _, choice in ipairs(parameter.choices or { value }) do
    if choice == value then return value end
  end
  error(lookup.unknown(("metric '%s': unknown %s"):format(metric.name, parameter.name), value, parameter.choices), 0)
end

--- "NAME:ARGUMENT,KEY=VALUE" as a name and parameters.
local function from_text(text)
  local name, rest = text:match "^%s*([^:]-)%s*:%s*(.-)%s*$"
  local metric = lookup.load("fovea.metric", name or text, "metric: unknown metric")
  local given, position = {}, 0
  for argument in (rest or ""):gmatch "[^,]+" do
    local key, value = argument:match "^([%a_]+)=(.*)$"
    if not key then
      position = position + 1
      local parameter = (metric.parameters or {})[position]
      if not parameter then error(("metric '%s': too many arguments, at '%s'"):format(metric.name, argument), 0) end
      key, value = parameter.name, argument
    end
    given[key] = tonumber(value) or value
  end
  return metric, given
end

local function spec_text(metric, parameters)
  local parts = {}
  for _, parameter in ipairs(metric.parameters or {}) do
    local value = parameters[parameter.name]
    if value ~= parameter.default then
      local text = type(value) == "number" and ("%.10g"):format(value) or tostring(value)
      parts[#parts + 1] = parameter.choices and text or ("%s=%s"):format(parameter.name, text)
    end
  end
  return #parts == 0 and metric.name or ("%s:%s"):format(metric.name, table.concat(parts, ","))
end

local function complete(metric, given)
  local parameters, known = {}, {}
  for i, parameter in ipairs(metric.parameters or {}) do
    known[i] = parameter.name
    parameters[parameter.name] = checked(metric, parameter, given[parameter.name])
  end
  lookup.check_keys(given, known, ("metric '%s'"):format(metric.name), -2)
  local needs_truth = false
  for _, value in pairs(parameters) do needs_truth = needs_truth or value == "ground_truth" end
  return { name = metric.name, spec = spec_text(metric, parameters), parameters = parameters,
    needs_truth = needs_truth, compute = metric.compute }
end

local function parse(spec)
  if type(spec) == "string" then return complete(from_text(spec)) end
  if type(spec) == "function" then return complete({ name = "function", compute = spec }, {}) end
  if type(spec) ~= "table" then error("metric: a name, a table or a function is expected, not a " .. type(spec), 0) end
  if spec.spec then return spec end
  if type(spec.compute) == "function" then return complete(spec, {}) end
  local name, given = spec.name or spec[1], {}
  if type(name) ~= "string" then error("metric: a table needs a name, as in { name = \"gini\" }", 0) end
  for key, value in pairs(spec) do
    if key ~= "name" and key ~= 1 then given[key] = value end
  end
  return complete(lookup.load("fovea.metric", name, "metric: unknown metric"), given)
end

--- The metric that a specification means: a name ("gini"), a text ("pointing_game:ground_truth,tolerance=15"), a table
--- (`{ name = "pointing_game", tolerance = 15 }`, or a whole metric), or a function. Raises for anything else.
---@param spec string|table|function|fovea.Metric
---@return fovea.Metric
function M.parse(spec)
  local ok, result = pcall(parse, spec)
  if not ok then error(result, 2) end
  return result
end

--- Names of the metrics that are there.
---@return string[]
function M.names() return lookup.names "fovea.metric" end

-- computing ----------------------------------------------------------------------------------------------------------

local NO_MAP = { EMPTY_TARGET = true, NONFINITE = true }

--- The value of a metric for a heat map; NaN where there is none (empty target, no map, no ground truth).
---@param spec any as for `parse`
---@param heat fovea.Heatmap|fovea.MetricView a view serves several metrics
---@param truth? fovea.Tensor ground truth mask at the image's resolution
---@return number value
---@return string? status "TIES" when the value hangs on the order of equal values
function M.compute(spec, heat, truth)
  local metric = M.parse(spec)
  local view = getmetatable(heat) == View and heat or M.view(heat, truth)
  if NO_MAP[view.heat.status] then return M.NAN end
  if metric.needs_truth and not view.truth then return M.NAN end
  local value, status = metric.compute(view, metric.parameters)
  if type(value) ~= "number" then
    error(("metric '%s' returned a %s instead of a number"):format(metric.spec, type(value)), 2)
  end
  return value, status
end

--- Sum of the products of two tensors, each rounded to single precision, added up in double.
---@param a fovea.Tensor
---@param b fovea.Tensor
---@return number
function M.dot(a, b) return (a * b):sum() end

--- Pearson's correlation of two tensors of one size; NaN when one of them is constant.
---@param a fovea.Tensor
---@param b fovea.Tensor
---@return number
function M.pearson(a, b)
  a, b = a - a:mean(), b - b:mean()
  local scale = math.sqrt(M.dot(a, a) * M.dot(b, b))
  return scale == 0 and M.NAN or M.dot(a, b) / scale
end

--- Spearman's rank correlation of two tensors of one size, mid-ranks for ties; NaN when one of them is constant.
---@param a fovea.Tensor
---@param b fovea.Tensor
---@return number
function M.spearman(a, b) return M.pearson(a:flatten():ranks(), b:flatten():ranks()) end

return M
