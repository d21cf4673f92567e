--- Decisions that single precision cannot make: a ReLU whose input is zero up to rounding, a maximum of two equal
--- values. Among millions of elements there are some, and each changes gradients behind it by up to some 1e-3. Here all
--- decisions of a run are written down, and the doubtful ones are turned one by one where that brings the results
--- nearer to a reference: what is left of the difference is the engine's.
local fovea = require "fovea"

local M = {}

--- An element counts as undecided below this share of the root mean square of its layer.
local LIMIT = 1e-5

local MOST_PASSES = 3

---@class fovea.DecidedRun a network at one input, with gradients of sum(seed * logits)
local Run = {}
Run.__index = Run

--- Builds the network with ReLUs written as products with a mask, and with a number added before each maximum.
local function build(run, architecture, options, weights)
  local builder = fovea.nn.new(run.graph, weights)
  local class = getmetatable(builder).__index
  local relu, max_pool = class.relu, class.max_pool
  function class.relu(nn, name, x)
    local mask = run.graph:input(x:shape(), { name = nn:name(name) .. ".mask" })
    run.masks[nn:name(name)] = { node = mask, source = x }
    return nn:mul(name, x, mask)
  end
  function class.max_pool(nn, name, x, ...)
    local nudge = run.graph:input(x:shape(), { name = nn:name(name) .. ".nudge" })
    local sum = nn:add(name .. ".nudged", x, nudge)
    run.nudges[nn:name(name)] = { node = nudge, source = sum, value = fovea.zeros(x:shape()) }
    return max_pool(nn, name, sum, ...)
  end
  architecture.build(builder, run.nodes[1], fovea.arch.options(architecture, options))
  class.relu, class.max_pool = relu, max_pool
end

--- Gives a plan its input and decisions.
local function feed(run, plan)
  assert(plan:set_input(run.nodes[1], run.input))
  for _, list in ipairs { run.masks, run.nudges } do
    for _, entry in pairs(list) do assert(plan:set_input(entry.node, entry.value)) end
  end
  return plan
end

--- A run with the decisions that a model makes.
---@param model fovea.Model of an architecture
---@param spec { input: fovea.Tensor, logits: string, layers: string[] } logits, layers: names of nodes
---@return fovea.DecidedRun
function M.new(model, spec)
  local graph = fovea.graph()
  local run = setmetatable({ graph = graph, input = spec.input, masks = {}, nudges = {},
    nodes = { graph:input(spec.input:shape(), { name = "input" }) } }, Run)
  build(run, model.architecture, model.options, model.weights)
  local names = {}
  for name in pairs(run.masks) do names[#names + 1] = name end
  for name, opened in pairs(assert(model:activations(spec.input, names))) do run.masks[name].value = opened:gt(0) end
  run.logits = graph:node(spec.logits)
  for _, layer in ipairs(spec.layers) do table.insert(run.nodes, graph:node(layer)) end
  run.plan = feed(run, assert(graph:plan { mode = "explain", taps = { run.logits, table.unpack(run.nodes, 2) },
    seeds = { run.logits }, gradients = run.nodes }))
  return run
end

--- Gradients by node name.
---@param seed fovea.Tensor
---@return table<string, fovea.Tensor>
function Run:gradients(seed)
  assert(self.plan:forward())
  assert(self.plan:set_seed(self.logits, seed))
  assert(self.plan:backward())
  local found = {}
  for _, node in ipairs(self.nodes) do found[node:name()] = assert(self.plan:gradient(node)) end
  return found
end

--- Activation of a layer.
---@param name string
---@return fovea.Tensor
function Run:activation(name) return assert(self.plan:value(self.graph:node(name))) end

-- doubtful decisions -------------------------------------------------------------------------------------------------

local function rms(t) return math.sqrt((t * t):mean()) end

--- ReLU inputs near zero: flat index, and mask before and after.
local function near_zero(z, list, entry)
  local limit = LIMIT * rms(z)
  if z:abs():min() > limit then return end
  local masks = entry.value:values()
  for i, value in ipairs(z:values()) do
    if math.abs(value) <= limit then
      list[#list + 1] = { entry = entry, index = i, from = masks[i], to = 1 - masks[i],
        share = math.abs(value) / limit }
    end
  end
end

--- 2x2 windows whose two largest values are nearly equal, and not zero.
local function near_tie(z, list, entry)
  local limit, shape, values = LIMIT * rms(z), z:shape(), z:values()
  local width = shape[4]
  for row = 0, shape[1] * shape[2] * shape[3] - 1, 2 do
    for column = 1, width, 2 do
      local at = row * width + column
      local window = { at, at + 1, at + width, at + width + 1 }
      table.sort(window, function(a, b) return values[a] > values[b] end)
      local most = math.abs(values[window[1]])
      local gap = values[window[1]] - values[window[2]]
      if gap <= limit and most > limit then
        list[#list + 1] = { entry = entry, index = window[2], from = 0, to = 2 * gap + 3e-7 * most,
          share = gap / limit }
      end
    end
  end
end

--- Undecided elements, the least decided first.
local function undecided(run)
  local list, taps = {}, { run.logits }
  for _, entries in ipairs { run.masks, run.nudges } do
    for name, entry in pairs(entries) do
      taps[#taps + 1] = entry.source
      taps[#taps + 1] = run.graph:node(name)
    end
  end
  local plan = feed(run, assert(run.graph:plan { mode = "infer", taps = taps }))
  assert(plan:forward())
  for _, entry in pairs(run.masks) do near_zero(assert(plan:value(entry.source)), list, entry) end
  for _, entry in pairs(run.nudges) do near_tie(assert(plan:value(entry.source)), list, entry) end
  table.sort(list, function(a, b) return a.share < b.share end)
  return list
end

local function decide(run, element, value)
  element.entry.value:reshape({ -1 }):set(element.index, value)
  assert(run.plan:set_input(element.entry.node, element.entry.value))
end

--- Turns undecided elements (and back) where that lowers the distance, until it is small enough or nothing helps.
---@param distance fun(): number of results from their reference
---@param enough number a tenth of it is worth turning an element
---@return integer turned
---@return integer undecided
function Run:settle(distance, enough)
  local list, turned, best = undecided(self), 0, distance()
  local function turn(element)
    if best <= enough then return false end
    decide(self, element, element.to)
    local now = distance()
    local is_better = now < best - 0.1 * enough
    if is_better then
      best, element.from, element.to = now, element.to, element.from
      element.turned = not element.turned
      turned = turned + (element.turned and 1 or -1)
    else
      decide(self, element, element.from)
    end
    return is_better
  end
  for _ = 1, MOST_PASSES do
    local changed = false
    for _, element in ipairs(list) do changed = turn(element) or changed end
    if not changed then break end
  end
  return turned, #list
end

return M
