--- Inputs and attributes of the node that is being lowered, checked: methods of fovea.onnx.Context.
local V = require "fovea.import.onnx.value"

---@class fovea.onnx.Context
local Context = {}

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

--- All inputs in order, of operators whose inputs play the same role.
function Context:inputs()
  local list = {}
  for i = 1, #self.node_info.inputs do list[i] = self.rescale.uniform(self, self:input(i)) end
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
---@return boolean|boolean[]|nil dynamic
function Context:numbers(name, i)
  local attribute = name and self.node_info.attributes[name]
  if type(attribute) == "number" then return { attribute }, false end
  if type(attribute) == "table" and type(attribute[1]) == "number" then return attribute, false end
  if attribute then self:fail("attribute '%s' is not of the right type", name) end
  local value = i and self:optional_constant(i)
  if not value then return nil end
  return V.numbers(value), value.dynamic
end

--- The same for integers.
---@param name string?
---@param i integer?
---@return integer[]? list
---@return boolean|boolean[]|nil dynamic
function Context:list(name, i)
  local attribute = name and self:attr(name)
  if attribute then return attribute, false end
  local value = i and self:optional_constant(i)
  if not value then return nil end
  if value.kind ~= "ints" then self:fail("input %d must hold integers", i) end
  return value.ints, value.dynamic
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

return Context
