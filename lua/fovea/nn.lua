--- Layers for networks written in Lua: functions that add named subgraphs made of ops to a graph, and take the weights
--- from a store, so that graphs of other input shapes share them.
---
---     local builder = nn.new(graph, weights)
---     local encoder = builder:scope "encoder.1"
---     local y = encoder:conv_block(x, 64)              -- nodes encoder.1.conv1, .bn1, .relu1, .conv2, ...
---     local z = builder:conv("head", y, 1, { kernel = 1 })   -- parameters head.weight, head.bias
---
--- A layer function takes the name of its output, its sources and a table of options. A layer made of several nodes
--- opens a scope of that name; its output bears the name itself. Ops of one or two sources without parameters are
--- methods of the same form: `builder:relu("relu1", y)`, `builder:concat("cat", skip, up)`.
---
--- Parameters are named as PyTorch names them: weight, bias, running_mean, running_var.
local core = require "fovea.core"
local lookup = require "fovea.lookup"
local tensor = require "fovea.tensor"

local M = {}

---@class fovea.NN
---@field graph fovea.Graph
---@field store table<string, fovea.Tensor> weights by name; what is missing is made and put in
---@field entries { name: string, shape: integer[], statistic: boolean }[] parameters in the order of their use
---@field prefix string of names
---@field seed integer of the initialisers
---@field blank boolean? parameters that are missing get no values: only their names and shapes are asked for
local NN = {}
NN.__index = NN

--- A builder over a graph.
---@param graph fovea.Graph
---@param store? table<string, fovea.Tensor> default: empty
---@param seed? integer default 0
---@param blank? boolean leave the values of missing parameters undefined (false)
---@return fovea.NN
function M.new(graph, store, seed, blank)
  return setmetatable({ graph = graph, store = store or {}, entries = {}, prefix = "", seed = seed or 0,
    blank = blank }, NN)
end

--- The same builder, with names that begin with `name.`
---@param name string
---@return fovea.NN
function NN:scope(name)
  return setmetatable({ graph = self.graph, store = self.store, entries = self.entries,
    prefix = self:name(name) .. ".", seed = self.seed, blank = self.blank }, NN)
end

--- A name with the prefix of the scope; without an argument the name of the scope.
---@param name? string
---@return string
function NN:name(name) return name and self.prefix .. name or (self.prefix:gsub("%.$", "")) end

--- Seed of a parameter: by its name, so that it does not depend on what else there is (FNV-1a).
local function seed_of(name, seed)
  local hash = 0xcbf29ce484222325 ~ seed
  for i = 1, #name do hash = (hash ~ name:byte(i)) * 0x100000001b3 end
  return hash & 0x7fffffffffffffff
end

--- A value for a parameter that the store does not have: a number, a function from the shape to a tensor, or by
--- default uniform numbers with the variance 2 / fan_in (He et al. 2015).
local function initial(name, shape, init, seed)
  if type(init) == "number" then return assert(tensor.full(shape, init)) end
  if type(init) == "function" then return init(shape) end
  local fan_in = 1
  for axis = 2, #shape do fan_in = fan_in * shape[axis] end
  local bound = math.sqrt(6 / fan_in)
  return assert(tensor.uniform(shape, { seed = seed_of(name, seed), min = -bound, max = bound }))
end

--- The tensor of a name, from the store or made; raises when the store has another shape.
local function stored(self, name, shape, options)
  local value = self.store[name]
  if not value then
    value = self.blank and assert(core.blank(shape)) or initial(name, shape, options.init, self.seed)
    self.store[name] = value
  end
  local want, got = table.concat(shape, "x"), table.concat(value:shape(), "x")
  if want ~= got then error(("parameter '%s' is %s in the weights, the network has %s"):format(name, got, want), 0) end
  return value
end

local function leaf(self, kind, name, shape, options)
  local full = self:name(name)
  local node = self.graph:node(full)
  if node then return node end
  self.entries[#self.entries + 1] = { name = full, shape = shape, statistic = kind == "constant" }
  return self.graph[kind](self.graph, stored(self, full, shape, options or {}), { name = full })
end

--- A parameter; asked for twice it is the same node (shared weights).
---@param name string
---@param shape integer[]
---@param options? { init: number|(fun(shape: integer[]): fovea.Tensor)|nil }
---@return fovea.Node
function NN:param(name, shape, options) return leaf(self, "param", name, shape, options) end

--- A value beside the parameters that is stored with them but not trained: running statistics.
---@param name string
---@param shape integer[]
---@param options? { init: number|(fun(shape: integer[]): fovea.Tensor)|nil }
---@return fovea.Node
function NN:statistic(name, shape, options) return leaf(self, "constant", name, shape, options) end

--- Adds an op: sources, then attributes.
---@param op string
---@param name string
---@param ... fovea.Node|table
---@return fovea.Node
function NN:apply(op, name, ...)
  local arguments = { ... }
  local attributes = type(arguments[#arguments]) == "table" and table.remove(arguments) or {}
  for key, value in pairs(attributes) do arguments[key] = value end
  arguments.name = self:name(name)
  return self.graph[op](self.graph, arguments)
end

for op in ([[relu leaky_relu sigmoid hard_sigmoid tanh clip identity dropout softmax add mul sub concat reshape
  max_pool avg_pool global_avg_pool adaptive_avg_pool resample expand slice]]):gmatch "%S+" do
  NN[op] = function(self, name, ...) return self:apply(op, name, ...) end
end

--- Raises for an option that a layer function does not know; returns the options.
---@param options table?
---@param known string[]
---@param what string
---@return table
function M.options(options, known, what)
  lookup.check_keys(options, known, what, 2)
  return options or {}
end

for _, part in ipairs { "basic", "blocks", "recurrent" } do
  for name, method in pairs(require("fovea.nn." .. part)) do NN[name] = method end
end

return M
