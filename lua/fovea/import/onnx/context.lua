--- The state of one walk over the nodes: what operator files see as `c`.
local V = require "fovea.import.onnx.value"
local checked = require "fovea.import.onnx.arguments"
local rescale = require "fovea.import.onnx.rescale"

---@class fovea.onnx.Context
---@field g fovea.Graph
---@field node_info table the ONNX node being lowered
---@field declared? table<string, integer[]> shapes of all values at the file's own input size, when another is built
---@field opset integer
local Context = {}
Context.__index = Context
Context.rescale = rescale
for name, method in pairs(checked) do Context[name] = method end

---@param importer fovea.onnx.Importer
---@param g fovea.Graph
---@param declared? table<string, integer[]>
function Context.new(importer, g, declared)
  local used = {}
  for name in pairs(importer.used) do used[name] = true end
  return setmetatable({
    importer = importer, g = g, declared = declared, used = used, used_values = importer.used_values,
    values = {}, emitted = {}, transposes = {}, weights = {}, parameters = {}, spatial_sizes = {}, shapes = {},
  }, Context)
end

--- A problem of the file: caught by the importer and returned as nil, message, code.
---@param format string
---@param ... any
function Context:fail(format, ...)
  local n = self.node_info
  error({ message = ("node '%s' (%s): "):format(n.label, n.op_type) .. format:format(...), code = "unsupported" }, 0)
end

--- Adds a warning to the importer, once.
---@param text string
function Context:warn(text)
  self.importer:warn(text)
end

-- emitting nodes -------------------------------------------------------------------------------------------------

--- A name that no node of the graph has.
---@param name string
---@return string
function Context:unique(name)
  local candidate, n = name, 0
  while self.used[candidate] do
    n = n + 1
    candidate = ("%s_%d"):format(name, n)
  end
  self.used[candidate] = true
  return candidate
end

--- Adds a graph node. Without a suffix it carries the name of the ONNX node; helpers in front of it have one.
---@param op string method of the graph
---@param arguments table sources first, attributes by name
---@param suffix? string
---@param label? string instead of the name of the ONNX node
function Context:emit(op, arguments, suffix, label)
  label = label or self.node_info.label
  if suffix then
    label = self:unique(label .. "." .. suffix)
  elseif self.emitted[label] then
    label = self:unique(label)
  end
  self.emitted[label], self.used[label] = true, true
  arguments.name = label
  return self.g[op](self.g, arguments)
end

--- emit for the common case: one activation, its layout kept.
---@param op string
---@param value fovea.onnx.Value
---@param options? table
---@return fovea.onnx.Value
function Context:unary(op, value, options)
  local arguments = options or {}
  local base, perm = self:base(value)
  arguments[1] = base
  return V.node(self:emit(op, arguments), perm)
end

-- activations ----------------------------------------------------------------------------------------------------

--- Transposition that only moves axes of size 1, which a reshape does for free.
local function moves_nothing(shape, perm)
  local last = 0
  for _, p in ipairs(perm) do
    if shape[p] ~= 1 then
      if p < last then return false end
      last = p
    end
  end
  return true
end

--- A node with its axes permuted, made once per permutation.
---@param node fovea.Node
---@param perm integer[]
---@param label? string name of the new node
---@return fovea.Node
function Context:transposed(node, perm, label)
  if V.is_identity(perm) then return node end
  local cache = self.transposes[node] or {}
  local key = table.concat(perm, ",")
  self.transposes[node] = cache
  if not cache[key] then
    local shape = node:shape()
    local suffix = not label and "layout" or nil
    if moves_nothing(shape, perm) then
      cache[key] = self:emit("reshape", { node, shape = V.permuted(shape, perm) }, suffix, label)
    else
      cache[key] = self:emit("transpose", { node, permutation = perm }, suffix, label)
    end
  end
  return cache[key]
end

--- x with another shape: constants at once, activations when somebody needs the node.
---@param x fovea.onnx.Value
---@param shape integer[]
---@return fovea.onnx.Value
function Context:view(x, shape)
  if V.count(shape) ~= V.count(x.shape) then
    self:fail("%s cannot become %s", table.concat(x.shape, "x"), table.concat(shape, "x"))
  end
  if x.kind == "ints" then
    local out = V.ints(x.ints, shape, x.dynamic)
    out.boolean = x.boolean
    return out
  end
  if x.kind == "floats" then return self:reshape_constant(x, shape) end
  if V.same_list(shape, x.shape) then return x end
  -- a reshape of a reshape goes back to the first value
  while x.reshape_of do x = x.reshape_of end
  if V.same_list(shape, x.shape) then return x end
  return { kind = "node", reshape_of = x, shape = shape, label = self.node_info.label }
end

--- Graph node and permutation of an activation as they are.
local function as_is(c, value)
  if value.reshape_of and not value.node then
    value.node = c:emit("reshape", { c:node(value.reshape_of), shape = value.shape }, nil, value.label)
  end
  return value.node, value.perm
