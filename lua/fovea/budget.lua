--- Memory of a model at work: what it will take, known before anything runs, and plans that stay within a budget.
---
--- Counted are the weights, activations, gradients, packed weights and scratch of the plan (plan:memory()), the copies
--- of layers that are read out of it, tensors that exist already (the image), garbage that waits for collection, and
--- the program itself. Not counted is what a caller makes of the results, such as pictures of maps.
local bytes = require "fovea.bytes"
local core = require "fovea.core"
local passes = require "fovea.passes"

local M = {}

--- The program, its libraries, the code they make, and blocks that wait to be used again.
M.PROGRAM = 32 << 20

--- Under a budget, tensors may grow by so much before garbage is collected.
M.GARBAGE = 16 << 20

---@class fovea.MemoryUse bytes
---@field weights integer of the network, and those made of them that are used as they are
---@field packed integer weights in the layout that convolutions want
---@field arena integer activations and gradients: those that are needed at the same time
---@field scratchpad integer
---@field peak integer the most of all this at a time
---@field copies integer activations and gradients that are read out
---@field others integer tensors that exist beside the model, and garbage
---@field program integer
---@field total integer the most at a time
---@field least integer? the smallest budget that works, where it was asked for
---@field segments integer of the network whose activations are computed again for the backward pass; 1: none
---@field exact boolean no Winograd convolutions

local function size_of(node)
  local count = 4
  for _, n in ipairs(node:shape()) do count = count * n end
  return math.tointeger(count)
end

local function sum_of(nodes)
  local sum = 0
  for _, node in ipairs(nodes or {}) do sum = sum + size_of(node) end
  return sum
end

local function weights_of(instance)
  local sum = 0
  for _, node in ipairs(instance.graph:nodes()) do
    local kind = node:kind()
    if kind == "parameter" or kind == "constant" then sum = sum + size_of(node) end
  end
  return sum
end

--- Taps are read once, but for those of which only the means of gradients are wanted; gradients of one seed may wait
--- for collection while those of the next are read.
local function copies_of(spec)
  return sum_of(spec.taps) - sum_of(spec.means) + 2 * sum_of(spec.gradients) + 4 * sum_of(spec.seeds)
end

--- What is there besides the plan of a model at work.
local function beside(instance, spec)
  local others = math.max(0, core.memory_in_use() - weights_of(instance))
  return { copies = copies_of(spec), others = others + math.min(core.memory_budget(), M.GARBAGE), program = M.PROGRAM }
end

local function total(parts, peak) return peak + parts.copies + parts.others + parts.program end

--- What a plan takes.
---@param plan fovea.Plan
---@param parts { copies: integer, others: integer, program: integer }
---@return fovea.MemoryUse
local function use_of(plan, parts)
  local use = plan:memory()
  for key, value in pairs(parts) do use[key] = value end
  use.total = total(parts, use.peak)
  return use
end

local function compile(instance, spec, budget)
  local parts = beside(instance, spec)
  spec.memory = budget and math.max(1, budget - total(parts, 0)) or nil
  local plan, message, code, least = instance.graph:plan(spec)
  if plan then return plan, use_of(plan, parts) end
  return nil, message, code, least and total(parts, least)
end

local function is_economical(use) return use.segments > 1 end

--- The same without what the first attempt gave.
local function retry(first, instance, spec, limit)
  if first then first:close() end
  collectgarbage()
  return compile(instance, spec, limit)
end

local function within(model, instance, spec, limit)
  core.memory_budget(math.min(core.memory_budget(), M.GARBAGE))
  collectgarbage()
  local plan, use, code, least = compile(instance, spec, limit)
  if model:has_plans() and (not plan or is_economical(use) or use.exact ~= (spec.exact or false)) then
    model:refresh()
    plan, use, code, least = retry(plan, instance, spec, limit)
  end
  if plan or not least then return plan, use, code end
  return nil, ("%s of memory are allowed, the least that works at %s is %s"):format(bytes.option(limit),
    table.concat(instance.input:shape(), "x"), bytes.option(least)), code
end

--- A plan of a model, within a budget if there is one. Plans that the model keeps are given up when this one would
--- otherwise have to save; the smallest budget that works is told when nothing helps. model.planned is called.
---@param model fovea.Model
---@param instance fovea.Instance
---@param spec table of graph:plan
---@param limit? integer bytes, of everything
---@return fovea.Plan? plan
---@return fovea.MemoryUse|string use or message
---@return string? code
function M.plan(model, instance, spec, limit)
  local make = limit and within or function() return compile(instance, spec) end
  local plan, use, code = make(model, instance, spec, limit)
  if plan and model.planned then model.planned(plan, use) end
  return plan, use, code
end

--- What a plan would take together with an image and the input that it becomes, and the smallest budget that works.
local function predict(instance, spec)
  collectgarbage()
  local plan, use, code = compile(instance, spec)
  if not plan then return nil, use, code end
  use.least = select(4, retry(plan, instance, spec, 1)) or use.total
  local image = 2 * size_of(instance.input)
  use.others, use.total, use.least = use.others + image, use.total + image, use.least + image
  return use
end

--- What a model takes: the forward pass, and heat maps of layers. Nothing runs.
---@param model fovea.Model
---@param layers? string|string[] names; default: those that are explained by default
---@param shape? integer[] of the input; default: the model's own
---@return { forward: fovea.MemoryUse, maps: fovea.MemoryUse }? use with `least`, the smallest budget that works
---@return string? message
---@return string? code
function M.of_model(model, layers, shape)
  local instance, message, code = model:at(shape or model:default_shape())
  if not instance then return nil, message, code end
  local logits = model:output(instance).logits
  local nodes = passes.nodes_of(instance, layers or model:default_layers(), 3)
  local forward, why, kind = predict(instance, { mode = "infer", taps = { logits }, exact = model.exact })
  if not forward then return nil, why, kind end
  local maps, reason, class = predict(instance, { mode = "explain", taps = { logits, table.unpack(nodes) },
    seeds = { logits }, means = nodes, exact = model.exact })
  if not maps then return nil, reason, class end
  return { forward = forward, maps = maps }
end

--- One line about it: "383 MiB of memory at most: weights 227, ...".
---@param use fovea.MemoryUse
---@return string
function M.text(use)
  local function mebi(n) return ("%.0f"):format(n / (1 << 20)) end
  local savings = {}
  if use.segments > 1 then savings[#savings + 1] = ("%d segments computed again"):format(use.segments) end
  if use.exact then savings[#savings + 1] = "no Winograd convolutions" end
  return ("%s of memory at most: weights %s, packed weights %s, activations and gradients %s, scratch %s, copies of "
    .. "layers %s, other tensors %s, program %s%s"):format(bytes.text(use.total), mebi(use.weights), mebi(use.packed),
    mebi(use.arena), mebi(use.scratchpad), mebi(use.copies), mebi(use.others), mebi(use.program),
    #savings > 0 and (" (%s)"):format(table.concat(savings, ", ")) or "")
end

---@class fovea.Model
local methods = {}
M.methods = methods

--- Whether plans are kept.
---@return boolean
function methods:has_plans()
  for _, instance in pairs(self.instances) do
    if next(instance.plans) then return true end
  end
  return false
end

--- Memory that the model takes at work, without a run.
---@param names? string|string[] layers of the heat maps; default: those that are explained by default
---@param shape? integer[] of the input; default: the model's own
---@return { forward: fovea.MemoryUse, maps: fovea.MemoryUse }? use with `least`, the smallest budget that works
---@return string? message
---@return string? code
function methods:memory_use(names, shape) return M.of_model(self, names, shape) end

return M
