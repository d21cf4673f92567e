--- How good a network in training is on batches that it is not trained with: the loss, and metrics of fovea.evaluate
--- for each image and class, averaged where they have a value.
local evaluate = require "fovea.evaluate"
local output_module = require "fovea.output"
local target_module = require "fovea.train.target"

local M = {}

--- Predicted masks and probabilities of the classes that count: all of a sigmoid, all but the first of a softmax.
local function classes_of(logits, activation)
  local shape, list = logits:shape(), {}
  local probability = output_module.probabilities(logits, activation)
  local winner = activation == "softmax" and logits:argmax(2)
  for k = winner and 2 or 1, shape[2] do
    list[#list + 1] = { index = k, probability = probability:select(2, k),
      prediction = winner and winner:eq(k):reshape { shape[1], table.unpack(shape, 3) }
        or probability:select(2, k):gt(0.5) }
  end
  return list
end

local function add(sums, name, value)
  local sum = sums[name] or { sum = 0.0, count = 0 }
  sums[name] = sum
  if value == value then sum.sum, sum.count = sum.sum + value, sum.count + 1 end
end

local function score(sums, logits, target, activation, metrics)
  for _, class in ipairs(classes_of(logits, activation)) do
    local truth = target:select(2, class.index)
    for image = 1, logits:shape()[1] do
      local scores = evaluate.scores(class.probability:select(1, image), truth:select(1, image):gt(0.5),
        { prediction = class.prediction:select(1, image), metrics = metrics })
      for name, value in pairs(scores) do add(sums, name, value) end
    end
  end
end

--- Logits of the heads of the trainer for an input, as they are outside of training.
local function forward(trainer, input)
  local model = trainer.model
  local instance, message, code = model:at(input:shape())
  if not instance then return nil, message, code end
  local heads, nodes = trainer:heads(instance), {}
  for i, head in ipairs(heads) do nodes[i] = head.node end
  local plan, why, kind = model:plan(instance, { mode = "infer", taps = nodes })
  if not plan then return nil, why, kind end
  local ran, reason, failure = model:run(instance, plan, input)
  if not ran then return nil, reason, failure end
  return heads, plan
end

--- Runs all batches of a loader's first epoch.
---@param trainer fovea.Trainer
---@param loader { steps: function, batch: function }
---@param metrics string[] of fovea.evaluate
---@return table<string, number>? results `loss` and the metrics; those of the output that is explained
---@return string? message
---@return string? code
function M.run(trainer, loader, metrics)
  local sums, explained = {}, trainer.model.explained
  trainer.model:refresh()
  for step = 1, loader:steps() do
    local input, target, code = loader:batch(1, step)
    if not input then return nil, target --[[@as string]], code end
    local heads, plan, kind = forward(trainer, input)
    if not heads then return nil, plan, kind end
    local loss, shown = 0.0, nil
    for i, head in ipairs(heads) do
      local logits = assert(plan:value(head.node))
      local wanted = target_module.of(target, head.shape, head.activation)
      loss = loss + head.weight * trainer.loss.module.value(logits, wanted, trainer.loss.options, head.activation)
      if i == 1 or head.name == explained then shown = { logits, wanted, head.activation } end
    end
    add(sums, "loss", loss)
    score(sums, shown[1], shown[2], shown[3], metrics)
  end
  trainer.model:refresh()
  local results = {}
  for name, sum in pairs(sums) do results[name] = sum.count > 0 and sum.sum / sum.count or 0 / 0 end
  return results
end

return M
