--- Tensors: float32, up to six axes, always contiguous and row-major. This module adds constructors from nested
--- tables to the class fovea.core.Tensor, whose methods are listed here.
---
--- Axes count from 1, or from the end with negative numbers, or go by name after the rank of the tensor: 2 height
--- width, 3 channel height width, 4 batch channel height width, 5 batch channel depth height width. Indices count
--- from 1 and may be negative too. Everything returns a new tensor except reshape and flatten (views that share the
--- elements) and set and fill (in place). Misuse and lack of memory raise an error in methods and operators;
--- constructors return nil, message, code when memory is short.
---
--- Operators: `+ - * / ^` and unary `-`; `& | ~` on masks, where every element but 0 is true. Operands broadcast as in
--- NumPy and may be numbers, which are rounded to float first (so `gt` is strict at attained values). NaN passes
--- through maths, min and max; comparisons with it are false.
---@class fovea.Tensor
---@field shape fun(self): integer[]
---@field rank fun(self): integer
---@field count fun(self): integer number of elements
---@field get fun(self, ...: integer): number also `t(i, j, ...)`
---@field set fun(self, ...: number): fovea.Tensor indices, then the value; in place
---@field item fun(self): number the only element
---@field fill fun(self, value: number): fovea.Tensor in place
---@field values fun(self): number[] flat
---@field to_table fun(self): table|number nested
---@field copy fun(self): fovea.Tensor
---@field reshape fun(self, shape: integer[]): fovea.Tensor one dimension may be -1
---@field flatten fun(self): fovea.Tensor
---@field slice fun(self, axis: fovea.Axis, first: integer, last: integer, step?: integer): fovea.Tensor ends included
---@field select fun(self, axis: fovea.Axis, index: integer): fovea.Tensor drops the axis
---@field transpose fun(self, axes: fovea.Axis[]): fovea.Tensor axes in their new order
---@field expand fun(self, shape: integer[]): fovea.Tensor repeats axes of size 1
---@field equal fun(self, other: fovea.Tensor): boolean same shape and values; NaN equals NaN
---@field hash fun(self): string 16 hexadecimal digits over shape and bits
---@field is_finite fun(self): boolean
---@field count_nonzero fun(self): integer
---@field add fun(self, other: fovea.Operand): fovea.Tensor also sub, mul, div, pow
---@field min_of fun(self, other: fovea.Operand): fovea.Tensor element-wise; also max_of
---@field gt fun(self, other: fovea.Operand): fovea.Tensor 1 where greater, else 0; also ge, lt, le, eq, ne
---@field land fun(self, other: fovea.Operand): fovea.Tensor also lor, lxor
---@field lnot fun(self): fovea.Tensor
---@field where fun(self, a: fovea.Operand, b: fovea.Operand): fovea.Tensor a where self is not 0, else b
---@field abs fun(self): fovea.Tensor also neg, relu, exp, log, sqrt, sigmoid, tanh, sign, floor
---@field clamp fun(self, low?: number, high?: number): fovea.Tensor
---@field sum fun(self, axes?: fovea.Axes): number|fovea.Tensor also mean, max, min, prod; double accumulation
---@field var fun(self, axes?: fovea.Axes): number|fovea.Tensor of the population; also std
---@field any fun(self, axes?: fovea.Axes): boolean|fovea.Tensor
---@field argmax fun(self, axis?: fovea.Axis): integer|fovea.Tensor, number? flat index and value, or indices along axis
---@field quantile fun(self, q: number): number linear interpolation between neighbours at (n - 1) q
---@field top_k fun(self, k: integer): fovea.Tensor, boolean mask of exactly k, by value then position; ties at the cut
---@field sort fun(self): fovea.Tensor all elements, ascending, NaN last
---@field ranks fun(self): fovea.Tensor mid-ranks in ascending order, from 1; equal elements share their mean rank
---@field histogram fun(self, options?: {bins: integer?, min: number?, max: number?}): fovea.Tensor, fovea.Tensor
---@field detection fun(self, mask: fovea.Tensor, within?: fovea.Tensor): number, number areas under the ROC and the
--- precision-recall curve of the elements as scores of the members of a mask; equal scores are one threshold
---@field max_by_label fun(self, values: fovea.Tensor, n: integer): number[] largest value of each label 1..n of self
---@field keep_labels fun(self, keep: boolean[]): fovea.Tensor mask of the voxels whose label is kept
---@field local_mean fun(self, size: integer, axes?: integer): fovea.Tensor over an odd window of the last 2 or 3 axes
---@field softmax fun(self, axis: fovea.Axis): fovea.Tensor
---@field matmul fun(self, other: fovea.Tensor): fovea.Tensor
---@field components fun(self, options?: {connectivity: 4|8|6|18|26}): fovea.Tensor, integer, integer[] labels, n, sizes
---@field distance fun(self, options?: {spacing: number[]}): fovea.Tensor from every voxel to the nearest of the mask
---@field resize fun(self, options: fovea.Resize): fovea.Tensor `t:resize{h, w}`: the trailing axes

---@alias fovea.Axis integer|"batch"|"channel"|"depth"|"height"|"width"
---@alias fovea.Axes fovea.Axis|fovea.Axis[] a list may hold keep_dims = true; without axes the result is a number
---@alias fovea.Operand fovea.Tensor|number

---@class fovea.Resize
---@field [integer] integer new sizes
---@field mode? "linear"|"nearest"
---@field coordinates? "half_pixel"|"align_corners"|"asymmetric"

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

---@type fun(shape: integer[]): fovea.Tensor?, string?, string?
M.zeros = core.zeros

---@type fun(shape: integer[], value: number): fovea.Tensor?, string?, string?
M.full = core.full

--- Element i depends on the seed and i only, whatever the shape.
---@type fun(shape: integer[], options?: {seed: integer?, min: number?, max: number?}): fovea.Tensor?, string?, string?
M.uniform = core.uniform

---@type fun(shape: integer[], options?: {seed: integer?, mean: number?, std: number?}): fovea.Tensor?, string?, string?
M.normal = core.normal

--- Joins tensors that agree on all other axes.
---@type fun(list: fovea.Tensor[], axis: fovea.Axis): fovea.Tensor
M.concat = core.concat

--- Draws a tensor in the terminal: H x W in colours, 3 x H x W as a picture, more channels as a grid of the strongest.
---@param options? table see fovea.show.tensor
function core.Tensor:show(options) require("fovea.show").tensor(self, options) end

return M
