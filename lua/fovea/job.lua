--- A job: one image through one model, ready for any number of targets. Options are read, the forward pass has run, and
--- each seed costs one backward pass.
local image_module = require "fovea.image"
local layers = require "fovea.layers"
local lookup = require "fovea.lookup"
local methods = require "fovea.cam"
local output = require "fovea.output"
local passes = require "fovea.passes"
local preprocess = require "fovea.preprocess"
local target = require "fovea.target"
local tensor = require "fovea.tensor"

local M = {}

---@class fovea.Job
---@field options table
---@field input fovea.Tensor
---@field image fovea.Image?
---@field geometry fovea.Geometry?
---@field preprocess table?
---@field plan fovea.Plan
---@field output fovea.Output
---@field activation string
---@field logits fovea.Tensor
---@field probabilities fovea.Tensor
---@field class integer
---@field class_map fovea.Tensor probability of the class on the grid
---@field context table what strategies get to see
---@field layers fovea.Layer[]
---@field nodes fovea.Node[] of the layers
---@field means boolean a method makes do with the means of gradients, which the plan takes where they lie
---@field whole boolean a method wants whole gradients
---@field activations fovea.Tensor[] of the layers, when gradients are whole
---@field methods fovea.Method[]
---@field score string
---@field reduction string
---@field finite boolean input and logits are
---@field tautological table<string, boolean>
---@field doubt string? the output does not look like what it is taken for
local Job = {}
Job.__index = Job

--- Options that every kind of job takes.
M.OPTIONS = { "layer", "layers", "method", "methods", "score", "reduction", "output", "class", "activation",
  "preprocess", "ground_truth", "ground_truth_label", "spacing", "exact", "precision", "memory" }

--- A choice, or an error with what there is to choose from.
---@param value any
---@param choices string[]
---@param what string
---@return string
function M.one_of(value, choices, what)
  for _, choice in ipairs(choices) do
    if value == choice then return value end
  end
  error(lookup.unknown("explain: unknown " .. what, value, choices), 0)
end

--- A list from `plural`, or from `singular`, or the default.
---@param options table
---@param plural string
---@param singular string
---@param default any
---@return any[]
function M.list_of(options, plural, singular, default)
  local several = options[plural]
  if several ~= nil then
    if type(several) ~= "table" then error(("explain: option '%s' must be a list"):format(plural), 0) end
    return several
  end
  return { options[singular] == nil and default or options[singular] }
end

local function check_channels(job, model)
  local channels, shape = model.source.inputs[1].dims[2], job.input:shape()
  if not channels or shape[2] == channels then return true end
  return nil, ("the model takes %d channels, the %s has %d"):format(channels, job.image and "image" or "tensor",
    shape[2]), "mismatch"
end

--- Sets the input tensor of a job from what was given: an image is preprocessed, a tensor with the input's rank taken
--- as it is.
---@param job table with `options`; gets `input`, and `image`, `geometry` and `preprocess` for an image
---@param model fovea.Model
---@param given fovea.Image|fovea.Tensor
---@return true? done
---@return string? message
---@return string? code
function M.read_input(job, model, given)
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

