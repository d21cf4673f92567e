--- The state of one walk over the nodes: what operator files see as `c`.
local V = require "fovea.import.onnx.value"
local rescale = require "fovea.import.onnx.rescale"

---@class fovea.onnx.Context
---@field g fovea.Graph
---@field node_info table the ONNX node being lowered
---@field declared? table<string, integer[]> shapes of all values at the file's own input size, when another is built
---@field opset integer
local Context = {}
Context.__index = Context
Context.rescale = rescale

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

-- inputs and attributes ------------------------------------------------------------------------------------------

--- Value of input i (counted from 1), nil when it is left out.
---@param i integer
---@return fovea.onnx.Value?
function Context:optional(i)
  local name = self.node_info.inputs[i]
  if not name or name == "" then return nil end
  local value = self.values[name]
  if value and value.kind == "decision" then
    self:fail("its input is an arg-max or comparison of activations, which only an output may be")
  end
  return value
end

--- As optional, but fails when the input is left out.
---@param i integer
---@return fovea.onnx.Value
function Context:input(i)
  return self:optional(i) or self:fail("input %d is missing", i)
end

--- All inputs in order.
function Context:inputs()
  local list = {}
  for i = 1, #self.node_info.inputs do list[i] = self:input(i) end
  return list
end

-- Types of attributes that are looked up; a file may write any type under any name.
local attribute_types = {
  numbers = { "alpha", "beta", "gamma", "epsilon", "momentum", "min", "max", "value_float" },
  integers = {
    "axis", "group", "num_groups", "blocksize", "to", "keepdims", "ceil_mode", "count_include_pad", "transA", "transB",
    "spatial", "training_mode", "noop_with_empty_axes", "fmod", "start", "end", "allowzero", "antialias",
    "exclude_outside", "value_int",
  },
  strings = {
    "auto_pad", "mode", "approximate", "equation", "coordinate_transformation_mode", "nearest_mode",
    "keep_aspect_ratio_policy",
  },
  lists = {
    "kernel_shape", "strides", "dilations", "pads", "output_padding", "output_shape", "perm", "axes", "split", "shape",
    "repeats", "starts", "ends", "value_ints",
  },
  others = { "value", "then_branch", "else_branch", "scales", "value_floats" },
}

local function is_list(value)
  if type(value) ~= "table" then return false end
  for _, entry in ipairs(value) do
    if math.type(entry) ~= "integer" then return false end
  end
  return #value > 0 or next(value) == nil
end

local has_type = {
  numbers = function(value) return type(value) == "number" end,
  integers = function(value) return math.type(value) == "integer" end,
  strings = function(value) return type(value) == "string" end,
  lists = is_list,
  others = function(value) return type(value) == "table" end,
}

local type_of = {}
for kind, list in pairs(attribute_types) do
  for _, name in ipairs(list) do type_of[name] = kind end
end

--- An attribute of the current node.
---@param name string
---@param default any
function Context:attr(name, default)
  local value = self.node_info.attributes[name]
  if value == nil then return default end
  if not has_type[type_of[name]](value) then self:fail("attribute '%s' is not of the right type", name) end
  return value
end

--- A constant input, or nil when it is left out; fails when it depends on activations.
---@param i integer
---@return fovea.onnx.Value?
function Context:optional_constant(i)
  local value = self:optional(i)
  if value and not V.is_constant(value) then self:fail("input %d must be a constant", i) end
  return value
end

--- A constant input that must be there.
---@param i integer
---@return fovea.onnx.Value
function Context:constant(i)
  return self:optional_constant(i) or self:fail("input %d is missing", i)
end

--- List of numbers from attribute `name`, or from constant input i; nil when neither is there. The second result
--- tells whether the numbers follow the size of the input of this build.
---@param name string?
---@param i integer?
---@return number[]? list
---@return boolean? dynamic
function Context:numbers(name, i)
  local attribute = name and self.node_info.attributes[name]
  if type(attribute) == "number" then return { attribute }, false end
  if type(attribute) == "table" and type(attribute[1]) == "number" then return attribute, false end
  if attribute then self:fail("attribute '%s' is not of the right type", name) end
  local value = i and self:optional_constant(i)
  if not value then return nil end
  return V.numbers(value), value.dynamic == true
end

--- The same for integers.
---@param name string?
---@param i integer?
---@return integer[]? list
---@return boolean? dynamic
function Context:list(name, i)
  local attribute = name and self:attr(name)
  if attribute then return attribute, false end
  local value = i and self:optional_constant(i)
  if not value then return nil end
  if value.kind ~= "ints" then self:fail("input %d must hold integers", i) end
  return value.ints, value.dynamic == true
end

--- A single number from an attribute or a constant input.
---@param name string?
---@param i integer?
---@return number?
function Context:scalar(name, i)
  local list = self:numbers(name, i)
  if list and #list ~= 1 then self:fail("one number expected, not %d", #list) end
  return list and list[1]
end

--- 0-based ONNX axis (negative from the end) -> 1-based.
---@param axis integer
---@param rank integer
---@return integer
function Context:axis(axis, rank)
  local at = axis < 0 and axis + rank + 1 or axis + 1
  if at < 1 or at > rank then self:fail("axis %d does not exist in a value of %d dimensions", axis, rank) end
  return at
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

--- Graph node and permutation of an activation as they are, or a constant made into a node.
---@param value fovea.onnx.Value
---@return fovea.Node
---@return integer[]? perm
function Context:base(value)
  if value.kind ~= "node" then return self:source(value), nil end
  if value.reshape_of and not value.node then
    value.node = self:emit("reshape", { self:node(value.reshape_of), shape = value.shape }, nil, value.label)
  end
  return value.node, value.perm
end

--- Graph node with the axes in logical order.
---@param value fovea.onnx.Value
---@return fovea.Node
function Context:node(value)
  local node, perm = self:base(value)
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
  local node, own = self:base(value)
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
  local is_parameter = role or (value.name and #value.shape > 0)
  local label = readable_weight(value.name) and value.name:gsub(":%d+$", ""):gsub("/", ".")
    or self.node_info.label .. "." .. (role or "constant")
  label = self:unique(label)
  local node = self.g[is_parameter and "param" or "constant"](self.g, value.tensor, { name = label })
  self.weights[value.tensor] = node
  if is_parameter then self.parameters[label] = value.name end
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
