--- Constants and conversions of element types.
local V = require "fovea.import.onnx.value"
local tensor = require "fovea.tensor"

local M = {}

--- A tensor of the file as a value.
---@param t table of core.onnx_read
---@param name? string
---@return fovea.onnx.Value
function M.value(t, name)
  if t.tensor then return V.floats(t.tensor, name) end
  local out = V.ints(t.ints, t.shape)
  out.boolean = t.dtype == "bool" or nil
  return out
end

--- Attribute `value` as a tensor of the file.
local function tensor_attribute(c)
  local t = c:attr("value")
  if t and not (t.tensor or t.ints) then c:fail("attribute 'value' is no tensor") end
  return t
end

local function Constant(c)
  local t = tensor_attribute(c)
  if t then return M.value(t) end
  local f, i = c:attr("value_float"), c:attr("value_int")
  if f then return V.floats(tensor.full({}, f)) end
  if i then return V.ints({ i }, {}) end
  local floats, ints = c:attr("value_floats"), c:attr("value_ints")
  if floats then return V.floats(tensor.tensor({ #floats }, floats)) end
  if ints then return V.ints(ints, { #ints }) end
  c:fail("only numeric constants are supported")
end

local MAX_FLOATS = 1 << 28 -- 1 GB

local function ConstantOfShape(c)
  local shape, dynamic = c:list(nil, 1)
  if not shape then c:fail("the shape is missing") end
  local t = tensor_attribute(c)
  if t and V.count(t.shape) ~= 1 then c:fail("its value must be a single number") end
  for _, d in ipairs(shape) do
    if d < 0 then c:fail("a dimension of %d", d) end
  end
  local total = V.count(shape)
  if total > MAX_FLOATS then c:fail("a constant of %.0f elements", total) end
  if not t or t.tensor then
    return V.floats(tensor.full(shape, t and t.tensor:values()[1] or 0), nil, dynamic and true)
  end
  local ints = {}
  V.check_size(total)
  for i = 1, total do ints[i] = t.ints[1] end
  local out = V.ints(ints, shape, dynamic and true)
  out.boolean = t.dtype == "bool" or nil
  return out
end

local function Range(c)
  local start, limit, step = c:constant(1), c:constant(2), c:constant(3)
  if V.count(start.shape) ~= 1 or V.count(limit.shape) ~= 1 or V.count(step.shape) ~= 1 then
    c:fail("start, limit and step must be single numbers")
  end
  local a, b, s = V.numbers(start)[1], V.numbers(limit)[1], V.numbers(step)[1]
  if s == 0 or math.abs((b - a) / s) > V.MAX_ELEMENTS then c:fail("a range from %g to %g by %g", a, b, s) end
  local list, dynamic = {}, V.any_dynamic { start, limit, step }
  for i = 0, math.max(math.ceil((b - a) / s), 0) - 1 do list[i + 1] = a + i * s end
  if start.kind == "ints" then return V.ints(list, { #list }, dynamic) end
  return V.floats(tensor.tensor({ #list }, list), nil, dynamic)
end

--- Indices of the elements that are not zero: one row per axis.
local function NonZero(c)
  local x, rows, n = c:constant(1), {}, 0
  for i = 1, #x.shape do rows[i] = {} end
  for at, v in ipairs(V.numbers(x)) do
    if v ~= 0 then
      n = n + 1
      local rest = at - 1
      for i = #x.shape, 1, -1 do rows[i][n], rest = rest % x.shape[i], rest // x.shape[i] end
    end
  end
  local ints = {}
  for _, row in ipairs(rows) do table.move(row, 1, n, #ints + 1, ints) end
  return V.ints(ints, { #x.shape, n }, x.dynamic and true)
end

--- TensorProto.DataType of the floating-point types.
local float_types = { [1] = true, [10] = true, [11] = true, [16] = true }

local function truncated(v)
  if v ~= v or v >= 0x1p63 or v < -0x1p63 then return 0 end
  return math.tointeger(v >= 0 and math.floor(v) or math.ceil(v))
end

local function convert(x, to_float, boolean)
  if x.kind == "node" then
    if to_float then return x end
    return { kind = "decision", source = x, shape = x.shape }
  end
  if x.kind == "floats" then
    if to_float then return x end
    local ints = {}
    for i, v in ipairs(x.tensor:values()) do ints[i] = boolean and (v ~= 0 and 1 or 0) or truncated(v) end
    local out = V.ints(ints, x.shape, x.dynamic)
    out.boolean = boolean or nil
    return out
  end
  if to_float then return V.floats(tensor.tensor(x.shape, x.ints), nil, x.dynamic) end
  if not boolean then return V.ints(x.ints, x.shape, x.dynamic) end
  return V.booleans(V.map(function(v) return v ~= 0 and 1 or 0 end, x), x.shape, x.dynamic)
end

local function Cast(c)
  local to = c:attr("to")
  return convert(c:input(1), float_types[to], to == 9)
end

local function CastLike(c)
  local like = c:input(2)
  return convert(c:input(1), like.kind ~= "ints", like.boolean)
end

--- Rounding of constants (scale factors); activations have no gradient through it.
local function rounding(fn)
  return function(c)
    local x, list = c:constant(1), {}
    if x.kind == "ints" then return x end
    for i, v in ipairs(x.tensor:values()) do list[i] = fn(v) end
    return V.floats(tensor.tensor(x.shape, list), nil, x.dynamic)
  end
end

local function half_to_even(v)
  local low = math.floor(v)
  local rest = v - low
  if rest > 0.5 or (rest == 0.5 and low % 2 == 1) then return low + 1 end
  return low
end

M.ops = {
  Constant = Constant, ConstantOfShape = ConstantOfShape, Range = Range, NonZero = NonZero,
  Cast = Cast, CastLike = CastLike,
  Floor = rounding(math.floor), Ceil = rounding(math.ceil), Round = rounding(half_to_even),
}

return M
