--- Decisions that single precision cannot make: a ReLU whose input is zero up to rounding, a maximum of two equal
--- values. Among millions of elements there are some, and each changes gradients behind it by up to some 1e-3. Here
--- they are found and turned one by one, where that brings the results nearer to a reference: what is left of the
--- difference is the engine's.
local fovea = require "fovea"

local M = {}

--- An element counts as undecided below this share of the root mean square of its layer.
local LIMIT = 1e-5

--- A method of the builder with an input added before each ReLU and maximum: nudges[layer name], at first zero.
local function nudged(original, nudges)
  return function(self, name, x, ...)
    local full = self:name(name)
    local node = self.graph:input(x:shape(), { name = full .. ".nudge" })
    nudges[full] = { node = node, value = fovea.zeros(x:shape()) }
    return original(self, name, self:add(name .. ".nudged", x, node), ...)
  end
end

---@class fovea.NudgedRun a network at one input, with gradients of sum(seed * logits)
local Run = {}
Run.__index = Run

--- Builds the network of an architecture and one plan.
---@param name string
---@param options table
---@param weights table<string, fovea.Tensor>
---@param spec { input: fovea.Tensor, logits: string, layers: string[] } logits, layers: names of nodes
---@return fovea.NudgedRun
function M.new(name, options, weights, spec)
  local architecture = assert(fovea.arch.find(name))
  local graph, nudges = fovea.graph(), {}
  local builder = fovea.nn.new(graph, weights)
  local class = getmetatable(builder).__index
  local relu, max_pool = class.relu, class.max_pool
  class.relu, class.max_pool = nudged(relu, nudges), nudged(max_pool, nudges)
  local input = graph:input(spec.input:shape(), { name = "input" })
  architecture.build(builder, input, fovea.arch.options(architecture, options))
  class.relu, class.max_pool = relu, max_pool
  local run = setmetatable({ graph = graph, nudges = nudges, logits = graph:node(spec.logits), nodes = { input } }, Run)
  for _, layer in ipairs(spec.layers) do table.insert(run.nodes, graph:node(layer)) end
  run.plan = assert(graph:plan { mode = "explain", taps = { run.logits, table.unpack(run.nodes, 2) },
    seeds = { run.logits }, gradients = run.nodes })
  assert(run.plan:set_input(input, spec.input))
  for _, nudge in pairs(nudges) do assert(run.plan:set_input(nudge.node, nudge.value)) end
  run.input = spec.input
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
function Run:activation(name) return assert(self.plan:value(self.graph:node(name))) end

local function rms(t) return math.sqrt((t * t):mean()) end

--- ReLU inputs near zero: flat index and the nudge that turns the sign.
local function near_zero(z, list, layer)
  local limit = LIMIT * rms(z)
  if z:abs():min() > limit then return end
  for i, value in ipairs(z:values()) do
    if math.abs(value) <= limit then
      list[#list + 1] = { layer = layer, index = i, nudge = -2 * value, share = math.abs(value) / limit }
    end
  end
end

--- 2x2 windows whose two largest values are nearly equal, and not zero.
local function near_tie(z, list, layer)
  local limit, shape, values = LIMIT * rms(z), z:shape(), z:values()
  local width = shape[4]
  for row = 0, shape[1] * shape[2] * shape[3] - 1, 2 do
    for column = 1, width, 2 do
      local at = row * width + column
      local window = { at, at + 1, at + width, at + width + 1 }
      table.sort(window, function(a, b) return values[a] > values[b] end)
      local gap = values[window[1]] - values[window[2]]
      if gap <= limit and math.abs(values[window[1]]) > limit then
        list[#list + 1] = { layer = layer, index = window[2], nudge = 2 * gap + LIMIT * limit, share = gap / limit }
      end
    end
  end
end

--- Undecided elements, the least decided first.
local function undecided(run)
  local list, names, taps = {}, {}, {}
  for name in pairs(run.nudges) do names[#names + 1] = name end
  table.sort(names)
  for i, name in ipairs(names) do taps[i] = run.graph:node(name .. ".nudged") end
  local plan = assert(run.graph:plan { mode = "infer", taps = taps })
  assert(plan:set_input(run.nodes[1], run.input))
  for _, nudge in pairs(run.nudges) do assert(plan:set_input(nudge.node, nudge.value)) end
  assert(plan:forward())
  for i, name in ipairs(names) do
    local z = assert(plan:value(taps[i]))
    if run.graph:node(name):kind() == "relu" then near_zero(z, list, name) else near_tie(z, list, name) end
  end
  table.sort(list, function(a, b) return a.share < b.share end)
  return list
end

--- Turns undecided elements where that lowers the distance, until it is small enough.
---@param distance fun(): number of results from their reference
---@param enough number
---@return integer turned
---@return integer undecided
function Run:settle(distance, enough)
  local list, turned, best = undecided(self), 0, distance()
  for _, element in ipairs(list) do
    if best <= enough then break end
    local nudge = self.nudges[element.layer]
    local flat = nudge.value:reshape { -1 }
    flat:set(element.index, element.nudge)
    assert(self.plan:set_input(nudge.node, nudge.value))
    local now = distance()
    if now < 0.998 * best then
      best, turned = now, turned + 1
    else
      flat:set(element.index, 0)
      assert(self.plan:set_input(nudge.node, nudge.value))
    end
  end
  return turned, #list
end

return M
