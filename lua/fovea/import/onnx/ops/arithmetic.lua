--- Element-wise operators of two or more inputs. Integers and booleans are computed here, float constants with
--- tensor maths; the rest becomes graph nodes.
local V = require "fovea.import.onnx.value"

local M = {}

--- Integer division of ONNX and C: towards zero.
local function divide(a, b)
  local q = a // b
  return (q < 0 and q * b ~= a) and q + 1 or q
end

local function power(a, b)
  local out = 1
  for _ = 1, b do out = out * a end
  return out
end

local ops = {
  Add = { "add", function(a, b) return a + b end },
  Sub = { "sub", function(a, b) return a - b end },
  Mul = { "mul", function(a, b) return a * b end },
  Div = { "div", divide, function(a, b) return a / b end },
  Min = { "min", math.min, function(a, b) return a:min_of(b) end },
  Max = { "max", math.max, function(a, b) return a:max_of(b) end },
}

local function truth(v)
  return v and 1 or 0
end

--- The result on integers, or a failure that names both shapes.
local function integers(c, fn, ...)
  local ints, shape = V.map(fn, ...)
  if not ints then
    local a, b = ...
    c:fail("shapes %s and %s do not fit", table.concat(a.shape, "x"), table.concat(b.shape, "x"))
  end
  return V.ints(ints, shape, V.merged_flags({ ... }, shape))
end

--- A layout for the result that needs no transposition of the bigger operand, with the channels first.
local function common_layout(a, b)
  if V.pending(a) and #a.shape >= #b.shape then return a.perm end
  if V.pending(b) and #b.shape >= #a.shape then return b.perm end
end

local function combine(c, op, a, b, suffix)
  local perm = common_layout(a, b)
  if not perm then return V.node(c:emit(op, { c:source(a), c:source(b) }, suffix)) end
  return V.node(c:emit(op, { c:node_in(a, perm), c:node_in(b, perm) }, suffix), perm)
end

local function binary(c, spec, a, b, suffix)
  if a.kind == "ints" and b.kind == "ints" then
    if spec[1] == "div" then
      for _, d in ipairs(b.ints) do
        if d == 0 then c:fail("integer division by zero") end
      end
    end
    return integers(c, spec[2], a, b)
  end
  if a.kind == "floats" and b.kind == "floats" then
    local folded = (spec[3] or spec[2])(a.tensor, b.tensor)
    return V.floats(folded, nil, V.merged_flags({ a, b }, folded:shape()))
  end
  return combine(c, spec[1], a, b, suffix)
end

for name, spec in pairs(ops) do
  M[name] = function(c)
    local values = c:inputs()
    local result = values[1]
    for i = 2, #values do result = binary(c, spec, result, values[i], i < #values and "part" or nil) end
    return result
  end
end

M.Sum = M.Add

--- Mean of several values, element by element.
---@param c fovea.onnx.Context
function M.Mean(c)
  local values = c:inputs()
  local result = values[1]
  for i = 2, #values do result = binary(c, ops.Add, result, values[i], "part") end
  if #values == 1 then return result end
  local tensor = require "fovea.tensor"
  return binary(c, ops.Mul, result, V.floats(tensor.full({}, 1 / #values)))
end

--- x^p with one constant exponent.
---@param c fovea.onnx.Context
function M.Pow(c)
  local x, p = c:input(1), c:constant(2)
  if x.kind == "ints" and p.kind == "ints" then return integers(c, power, x, p) end
  if V.count(p.shape) ~= 1 then c:fail("the exponent must be a single number") end
  local exponent = V.numbers(p)[1]
  if x.kind == "floats" then return V.floats(x.tensor:pow(exponent), nil, x.dynamic) end
  return c:unary("pow", x, { exponent = exponent })
end

--- Remainder of integers.
---@param c fovea.onnx.Context
function M.Mod(c)
  local a, b = c:constant(1), c:constant(2)
  if a.kind ~= "ints" or b.kind ~= "ints" then c:fail("the remainder of floating-point values is not supported") end
  local fmod = c:attr("fmod", 0) == 1
  return integers(c, function(x, y)
    if y == 0 then c:fail("integer division by zero") end
    return fmod and x - y * divide(x, y) or x % y
  end, a, b)
end

-- comparisons and logic --------------------------------------------------------------------------------------------

local function as_ints(value)
  if value.kind == "ints" then return value end
  return V.ints(V.numbers(value), value.shape, value.dynamic) -- only compared, never computed with
end

local function comparison(fn, count)
  return function(c)
    local values = c:inputs()
    if #values ~= (count or 2) then c:fail("%d inputs", #values) end
    for _, v in ipairs(values) do
      if v.kind == "node" then return { kind = "decision", source = v, shape = v.shape } end
    end
    for i, v in ipairs(values) do values[i] = as_ints(v) end
    local result = integers(c, fn, table.unpack(values))
    result.boolean = true
    return result
  end
end

M.Equal = comparison(function(a, b) return truth(a == b) end)
M.Greater = comparison(function(a, b) return truth(a > b) end)
M.GreaterOrEqual = comparison(function(a, b) return truth(a >= b) end)
M.Less = comparison(function(a, b) return truth(a < b) end)
M.LessOrEqual = comparison(function(a, b) return truth(a <= b) end)
M.And = comparison(function(a, b) return a & b end)
M.Or = comparison(function(a, b) return a | b end)
M.Xor = comparison(function(a, b) return a ~ b end)
M.Not = comparison(function(a) return 1 - a end, 1)

-- where ------------------------------------------------------------------------------------------------------------

--- x where the constant condition holds, y elsewhere, with at least one of them an activation: masks made of constants.
--- A constant branch is zeroed where it is not taken, because infinities times zero would be NaN.
local function masked(c, condition, x, y)
  local tensor = require "fovea.tensor"
  local mask = tensor.tensor(condition.shape, condition.ints)
  local function part(value, keep, suffix)
    if value.kind == "floats" then
      local shape = V.broadcast(value.shape, condition.shape)
      local zero = tensor.full({}, 0):expand(shape)
      return V.floats(keep:expand(shape):where(value.tensor:expand(shape), zero))
    end
    return binary(c, ops.Mul, value, V.floats(keep), suffix)
  end
  return binary(c, ops.Add, part(x, mask, "taken"), part(y, 1 - mask, "other"))
end

--- Selects by a constant condition.
---@param c fovea.onnx.Context
function M.Where(c)
  local condition, x, y = c:constant(1), c:input(2), c:input(3)
  if condition.kind ~= "ints" then c:fail("the condition must hold booleans") end
  local dynamic = V.any_dynamic { condition, x, y }
  if x.kind == "ints" and y.kind == "ints" then
    return integers(c, function(k, a, b) return k ~= 0 and a or b end, condition, x, y)
  end
  local total = 0
  for _, k in ipairs(condition.ints) do total = total + (k ~= 0 and 1 or 0) end
  for value, wanted in pairs { [x] = #condition.ints, [y] = 0 } do
    local shape = V.broadcast(V.broadcast(x.shape, y.shape) or {}, condition.shape)
    if total == wanted and shape and V.same_list(shape, value.shape) then return value end
  end
  if x.kind == "floats" and y.kind == "floats" then
    local tensor = require "fovea.tensor"
    local shape = V.broadcast(V.broadcast(x.shape, y.shape) or c:fail("shapes do not fit"), condition.shape)
    local mask = tensor.tensor(condition.shape, condition.ints):expand(shape)
    return V.floats(mask:where(x.tensor:expand(shape), y.tensor:expand(shape)), nil, dynamic)
  end
  return masked(c, condition, x, y)
end

return M
