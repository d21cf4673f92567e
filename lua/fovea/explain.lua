--- The operator: masked-sum class activation maps. A threshold strategy picks entries of a class map, their sum is
--- differentiated down to any layers, methods combine activations and gradients into maps (definitions 8.2 - 8.4).
--- One forward pass serves all strategies; one backward pass per strategy serves all layers and methods.
local core = require "fovea.core"
local heatmap = require "fovea.heatmap"
local image_module = require "fovea.image"
local layers = require "fovea.layers"
local lookup = require "fovea.lookup"
local methods = require "fovea.cam"
local output = require "fovea.output"
local passes = require "fovea.passes"
local preprocess = require "fovea.preprocess"
local status = require "fovea.status"
local threshold = require "fovea.threshold"

local M = {}

---@class fovea.ExplainOptions
---@field layer string|string[]|nil name or glob; default: the bottleneck and the last block before the head
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
---@field ground_truth fovea.Tensor|nil passed on to strategies

local OPTIONS = { "layer", "layers", "threshold", "thresholds", "method", "methods", "score", "reduction", "output",
  "class", "activation", "preprocess", "ground_truth" }

-- options ------------------------------------------------------------------------------------------------------------

local function one_of(value, choices, what)
  for _, choice in ipairs(choices) do
    if value == choice then return value end
  end
  error(lookup.unknown("explain: unknown " .. what, value, choices), 0)
end

--- A list from `plural`, or from `singular`, or the default.
local function list_of(options, plural, singular, default)
  local several = options[plural]
  if several ~= nil then
    if type(several) ~= "table" then error(("explain: option '%s' must be a list"):format(plural), 0) end
    return several
  end
  return { options[singular] == nil and default or options[singular] }
end

local function read_options(options)
  lookup.check_keys(options, OPTIONS, "explain", -2)
  local job = { options = options, strategies = {}, methods = {} }
  for i, spec in ipairs(list_of(options, "thresholds", "threshold", 0.5)) do
    job.strategies[i] = threshold.parse(spec)
  end
  for i, name in ipairs(list_of(options, "methods", "method", "gradcam")) do job.methods[i] = methods.method(name) end
  job.score = one_of(options.score or "logit", { "logit", "probability" }, "score")
  job.reduction = one_of(options.reduction or "sum", { "sum", "mean" }, "reduction")
  return job
end

local function check_channels(job, model)
  local channels, shape = model.source.inputs[1].dims[2], job.input:shape()
  if not channels or shape[2] == channels then return true end
  return nil, ("the model takes %d channels, the %s has %d"):format(channels, job.image and "image" or "tensor",
    shape[2]), "mismatch"
end

--- The input tensor of what was given: an image is preprocessed, a tensor with the input's rank taken as it is.
local function read_input(job, model, given)
  local is_tensor = type(given) == "userdata"
  if is_tensor and given:rank() >= 4 then
    if given:shape()[1] ~= 1 then
      error(("explain: one image at a time, the tensor is %s"):format(table.concat(given:shape(), "x")), 0)
    end
    job.input = given
    return check_channels(job, model)
  end
  job.image = image_module.of(given)
  local record = job.options.preprocess and preprocess.record(job.options.preprocess) or model.preprocess
  job.preprocess = record
  local input, geometry, code = preprocess.apply(record, job.image)
  if not input then return nil, geometry, code end
  job.input, job.geometry = input, geometry
  return check_channels(job, model)
end

