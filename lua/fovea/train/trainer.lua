--- A network in training: what one step does, and all that the next step depends on.
---
---     local trainer = train.new(model, { loss = "dice_bce", optimiser = { name = "adam", rate = 1e-3 } })
---     local loss = trainer:step(input, target)          -- weights and batch statistics of the model change in place
local core = require "fovea.core"
local lookup = require "fovea.lookup"
local output_module = require "fovea.output"
local part = require "fovea.train.part"
local target_module = require "fovea.train.target"

local M = {}

---@class fovea.Trainer
---@field model fovea.Model
---@field loss fovea.TrainPart
---@field optimiser fovea.TrainPart
---@field outputs table<string, number>? weights of the outputs; default: 1 each
---@field activation string? "sigmoid" or "softmax", when the model's end does not tell
---@field clip number? largest norm of the gradient of all parameters together
---@field exact boolean? convolutions by plain sums, as in fovea.explain; default: as the model says
---@field seed integer of dropout
---@field steps integer done so far
---@field slots table<string, table<string, fovea.Tensor>> moments of the optimiser, by parameter and name
---@field plans table by input shape
---@field has_fixed_statistics boolean? see fix_statistics
local Trainer = {}
Trainer.__index = Trainer

local OPTIONS = { "loss", "optimiser", "outputs", "activation", "clip", "seed", "frozen", "exact" }

local function check(options)
  if options.clip ~= nil and not (type(options.clip) == "number" and options.clip > 0) then
    error(("train: clip must be a number above 0, not %s"):format(tostring(options.clip)), 0)
  end
  if options.activation ~= nil and options.activation ~= "sigmoid" and options.activation ~= "softmax" then
    error(lookup.unknown("train: unknown activation", options.activation, { "sigmoid", "softmax" }), 0)
  end
end

--- A trainer of a model made from an architecture.
---@param model fovea.Model see fovea.arch.model
---@param options? { loss: string|table|nil, optimiser: string|table|nil, outputs: table<string, number>?,
---  activation: string?, clip: number?, seed: integer?, frozen: string[]?, exact: boolean? } loss: "dice_bce";
---  optimiser: "adam"; outputs: weights of several outputs; frozen: patterns of parameters that stay as they are
---@return fovea.Trainer
function M.new(model, options)
  options = options or {}
  lookup.check_keys(options, OPTIONS, "train")
  if not model.weights then error("train: the model is not made of an architecture (fovea.arch)", 2) end
  check(options)
  local exact = options.exact
  if exact == nil then exact = model.exact end
  return setmetatable({ model = model, exact = exact, loss = part.find("loss", options.loss or "dice_bce"),
    optimiser = part.find("optimiser", options.optimiser or "adam"), outputs = options.outputs,
    activation = options.activation, clip = options.clip, seed = options.seed or 0, frozen = options.frozen or {},
    steps = 0, slots = {}, plans = {} }, Trainer)
end

-- plans --------------------------------------------------------------------------------------------------------------

local function activation_of(trainer, output)
  local activation = trainer.activation or output_module.activation(output)
  local wanted = trainer.loss.module.activation
  if wanted and wanted ~= activation then
    error(("train: the loss %s is for a %s, output '%s' has a %s (say activation: to decide)"):format(
      trainer.loss.name, wanted, output.name, activation), 0)
  end
  return activation
end

--- The outputs that are trained, with their weights.
---@param instance fovea.Instance
---@return { name: string, node: fovea.Node, weight: number, activation: string, shape: integer[] }[]
function Trainer:heads(instance)
  local heads, names, known = {}, {}, {}
  for i, output in ipairs(instance.outputs) do
    names[i], known[output.name] = output.name, true
    local weight = self.outputs and (self.outputs[output.name] or 0) or 1
    if weight ~= 0 then
      heads[#heads + 1] = { node = output.logits, weight = weight, activation = activation_of(self, output),
        shape = output.logits:shape(), name = output.name }
    end
  end
  for name in pairs(self.outputs or {}) do
    if not known[name] then error(lookup.unknown("train: no output", name, names), 0) end
  end
  if #heads == 0 then error("train: no output has a weight", 0) end
  return heads
end

local function frozen(trainer, name)
  for _, pattern in ipairs(trainer.frozen) do
    if require("fovea.recipe.glob").matches(name, pattern) then return true end
  end
  return false
end

