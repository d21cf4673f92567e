--- Decisions that single precision cannot make: a ReLU whose input is zero up to rounding, a maximum of two equal
--- values, a hard sigmoid at one of its ends. Among millions of elements there are some, and each changes gradients
--- behind it by up to some 1e-3. Here all decisions of a run are written down, and the doubtful ones are turned one by
--- one where that brings the results nearer to a reference: what is left of the difference is the engine's.
local fovea = require "fovea"

local M = {}

--- An element counts as undecided below this share of the root mean square of its layer: with plain sums, and with
--- Winograd's method.
local LIMIT, WINOGRAD_LIMIT = 1e-5, 3e-5

local MOST_PASSES = 3

---@class fovea.DecidedRun a network at one input, with gradients of sum(seed * logits)
local Run = {}
Run.__index = Run

--- Builds the network with ReLUs written as products with a mask, and with a number added before each maximum and each
--- hard sigmoid.
local function build(run, architecture, options, weights)
  local builder = fovea.nn.new(run.graph, weights)
  local class = getmetatable(builder).__index
  local relu, max_pool, hard_sigmoid = class.relu, class.max_pool, class.hard_sigmoid
  function class.relu(nn, name, x)
    local mask = run.graph:input(x:shape(), { name = nn:name(name) .. ".mask" })
    run.masks[nn:name(name)] = { node = mask, source = x }
    return nn:mul(name, x, mask)
  end
  local function nudged(nn, name, x, attrs)
    local nudge = run.graph:input(x:shape(), { name = nn:name(name) .. ".nudge" })
    local sum = nn:add(name .. ".nudged", x, nudge)
    run.nudges[nn:name(name)] = { node = nudge, source = sum, value = fovea.zeros(x:shape()), attrs = attrs }
    return sum
  end
  function class.max_pool(nn, name, x, ...) return max_pool(nn, name, nudged(nn, name, x), ...) end
  function class.hard_sigmoid(nn, name, x, attrs)
    return hard_sigmoid(nn, name, nudged(nn, name, x, attrs), attrs)
  end
  architecture.build(builder, run.nodes[1], fovea.arch.options(architecture, options))
  class.relu, class.max_pool, class.hard_sigmoid = relu, max_pool, hard_sigmoid
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
---@param spec { input: fovea.Tensor, logits: string, layers: string[], exact: boolean? } logits, layers: names of
--- nodes; exact: see fovea.Plan
---@return fovea.DecidedRun
function M.new(model, spec)
  local graph = fovea.graph()
  local run = setmetatable({ graph = graph, input = spec.input, masks = {}, nudges = {}, exact = spec.exact,
    limit = spec.exact and LIMIT or WINOGRAD_LIMIT,
    nodes = { graph:input(spec.input:shape(), { name = "input" }) } }, Run)
  build(run, model.architecture, model.options, model.weights)
  local names = {}
  for name in pairs(run.masks) do names[#names + 1] = name end
  for name, opened in pairs(assert(model:activations(spec.input, names))) do run.masks[name].value = opened:gt(0) end
  run.logits = graph:node(spec.logits)
  for _, layer in ipairs(spec.layers) do table.insert(run.nodes, graph:node(layer)) end
  run.plan = feed(run, assert(graph:plan { mode = "explain", taps = { run.logits, table.unpack(run.nodes, 2) },
    seeds = { run.logits }, gradients = run.nodes, exact = spec.exact }))
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
local function near_zero(z, share, list, entry)
  local limit = share * rms(z)
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
local function near_tie(z, share, list, entry)
  local limit, shape, values = share * rms(z), z:shape(), z:values()
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

--- Inputs of a hard sigmoid near the ends of its slope.
local function near_end(z, share, list, entry)
  local alpha, beta = entry.attrs.alpha, entry.attrs.beta
  local limit = share * rms(z)
  for i, value in ipairs(z:values()) do
    for _, stop in ipairs { -beta / alpha, (1 - beta) / alpha } do
      local off = value - stop
      if math.abs(off) <= limit then
        local beyond = (off < 0 and 3e-7 or -3e-7) * math.abs(stop)
        list[#list + 1] = { entry = entry, index = i, from = 0, to = beyond - 2 * off, share = math.abs(off) / limit }
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
  local plan = feed(run, assert(run.graph:plan { mode = "infer", taps = taps, exact = run.exact }))
  assert(plan:forward())
  for _, entry in pairs(run.masks) do near_zero(assert(plan:value(entry.source)), run.limit, list, entry) end
  for _, entry in pairs(run.nudges) do
    local near = entry.attrs and near_end or near_tie
    near(assert(plan:value(entry.source)), run.limit, list, entry)
  end
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