local function choose_layers(job, instance)
  local options = job.options
  local wish = options.layers or options.layer
  if wish == nil then wish = layers.default(instance.graph, job.output.logits) end
  if type(wish) == "table" and wish[1] and type(wish[1]) == "table" then
    local names = {}
    for i, layer in ipairs(wish) do names[i] = layer.name or layer end
    wish = names
  end
  for _, name in ipairs(type(wish) == "table" and wish or { wish }) do
    if type(name) == "string" and #layers.select(instance.layers, name) == 0 then
      error("explain: " .. layers.unknown(instance.layers, name), 0)
    end
  end
  local chosen = {}
  for _, layer in ipairs(layers.select(instance.layers, wish)) do
    if layers.is_spatial(layer) then chosen[#chosen + 1] = layer end
  end
  if #chosen == 0 then error("explain: the choice of layers has none with spatial axes", 0) end
  job.layers, job.nodes = chosen, passes.nodes_of(instance, chosen, 0)
  job.tautological = layers.tautological(job.output.logits)
end

-- the two passes -----------------------------------------------------------------------------------------------------

local function forward(job, model)
  local instance, message, code = model:at(job.input:shape())
  if not instance then return nil, message, code end
  job.output = model:output(instance, job.options.output)
  job.activation = output.activation(job.output, job.options.activation)
  choose_layers(job, instance)
  local taps = { job.output.logits, table.unpack(job.nodes) }
  local plan, why, kind = model:plan(instance,
    { mode = "explain", taps = taps, seeds = { job.output.logits }, gradients = job.nodes })
  if not plan then return nil, why, kind end
  job.plan = plan
  local ran, reason, failure = model:run(instance, plan, job.input)
  if not ran then return nil, reason, failure end
  job.logits = assert(plan:value(job.output.logits))
  job.probabilities = output.probabilities(job.logits, job.activation)
  job.activations = {}
  for i, node in ipairs(job.nodes) do job.activations[i] = assert(plan:value(node)) end
  return true
end

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

local function choose_class(job)
  local classes = job.logits:shape()[2]
  local class = job.options.class or default_class(job.probabilities)
  if math.type(class) ~= "integer" or class < 1 or class > classes then
    error(("explain: class must be 1 to %d, not %s"):format(classes, tostring(class)), 0)
  end
  job.class = class
  local grid = { table.unpack(job.logits:shape(), 3) }
  local all = { classes, table.unpack(grid) }
  job.class_map = job.probabilities:select(2, class):reshape(grid)
  job.context = { probability = job.probabilities:reshape(all), logit = job.logits:reshape(all), class = class,
    image = job.image or job.input, ground_truth = job.options.ground_truth }
end

--- Kind of score as the seed functions name it.
local function score_kind(job)
  if job.score == "logit" or job.activation == "none" then return "logit" end
  return job.activation
end

-- maps ---------------------------------------------------------------------------------------------------------------

--- Statuses of one map, apart from those of the target.
local function map_statuses(job, picked, index, gradient, raw, statuses)
  if picked.score.saturated >= 1 and score_kind(job) ~= "logit" then statuses[#statuses + 1] = "SATURATED" end
  if picked.record.count == 0 then return end
  if gradient:abs():max() == 0 then
    statuses[#statuses + 1] = "ZERO_GRAD"
  elseif raw:max() <= 0 then
    statuses[#statuses + 1] = "ALL_NONPOSITIVE"
  end
  if raw:max() == raw:min() then statuses[#statuses + 1] = "CONSTANT" end
  if job.tautological[job.layers[index].name] then statuses[#statuses + 1] = "TAUTOLOGY" end
end

local function make_map(job, picked, index, gradient, method)
  local start = core.clock()
  local activation = job.activations[index]
  local statuses, raw = { table.unpack(picked.record.flags) }, nil
  local finite = job.finite and activation:is_finite() and gradient:is_finite()
  if finite then
    raw = method.map(activation, gradient)
    finite = raw:is_finite()
  end
  local layer, spatial = job.layers[index], { table.unpack(activation:shape(), 3) }
  if finite then
    raw = raw:reshape(spatial)
    map_statuses(job, picked, index, gradient, raw, statuses)
  else
    raw = core.zeros(spatial)
    statuses[#statuses + 1] = "NONFINITE"
  end
  local main, all = status.summary(statuses)
  return heatmap.new {
    raw = raw, layer = layer.name, layer_shape = activation:shape(), method = method.name,
    threshold = picked.record.spec, target = picked.record, count = picked.record.count,
    score = { kind = job.score, reduction = job.reduction, value = picked.score.value,
      saturated = picked.score.saturated },
    output = job.output.name, class = job.class, status = main, statuses = all,
    range = { min = raw:min(), max = raw:max(), sum = raw:sum() }, mask = picked.mask, probability = job.class_map,
    image = job.image, geometry = job.geometry, preprocess = job.preprocess,
    seconds = picked.seconds + core.clock() - start,
  }
end

--- Mask, score and gradients of one strategy: one backward pass.
local function pick(job, strategy)
  local start = core.clock()
  local mask, record = threshold.apply(strategy, job.class_map, job.context)
  local target = { kind = score_kind(job), class = job.class, axis = 2, mean = job.reduction == "mean" }
  local picked = { mask = mask, record = record, gradients = {} }
  picked.score = assert(core.cam.score(job.logits, mask, target))[1]
  local ok, message, code = job.plan:set_seed(job.output.logits, assert(core.cam.seed(job.logits, mask, target)))
  if ok then ok, message, code = job.plan:backward() end
  if not ok then return nil, message, code end
  for i, node in ipairs(job.nodes) do picked.gradients[i] = assert(job.plan:gradient(node)) end
  picked.seconds = core.clock() - start
  return picked
end

local function explain_job(model, given, options)
  local job = read_options(options or {})
  local ok, message, code = read_input(job, model, given)
  if ok then ok, message, code = forward(job, model) end
  if not ok then return nil, message, code end
  choose_class(job)
  job.finite = job.input:is_finite() and job.logits:is_finite()
  local maps = {}
  for _, strategy in ipairs(job.strategies) do
    local picked, reason, kind = pick(job, strategy)
    if not picked then return nil, reason, kind end
    for index in ipairs(job.layers) do
      for _, method in ipairs(job.methods) do
        maps[#maps + 1] = make_map(job, picked, index, picked.gradients[index], method)
      end
    end
  end
  return maps
end

--- Heat maps of all combinations of layers, thresholds and methods, from one forward pass.
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