local function parameters_of(trainer, instance)
  local list = {}
  for _, entry in ipairs(trainer.model.parameters) do
    if not entry.statistic and not frozen(trainer, entry.name) then
      list[#list + 1] = { name = entry.name, node = instance.graph:node(entry.name) }
    end
  end
  return list
end

local function make(trainer, shape)
  local instance, message, code = trainer.model:at(shape)
  if not instance then return nil, message, code end
  local heads, parameters = trainer:heads(instance), parameters_of(trainer, instance)
  local logits, nodes = {}, {}
  for i, head in ipairs(heads) do logits[i] = head.node end
  for i, parameter in ipairs(parameters) do nodes[i] = parameter.node end
  local plan, why, kind = instance.graph:plan { mode = "train", taps = logits, seeds = logits, gradients = nodes,
    statistics = trainer.has_fixed_statistics and "running" or "batch", exact = trainer.exact }
  if not plan then return nil, why, kind end
  return { plan = plan, input = instance.input, heads = heads, parameters = parameters }
end

--- From now on batch normalisation works by the running statistics as they are, as it does after training: what is
--- learned then fits them. Shared layers (the steps of a recurrent block) need it, for their inputs differ from step to
--- step and the running statistics are a mean over all.
function Trainer:fix_statistics()
  if not self.has_fixed_statistics then self.has_fixed_statistics, self.plans = true, {} end
end

--- The plan for an input shape, kept.
---@param shape integer[]
---@return table? pass plan, input, heads, parameters
---@return string? message
---@return string? code
function Trainer:pass(shape)
  local key = table.concat(shape, "x")
  if not self.plans[key] then
    local pass, message, code = make(self, shape)
    if not pass then return nil, message, code end
    self.plans[key] = pass
  end
  return self.plans[key]
end

-- steps --------------------------------------------------------------------------------------------------------------

--- Loss over all heads; the seeds of the backward pass are set.
local function losses(trainer, pass, target)
  local sum, parts = 0.0, {}
  for i, head in ipairs(pass.heads) do
    local logits = assert(pass.plan:value(head.node))
    local wanted = target_module.of(target, head.shape, head.activation)
    local value, gradient = trainer.loss.module.value(logits, wanted, trainer.loss.options, head.activation)
    if not value then return nil, gradient end
    sum, parts[i] = sum + head.weight * value, value
    if head.weight ~= 1 then gradient = gradient * head.weight end
    assert(pass.plan:set_seed(head.node, gradient))
  end
  return sum, parts
end

local function gradients_of(pass)
  local list, squares = {}, 0.0
  for i, parameter in ipairs(pass.parameters) do
    list[i] = assert(pass.plan:gradient(parameter.node))
    squares = squares + core.train.square_sum(list[i])
  end
  return list, math.sqrt(squares)
end

local function slots_of(trainer, name)
  local slots = trainer.slots[name]
  if not slots then
    slots = {}
    for _, slot in ipairs(trainer.optimiser.module.slots(trainer.optimiser.options)) do
      slots[slot] = assert(core.full(trainer.model.weights[name]:shape(), 0))
    end
    trainer.slots[name] = slots
  end
  return slots
end

local function update(trainer, pass, gradients, norm, rate)
  local module, clip = trainer.optimiser.module, trainer.clip
  local settings = module.settings(trainer.optimiser.options, { step = trainer.steps, rate = rate,
    scale = clip and norm > clip and clip / norm or 1 })
  for i, parameter in ipairs(pass.parameters) do
    local weights = trainer.model.weights[parameter.name]
    module.update(weights, gradients[i], slots_of(trainer, parameter.name), settings)
  end
end

--- Pass numbers of dropout: other ones for every seed and step.
local function run_number(trainer) return (trainer.seed % 0x7fffffff) << 32 | (trainer.steps + 1) end

local function finite(number) return number == number and math.abs(number) < math.huge end

--- One step: forward, loss, backward, update. Nothing but batch statistics changes when the loss or the gradient is not
--- finite.
---@param input fovea.Tensor N C H W
---@param target fovea.Tensor N K H W, 0 to 1
---@param rate? number learning rate; default: that of the optimiser
---@return number? loss
---@return string|{ norm: number, parts: number[] } message_or_details norm of the gradient before clipping, loss of
--- each output
---@return string? code "nonfinite", "memory", ...
function Trainer:step(input, target, rate)
  local pass, message, code = self:pass(input:shape())
  if not pass then return nil, message --[[@as string]], code end
  pass.plan:set_run(run_number(self))
  assert(pass.plan:set_input(pass.input, input))
  local ran, why, kind = pass.plan:forward()
  if not ran then return nil, why, kind end
  local loss, parts = losses(self, pass, target)
  if not loss then return nil, parts, "memory" end
  if not finite(loss) then return nil, ("the loss is %s"):format(loss), "nonfinite" end
  assert(pass.plan:backward())
  local gradients, norm = gradients_of(pass)
  if not finite(norm) then return nil, ("the norm of the gradient is %s"):format(norm), "nonfinite" end
  self.steps = self.steps + 1
  update(self, pass, gradients, norm, rate or self.optimiser.options.rate)
  return loss, { norm = norm, parts = parts }
end

M.Trainer = Trainer

return M
