--- Reductions over axes. The axes are an attribute in old operator sets and an input in new ones.
local V = require "fovea.import.onnx.value"

local M = {}

--- Sorted logical axes (1-based), or nil where the operator must leave its input alone.
local function axes_of(c, rank)
  local list = c:list("axes", 2)
  if not list or #list == 0 then
    if c:attr("noop_with_empty_axes", 0) == 1 then return nil end
    list = {}
    for i = 1, rank do list[i] = i - 1 end
  end
  local axes = {}
  for i, a in ipairs(list) do axes[i] = c:axis(a, rank) end
  table.sort(axes)
  return axes
end

--- Logical layout of the result once the reduced axes are gone.
local function remaining_layout(perm, reduced)
  local order, at, out = {}, {}, {}
  for _, p in ipairs(perm) do
    if not reduced[p] then order[#order + 1] = p end
  end
  local sorted = table.move(order, 1, #order, 1, {})
  table.sort(sorted)
  for i, p in ipairs(sorted) do at[p] = i end
  for i, p in ipairs(order) do out[i] = at[p] end
  return out
end

--- One reduction of an activation, the layout kept.
local function reduce(c, op, value, axes, keep, suffix)
  local base, perm = c:base(value)
  local mapped, reduced, spatial = {}, {}, #value.shape > 2
  for i, a in ipairs(axes) do
    mapped[i] = perm and perm[a] or a
    reduced[mapped[i]] = true
  end
  table.sort(mapped)
  for i = 1, #value.shape do spatial = spatial and ((i > 2) == (reduced[i] == true)) end
  if op == "reduce_mean" and keep and spatial and not suffix then
    return V.node(c:emit("global_avg_pool", { base }), perm)
  end
  local node = c:emit(op, { base, axes = mapped, keep_dims = keep }, suffix)
  if perm and not keep then perm = remaining_layout(perm, reduced) end
  return V.node(node, perm)
end

local function has(axes, axis)
  for _, a in ipairs(axes) do
    if a == axis then return true end
  end
  return false
end

local folds = { reduce_mean = "mean", reduce_sum = "sum", reduce_max = "max" }

local function fold_integers(c, op, x, axes, keep)
  if #axes ~= #x.shape then c:fail("a reduction of integers over some of the axes") end
  local total = op == "reduce_max" and math.mininteger or 0
  for _, v in ipairs(x.ints) do total = op == "reduce_max" and math.max(total, v) or total + v end
  if op == "reduce_mean" then c:fail("a mean of integers") end
  local shape = {}
  if keep then
    for i = 1, #x.shape do shape[i] = 1 end
  end
  return V.ints({ total }, shape, x.dynamic and true)
end

local function reduction(op)
  return function(c)
    local x, keep = c:input(1), c:attr("keepdims", 1) == 1
    local axes = axes_of(c, #x.shape)
    if not axes then return x end
    if x.kind == "ints" then return fold_integers(c, op, x, axes, keep) end
    if x.kind == "floats" then
      if #x.shape == 0 then return x end
      axes.keep_dims = keep
      return V.floats(x.tensor[folds[op]](x.tensor, axes), nil, x.dynamic and true)
    end
    return reduce(c, op, x, axes, keep)
  end
end

M.ReduceMean = reduction "reduce_mean"
M.ReduceSum = reduction "reduce_sum"
M.ReduceMax = reduction "reduce_max"

--- Product of integers: the number of elements of a shape.
---@param c fovea.onnx.Context
function M.ReduceProd(c)
  local x = c:constant(1)
  local axes = axes_of(c, #x.shape)
  if x.kind ~= "ints" or not axes or #axes ~= #x.shape then c:fail("only a product of all integers is supported") end
  local product, shape = 1, {}
  for _, v in ipairs(x.ints) do product = product * v end
  if c:attr("keepdims", 1) == 1 then
    for i = 1, #x.shape do shape[i] = 1 end
  end
  return V.ints({ product }, shape, x.dynamic and true)
end

--- Reductions written with others: `before` and `after` are unary ops around it.
local function composed(before, op, after)
  return function(c)
    local x, keep = c:input(1), c:attr("keepdims", 1) == 1
    local axes = axes_of(c, #x.shape)
    if not axes then c:fail("no axes are given") end
    local base, perm = c:base(x)
    local options = before == "pow" and { base, exponent = 2 } or { base }
    local value = V.node(c:emit(before, options, "each"), perm)
    if not after then return reduce(c, op, value, axes, keep) end
    return c:unary(after, reduce(c, op, value, axes, keep, "all"))
  end
end

--- log(sum(exp(x))), the maximum taken out first.
---@param c fovea.onnx.Context
function M.ReduceLogSumExp(c)
  local x, keep = c:input(1), c:attr("keepdims", 1) == 1
  local axes = axes_of(c, #x.shape)
  if not axes then c:fail("no axes are given") end
  local largest = reduce(c, "reduce_max", x, axes, true, "largest")
  local base, perm = c:base(x)
  local each = c:emit("exp", { c:emit("sub", { base, largest.node }, "shifted") }, "each")
  local total = reduce(c, "reduce_sum", V.node(each, perm), axes, true, "sum")
  local out = V.node(c:emit("add", { c:emit("log", { total.node }, "log"), largest.node }), perm)
  if keep then return out end
  local shape = {}
  for i, d in ipairs(out.shape) do shape[#shape + 1] = not has(axes, i) and d or nil end
  return c:view(out, shape)
end

M.ReduceMin = composed("neg", "reduce_max", "neg")
M.ReduceL1 = composed("abs", "reduce_sum")
M.ReduceL2 = composed("pow", "reduce_sum", "sqrt")
M.ReduceSumSquare = composed("pow", "reduce_sum")

--- The class per pixel: no gradient; what leads to it is the output that can be explained.
---@param c fovea.onnx.Context
function M.ArgMax(c)
  local x = c:input(1)
  if x.kind ~= "node" then c:fail("an arg-max of constants is not supported") end
  return { kind = "decision", source = x, shape = x.shape }
end

M.ArgMin = M.ArgMax

return M
