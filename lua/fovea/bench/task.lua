--- What a benchmark runs: tasks over a model and an input. They use plans directly, as a program does that runs a model
--- many times; what is not part of the question (reading files, drawing) is outside.
local budget = require "fovea.budget"
local bytes = require "fovea.bytes"
local passes = require "fovea.passes"
local perturb = require "fovea.perturb"
local tensor = require "fovea.tensor"

local M = {}

---@class fovea.BenchTask
---@field run function runs the task once
---@field plan fovea.Plan? what it runs
---@field work number? multiply-accumulates of a run, where it has no one plan
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

--- Squares in a grid over the image, through all of a volume.
local function squares(input, count)
  local shape, side, boxes = input:shape(), math.ceil(math.sqrt(count)), {}
  local function part(size, k) return k * size // side + 1, (k + 1) * size // side - k * size // side end
  for index = 0, count - 1 do
    local box = { at = {}, size = {} }
    for axis = 3, #shape do box.at[axis - 2], box.size[axis - 2] = 1, shape[axis] end
    box.at[#shape - 3], box.size[#shape - 3] = part(shape[#shape - 1], index // side % side)
    box.at[#shape - 2], box.size[#shape - 2] = part(shape[#shape], index % side)
    boxes[index + 1] = box
  end
  return boxes
end

--- Scores (sums of logits in a mask) of an input of which one square after the other is set to zero, in batches. What
--- is kept of the unchanged input is part of the preparation, as plans are.
---@param model fovea.Model
---@param input fovea.Tensor one image
---@param mask fovea.Tensor shape of the logits
---@param options { count: integer, batch: integer?, whole: boolean? } how many squares; how many images at once; whole:
--- whole passes only
---@return fovea.BenchTask results: the scores
function M.perturbations(model, input, mask, options)
  local instance, boxes, scores = opened(model, input), squares(input, options.count), nil
  local engine = assert(perturb.new(model, input, { weights = mask, reduction = "sum", batch = options.batch,
    reuse = not options.whole }))
  local macs = macs_of(instance)
  return {
    macs = macs, work = macs * options.count, engine = engine,
    run = function() scores = assert(engine:boxes(boxes)) end,
    results = function() return { assert(tensor.tensor({ options.count }, scores)) } end,
  }
end

return M