--- Whether a wish is the word for the layers that an architecture is worth explaining at (alone, or as a list).
local function is_candidates(wish)
  return wish == "candidates" or (type(wish) == "table" and #wish == 1 and wish[1] == "candidates")
end

local function choose_layers(job, instance, model)
  local options = job.options
  local wish = options.layers or options.layer
  if is_candidates(wish) then wish = model.candidates end
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
    if layers.is_map(layer, job.input:shape()) then chosen[#chosen + 1] = layer end
  end
  if #chosen == 0 then
    error("explain: the choice of layers has none with the batch and the spatial axes of the input", 0)
  end
  job.layers, job.nodes = chosen, passes.nodes_of(instance, chosen, 0)
  job.tautological = layers.tautological(job.output.logits)
end

local function forward(job, model)
  local instance, message, code = model:at(job.input:shape())
  if not instance then return nil, message, code end
  job.output = model:output(instance, job.options.output)
  job.activation = output.activation(job.output, job.options.activation)
  choose_layers(job, instance, model)
  local taps = { job.output.logits, table.unpack(job.nodes) }
  local plan, why, kind = model:plan(instance,
    { mode = "explain", taps = taps, seeds = { job.output.logits }, exact = job.options.exact,
      precision = job.options.precision, memory = job.options.memory, means = job.means and job.nodes or nil,
      gradients = job.whole and job.nodes or nil })
  if not plan then return nil, why, kind end
  job.plan = plan
  local ran, reason, failure = model:run(instance, plan, job.input)
  if not ran then return nil, reason, failure end
  job.logits = assert(plan:value(job.output.logits))
  job.probabilities = output.probabilities(job.logits, job.activation)
  job.activations = {}
  for i, node in ipairs(job.whole and job.nodes or {}) do job.activations[i] = assert(plan:value(node)) end
  return true
end

--- A reason to doubt that the output is what it is taken for; nil when there is none.
local function doubt(job)
  if job.output.in_graph or job.options.activation or not job.finite then return nil end
  if job.logits:min() < 0 or job.logits:max() > 1 then return nil end
  return ("all values of output '%s' lie in 0..1: if they are probabilities, say so (activation \"none\")")
    :format(job.output.name)
end

--- Runs the forward pass. Raises for misuse with level 0.
---@param model fovea.Model
---@param given fovea.Image|fovea.Tensor
---@param options table those of M.OPTIONS, which the caller has checked
---@return fovea.Job? job
---@return string? message
---@return string? code
function M.new(model, given, options)
  local job = setmetatable({ options = options, methods = {}, means = false, whole = false, known = {} }, Job)
  for i, name in ipairs(M.list_of(options, "methods", "method", "gradcam")) do
    job.methods[i] = methods.method(name)
    job[job.methods[i].means and "means" or "whole"] = true
  end
  job.score = M.one_of(options.score or "logit", { "logit", "probability" }, "score")
  job.reduction = M.one_of(options.reduction or "sum", { "sum", "mean" }, "reduction")
  local truth, complaint, kind = target.read_truth(options.ground_truth, options.ground_truth_label)
  if truth == nil then return nil, complaint, kind end
  job.truth = truth
  local ok, message, code = M.read_input(job, model, given)
  if ok then ok, message, code = forward(job, model) end
  if not ok then return nil, message, code end
  job.class = target.class(job.probabilities, options.class)
  job.context = target.context(job)
  job.class_map = job.probabilities:select(2, job.class):reshape(job.context.shape)
  job.finite = job.input:is_finite() and job.logits:is_finite()
  job.doubt = doubt(job)
  return job
end

---@class fovea.Answer what a seed says about a layer
---@field is_zero boolean its gradient is
---@field is_finite boolean
---@field gradient fovea.Tensor? that gradient, in a job that has it whole
---@field weights fovea.Tensor? its means over the positions, one for each channel, in a job that has means
---@field map fovea.Tensor? the map that the weights make, when it is known already

--- What there is to know of a gradient.
---@param gradient fovea.Tensor
---@return fovea.Answer
function M.answer(gradient)
  return { gradient = gradient, is_zero = not gradient:any(), is_finite = gradient:is_finite() }
end

local function answer_of(job, node)
  local answer = job.whole and M.answer(assert(job.plan:gradient(node))) or nil
  if not job.means then return answer end
  local weights, magnitudes = job.plan:gradient_means(node)
  assert(weights, magnitudes)
  answer = answer or { is_zero = not magnitudes:any(), is_finite = magnitudes:is_finite() }
  answer.weights = weights
  return answer
end

--- The answer to a seed of zeros.
---@param index integer of the layer
---@return fovea.Answer
function Job:nothing(index)
  local answer = { is_zero = true, is_finite = true }
  if self.means then answer.weights = assert(tensor.zeros { self.nodes[index]:shape()[2] }) end
  if self.whole then answer.gradient = self.activations[index] * 0 end
  return answer
end

--- The answers to the same seed, if it was asked before.
local function recall(job, seed)
  local entry = job.known[seed:hash()]
  return entry and entry.seed:equal(seed) and entry.answers or nil
end

--- One backward pass: answers for the layers, in their order. A question that was asked before costs nothing when no
--- gradients are to be kept for that.
---@param seed fovea.Tensor shape of the logits
---@return fovea.Answer[]? answers
---@return string? message
---@return string? code
function Job:ask(seed)
  local answers = recall(self, seed)
  if answers then return answers end
  local ok, message, code = self.plan:set_seed(self.output.logits, seed)
  if ok then ok, message, code = self.plan:backward() end
  if not ok then return nil, message, code end
  answers = {}
  for i, node in ipairs(self.nodes) do answers[i] = answer_of(self, node) end
  if not self.whole then self.known[seed:hash()] = { seed = seed, answers = answers } end
  return answers
end

--- Makes the maps for many answers of means at once: the activations are read a single time.
---@param list fovea.Answer[][] of several seeds
function Job:combine(list)
  if #list == 0 then return end
  for i, node in ipairs(self.nodes) do
    local weights = {}
    for k, answers in ipairs(list) do weights[k] = answers[i].weights end
    local maps = assert(self.plan:maps(node, assert(tensor.concat(weights, 1))))
    for k, answers in ipairs(list) do answers[i].map = assert(maps:slice(1, k, k)) end
  end
end

--- The raw map of a method.
---@param index integer of the layer
---@param answer fovea.Answer
---@param method fovea.Method
---@return fovea.Tensor
function Job:map(index, answer, method)
  if method.means and answer.map then return answer.map end
  if method.means and answer.weights then return assert(self.plan:maps(self.nodes[index], answer.weights)) end
  return method.map(self.activations[index], answer.gradient)
end

--- Whether maps of a layer can be made at all. (Those of means tell by themselves.)
---@param index integer
---@param answer fovea.Answer
---@return boolean
function Job:is_sound(index, answer)
  local activation = self.activations[index]
  return self.finite and answer.is_finite and (not activation or activation:is_finite())
end

return M
