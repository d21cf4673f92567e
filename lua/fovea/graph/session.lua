--- Values and gradients without making plans: for the prompt, examples and tests. A graph keeps one explain-mode plan
--- in which every activation and every gradient can be read; it is made when first asked for, and again when the graph
--- has grown or another node is the seed. Nothing of this is fast or small: programs that run a model make plans.
local core = require "fovea.core"
local tensor = require "fovea.tensor"

---@class fovea.Graph
local Graph = {}
---@class fovea.Node
local Node = {}
local M = { graph = Graph, node = Node }

--- By graph: inputs (tensors by node id), plan, count of nodes in it, its seed node, whether passes have run.
local sessions = setmetatable({}, { __mode = "k" })

local function session_of(graph)
  local session = sessions[graph]
  if not session then
    session = { inputs = {} }
    sessions[graph] = session
  end
  return session
end

--- The result, or its message as an error.
local function must(result, message)
  if not result then error(message, 0) end
  return result
end

local function is_tensor(value)
  local class = type(value) == "userdata" and getmetatable(value)
  return class and class.__name == "fovea.Tensor"
end

local make_input = core.Graph.input

--- An input: of a shape (the value is given later), or with a value at once.
---@param what fovea.Tensor|integer[]
---@param options? {name: string?}
---@return fovea.Node
function Graph:input(what, options)
  if not is_tensor(what) then return make_input(self, what, options) end
  local node = make_input(self, what:shape(), options)
  session_of(self).inputs[node:id()] = what
  return node
end

--- Gives an input another value.
---@param value fovea.Tensor
---@return fovea.Node self
function Node:set_value(value)
  local shape = table.concat(self:shape(), "x")
  if self:kind() ~= "input" then
    error(("set_value: node '%s' is a %s, not an input"):format(self:name(), self:kind()), 2)
  end
  if not is_tensor(value) then error(("set_value: a tensor is expected, not a %s"):format(type(value)), 2) end
  if table.concat(value:shape(), "x") ~= shape then
    error(("set_value: node '%s' is %s, the tensor is %s"):format(self:name(), shape,
      table.concat(value:shape(), "x")), 2)
  end
  local session = session_of(self:graph())
  session.inputs[self:id()], session.has_run, session.has_gradients = value, false, false
  return self
end

--- Makes the plan if there is none for the graph as it is, with that seed.
local function prepare(graph, session, seed)
  local nodes, gradients = graph:nodes(), {}
  seed = seed or session.seed or nodes[#nodes]
  if #nodes == 0 then error("forward: the graph has no nodes", 4) end
  if session.plan and session.count == #nodes and session.seed == seed then return end
  for _, node in ipairs(nodes) do
    if node:kind() ~= "constant" then gradients[#gradients + 1] = node end
  end
  session.plan = must(graph:plan { mode = "explain", taps = nodes, seeds = { seed }, gradients = gradients })
  session.count, session.seed, session.has_run, session.has_gradients = #nodes, seed, false, false
end

--- Runs a forward pass if there is none of the plan and inputs as they are.
local function ensure_forward(graph, session)
  if session.has_run then return end
  for _, node in ipairs(graph:nodes()) do
    if node:kind() == "input" then
      local value = session.inputs[node:id()]
      if not value then
        error(("forward: input '%s' has no value: give a tensor to graph:input or node:set_value"):format(
          node:name()), 4)
      end
      must(session.plan:set_input(node, value))
    end
  end
  must(session.plan:forward())
  session.has_run = true
end

--- Runs a forward pass; returns the values of nodes.
---@param ... fovea.Node
---@return fovea.Tensor ...
function Graph:forward(...)
  local session, values = session_of(self), {}
  prepare(self, session)
  session.has_run, session.has_gradients = false, false
  ensure_forward(self, session)
  for i, node in ipairs { ... } do values[i] = must(session.plan:value(node)) end
  return table.unpack(values)
end

--- Runs a backward pass from a node, after a forward pass if need be.
---@param node fovea.Node
---@param seed? fovea.Tensor|number gradient of the score by the node; default 1: the score is the sum of its elements
---@return fovea.Graph self
function Graph:backward(node, seed)
  local session = session_of(self)
  if type(node) ~= "userdata" or not node.sources then
    error(("backward: a node is expected, not a %s"):format(type(node)), 2)
  end
  prepare(self, session, node)
  ensure_forward(self, session)
  if not is_tensor(seed) then seed = tensor.full(node:shape(), seed or 1) end
  must(session.plan:set_seed(node, seed))
  must(session.plan:backward())
  session.has_gradients = true
  return self
end

--- The activation of a node, from a forward pass that is run if need be.
---@return fovea.Tensor
function Node:value()
  local graph = self:graph()
  local session = session_of(graph)
  prepare(graph, session)
  ensure_forward(graph, session)
  return must(session.plan:value(self))
end

--- The gradient of a node after graph:backward; zeros when the seed does not depend on it.
---@return fovea.Tensor
function Node:grad()
  local graph = self:graph()
  local session = session_of(graph)
  if self:kind() == "constant" then error(("grad: node '%s' is a constant"):format(self:name()), 2) end
  if not session.has_gradients or session.count ~= #graph:nodes() then
    error(("grad: node '%s': call graph:backward(node) first"):format(self:name()), 2)
  end
  return must(session.plan:gradient(self))
end

return M
