--- Parts of values along an axis, for the operators that need them.
local V = require "fovea.import.onnx.value"

local M = {}

--- Elements first..last (1-based, inclusive) of one axis of a list in row-major order.
local function slice_integers(value, axis, first, last, step)
  local shape = table.move(value.shape, 1, #value.shape, 1, {})
  local outer, inner, ints, flags = 1, 1, {}, {}
  for i, d in ipairs(shape) do
    if i < axis then outer = outer * d elseif i > axis then inner = inner * d end
  end
  local size = shape[axis]
  shape[axis] = 0
  for _ = first, last, step do shape[axis] = shape[axis] + 1 end
  for o = 0, outer - 1 do
    for at = first, last, step do
      local from = (o * size + at - 1) * inner
      for i = from + 1, from + inner do
        ints[#ints + 1], flags[#flags + 1] = value.ints[i], V.is_dynamic(value.dynamic, i)
      end
    end
  end
  local out = V.ints(ints, shape, V.flags(flags))
  out.boolean = value.boolean
  return out
end

--- One axis of any value; indices 1-based and inclusive.
---@param c fovea.onnx.Context
---@param value fovea.onnx.Value
---@param axis integer
---@param first integer
---@param last integer
---@param step integer
---@param suffix? string of the new node's name
---@return fovea.onnx.Value
function M.slice(c, value, axis, first, last, step, suffix)
  if first == 1 and step == 1 and last == value.shape[axis] then return value end
  if value.kind == "ints" then return slice_integers(value, axis, first, last, step) end
  if (last - first) * step < 0 then c:fail("the slice of axis %d is empty", axis) end
  if value.kind == "floats" then
    if step < 0 then c:fail("a constant cannot be sliced backwards") end
    return V.floats(value.tensor:slice(axis, first, last, step), nil, value.dynamic and true)
  end
  local base, perm = c:base(value)
  return V.node(c:emit("slice", {
    base, axis = perm and perm[axis] or axis, first = first, last = last, step = step,
  }, suffix), perm)
end

--- The consecutive parts of an axis with the given sizes.
---@param c fovea.onnx.Context
---@param x fovea.onnx.Value
---@param axis integer
---@param sizes integer[]
---@return fovea.onnx.Value[]
function M.parts(c, x, axis, sizes)
  local results, at, size = {}, 0, x.shape[axis]
  for i, n in ipairs(sizes) do
    if n < 1 or at + n > size then c:fail("parts of %s do not fit %d", table.concat(sizes, ","), size) end
    results[i] = M.slice(c, x, axis, at + 1, at + n, 1, tostring(i))
    at = at + n
  end
  if at ~= size then c:fail("parts of %s do not fit %d", table.concat(sizes, ","), size) end
  return results
end

return M