end

--- Graph node and permutation of an activation in a layout to go on with, or a constant made into a node. A permutation
--- stays pending only while the graph node has its channels first: layers are looked at as graph nodes.
---@param value fovea.onnx.Value
---@return fovea.Node
---@return integer[]? perm
function Context:base(value)
  if value.kind ~= "node" then return self:source(value), nil end
  if value.perm and not V.is_channels_last(value.perm) then return self:node(value), nil end
  return as_is(self, value)
end

--- Graph node with the axes in logical order.
---@param value fovea.onnx.Value
---@return fovea.Node
function Context:node(value)
  local node, perm = as_is(self, value)
  return perm and self:transposed(node, perm, value.label) or node
end

--- Graph node X such that axis perm[i] of X is logical axis i of the value: brings an operand into the layout of the
--- others. Values with fewer axes get leading ones.
---@param value fovea.onnx.Value
---@param perm integer[]
---@return fovea.Node
function Context:node_in(value, perm)
  local rank = #perm
  if value.kind == "floats" then return self:source(self:constant_in(value, perm)) end
  if #value.shape < rank then
    local shape = table.move(value.shape, 1, #value.shape, rank - #value.shape + 1, {})
    for i = 1, rank - #value.shape do shape[i] = 1 end
    value = { kind = "node", reshape_of = value, shape = shape, label = self:unique(self.node_info.label .. ".view") }
  end
  local node, own = as_is(self, value)
  local list = {}
  for i = 1, rank do list[perm[i]] = own and own[i] or i end
  return self:transposed(node, list)
end

-- constants ------------------------------------------------------------------------------------------------------

--- A constant computed from another one, made once for all graphs of the importer.
---@param value fovea.onnx.Value
---@param key string what is computed
---@param compute fun(t: fovea.Tensor): fovea.Tensor
---@return fovea.onnx.Value
function Context:derive(value, key, compute)
  local cache = self.importer.derived[value.tensor] or {}
  self.importer.derived[value.tensor] = cache
  cache[key] = cache[key] or compute(value.tensor)
  return V.floats(cache[key], value.name, value.dynamic)
end

--- A float constant with another shape.
---@param value fovea.onnx.Value
---@param shape integer[]
---@return fovea.onnx.Value
function Context:reshape_constant(value, shape)
  if V.same_list(value.shape, shape) then return value end
  return self:derive(value, "reshape " .. table.concat(shape, "x"), function(t) return t:reshape(shape) end)
end

--- A float constant whose axis i is axis list[i] of the given one.
---@param value fovea.onnx.Value
---@param list integer[]
---@return fovea.onnx.Value
function Context:transpose_constant(value, list)
  if V.is_identity(list) then return value end
  return self:derive(value, "transpose " .. table.concat(list, ","), function(t) return t:transpose(list) end)
end

--- A float constant in the layout of node_in.
---@param value fovea.onnx.Value
---@param perm integer[]
---@return fovea.onnx.Value
function Context:constant_in(value, perm)
  local rank, shape = #perm, value.shape
  if V.count(shape) == 1 then return value end
  if #shape < rank then
    shape = table.move(shape, 1, #shape, rank - #shape + 1, {})
    for i = 1, rank - #value.shape do shape[i] = 1 end
  end
  return self:transpose_constant(self:reshape_constant(value, shape), V.inverse(perm))
end

local function readable_weight(name)
  return name and not name:find("^%d*$") and not name:find("::", 1, true)
end

-- Running statistics are state, not parameters: no gradient, and not in the count.
local statistics = { mean = true, variance = true }

--- Graph node of a float constant: a parameter when it comes from an initialiser with more than one element or is a
--- weight by its role, a constant otherwise. The same tensor is the same node: shared weights stay shared.
---@param value fovea.onnx.Value
---@param role? string "weight", "bias", ...
---@return fovea.Node
function Context:source(value, role)
  if value.kind == "node" then return self:node(value) end
  if value.kind ~= "floats" then self:fail("an integer value where an activation or weight is needed") end
  local known = self.weights[value.tensor]
  if known then return known end
  local is_parameter = not statistics[role] and (role or (value.name and #value.shape > 0))
  local label = readable_weight(value.name) and value.name:gsub(":%d+$", ""):gsub("/", ".")
    or self.node_info.label .. "." .. (role or "constant")
  label = self:unique(label)
  local node = self.g[is_parameter and "param" or "constant"](self.g, value.tensor, { name = label })
  self.weights[value.tensor] = node
  self.parameters[label] = value.name
  return node
end

--- A weight input: constant, of the given role; nil when it is left out.
---@param i integer
---@param role string
---@return fovea.Node?
function Context:weight(i, role)
  local value = self:optional(i)
  if not value then return nil end
  return self:source(value, role)
end

return Context
