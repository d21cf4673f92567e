--- What a benchmark runs: tasks over a model and an input. They use plans directly, as a program does that runs a model
--- many times; what is not part of the question (reading files, drawing) is outside.
local budget = require "fovea.budget"
local bytes = require "fovea.bytes"
local passes = require "fovea.passes"
local tensor = require "fovea.tensor"

local M = {}

---@class fovea.BenchTask
---@field run function runs the task once
---@field plan fovea.Plan what it runs
---@field macs number multiply-accumulates of the forward pass of the network, of one image
---@field results fun(): fovea.Tensor[] what the last run computed

local function macs_of(instance)
  local sum = 0
  for _, layer in ipairs(instance.layers) do sum = sum + layer.macs end
  return sum
end

local function opened(model, input)
  local instance = assert(model:at(input:shape()))
  return instance, model:output(instance).logits
end

--- Within the memory that the model is allowed.
local function compiled(model, instance, spec)
  spec.exact = model.exact
  return (assert(budget.plan(model, instance, spec, model.memory and bytes.parse(model.memory, "memory"))))
end

--- The forward pass: logits.
---@param model fovea.Model
---@param input fovea.Tensor
---@return fovea.BenchTask
function M.forward(model, input)
  local instance, logits = opened(model, input)
  local plan, value = compiled(model, instance, { mode = "infer", taps = { logits } }), nil
  return {
    plan = plan, macs = macs_of(instance),
    run = function()
      assert(plan:set_input(instance.input, input))
      assert(plan:forward())
      value = assert(plan:value(logits))
    end,
    results = function() return { value } end,
  }
end

--- Grad-CAM maps of masked sums of logits: one forward pass, one backward pass for each mask, maps of all layers.
---@param model fovea.Model
---@param input fovea.Tensor
---@param layers string[]
---@param masks? fovea.Tensor[] shape of the logits; default: all ones
---@return fovea.BenchTask results: layer by layer for the first mask, then for the second, ...
function M.maps(model, input, layers, masks)
  local instance, logits = opened(model, input)
  local nodes, maps = passes.nodes_of(instance, layers, 2), {}
  local plan = compiled(model, instance, { mode = "explain", taps = { logits, table.unpack(nodes) }, seeds = { logits },
    means = nodes })
  masks = masks or { assert(tensor.full(logits:shape(), 1)) }
  local function weights(mask)
    local list = {}
    assert(plan:set_seed(logits, mask))
    assert(plan:backward())
    for i, node in ipairs(nodes) do list[i] = assert(plan:gradient_means(node)) end
    return list
  end
  return {
    plan = plan, macs = macs_of(instance),
    run = function()
      assert(plan:set_input(instance.input, input))
      assert(plan:forward())
      local found = {}
      for k, mask in ipairs(masks) do
        for i, alpha in ipairs(weights(mask)) do
          found[i] = found[i] or {}
          found[i][k] = alpha
        end
      end
      for i, node in ipairs(nodes) do maps[i] = assert(plan:maps(node, assert(tensor.concat(found[i], 1)))) end
    end,
    results = function()
      local list, items = {}, input:shape()[1]
      for k = 1, #masks do
        for _, all in ipairs(maps) do list[#list + 1] = all:slice(1, (k - 1) * items + 1, k * items) end
      end
      return list
    end,
  }
end

--- Bars across an axis: for each of `count` equal parts a vector that is 1 inside, shaped to broadcast.
local function bars(size, count, shape)
  local list = {}
  for k = 1, count do
    local values = {}
    for i = 1, size do values[i] = (i > (k - 1) * size // count and i <= k * size // count) and 1 or 0 end
    list[k] = assert(tensor.tensor(shape, values))
  end
  return list
end

--- Images with one square after the other set to zero, in a grid over the image.
local function occlusions(input, count)
  local shape, side = input:shape(), math.ceil(math.sqrt(count))
  local height, width = shape[#shape - 1], shape[#shape]
  local rows, columns = bars(height, side, { height, 1 }), bars(width, side, { 1, width })
  return function(index)
    return input * (1 - rows[index // side % side + 1] * columns[index % side + 1])
  end
end

--- Scores (sums of logits in a mask) of an input of which one square after the other is set to zero, in batches.
---@param model fovea.Model
---@param input fovea.Tensor one image
---@param mask fovea.Tensor shape of the logits
---@param options { count: integer, batch: integer } how many squares; how many images at once
---@return fovea.BenchTask results: the scores
function M.perturbations(model, input, mask, options)
  local shape, batch = input:shape(), options.batch
  shape[1] = batch
  local instance, logits = opened(model, assert(tensor.zeros(shape)))
  local plan = assert(instance.graph:plan { mode = "infer", taps = { logits } })
  local occluded, scores = occlusions(input, options.count), {}
  return {
    plan = plan, macs = macs_of(instance) / batch,
    run = function()
      scores = {}
      for first = 0, options.count - 1, batch do
        local images = {}
        for i = 1, batch do images[i] = occluded(first + i - 1) end
        assert(plan:set_input(instance.input, assert(tensor.concat(images, 1))))
        assert(plan:forward())
        local sums = (assert(plan:value(logits)) * mask):reshape { batch, -1 }:sum { 2 }
        for _, score in ipairs(sums:values()) do scores[#scores + 1] = score end
      end
    end,
    results = function()
      return { assert(tensor.tensor({ options.count }, table.move(scores, 1, options.count, 1, {}))) }
    end,
  }
end

return M
