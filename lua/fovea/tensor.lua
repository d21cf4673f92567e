--- Tensors: constructors from nested tables, over the class fovea.core.Tensor.
local core = require "fovea.core"

local M = {}

--- Shape of a nested table, read along the first element of each level.
local function nested_shape(value)
  local shape = {}
  while type(value) == "table" do
    shape[#shape + 1] = #value
    value = value[1]
  end
  return shape
end

--- Appends the numbers of a nested table to flat; raises when a level does not fit the shape.
local function flatten(value, shape, axis, flat)
  local size = shape[axis]
  if not size then
    if type(value) ~= "number" then
      error(("tensor: expected a number at depth %d, got a %s"):format(axis, type(value)), 0)
    end
    flat[#flat + 1] = value
    return
  end
  if type(value) ~= "table" or #value ~= size then
    local got = type(value) == "table" and ("a table of %d"):format(#value) or ("a %s"):format(type(value))
    error(("tensor: ragged table, axis %d has %d entries but here is %s"):format(axis, size, got), 0)
  end
  for i = 1, size do flatten(value[i], shape, axis + 1, flat) end
end

--- A tensor from nested tables (`tensor{{1, 2}, {3, 4}}`), from a number (rank 0), or from a shape and a flat list.
---@param nested table|number nested tables of numbers, or the shape when `values` is given
---@param values? number[]
---@return fovea.Tensor? tensor nil when there is not enough memory
---@return string? message
---@return string? code
function M.tensor(nested, values)
  if values ~= nil then return core.tensor(nested, values) end
  local shape, flat = nested_shape(nested), {}
  local ok, message = pcall(flatten, nested, shape, 1, flat)
  if not ok then error(message, 2) end
  return core.tensor(shape, flat)
end

M.zeros, M.full, M.uniform, M.normal = core.zeros, core.full, core.uniform, core.normal
M.concat = core.concat

return M
