--- Matrix products.
local V = require "fovea.import.onnx.value"

local M = {}

local function transposed(c, value)
  return c:transpose_constant(value, { 2, 1 })
end

local function scaled(c, value, factor)
  if factor == 1 then return value end
  return c:derive(value, ("times %.9g"):format(factor), function(t) return t * factor end)
end

--- alpha A' B' + beta C; a layer when B is constant.
---@param c fovea.onnx.Context
function M.Gemm(c)
  local a, b, bias = c:input(1), c:input(2), c:optional(3)
  local alpha, beta = c:attr("alpha", 1.0), c:attr("beta", 1.0)
  local transpose_a, transpose_b = c:attr("transA", 0) == 1, c:attr("transB", 0) == 1
  if bias and bias.kind ~= "floats" then
    if beta ~= 1 then c:fail("beta = %g with a bias that is an activation", beta) end
  elseif bias then
    bias = scaled(c, bias, beta)
  end
  local out
  if b.kind == "floats" then
    local weights = scaled(c, transpose_b and b or transposed(c, b), alpha)
    local x = c:node(a)
    if transpose_a then x = c:emit("transpose", { x, permutation = { 2, 1 } }, "transposed") end
    local rows = weights.shape[1]
    if bias and bias.kind == "floats" and V.count(bias.shape) == rows and bias.shape[#bias.shape] == rows then
      bias = c:reshape_constant(bias, { rows })
      return V.node(c:emit("linear", { x, c:source(weights, "weight"), c:source(bias, "bias") }))
    end
    out = c:emit("linear", { x, c:source(weights, "weight") }, bias and "product" or nil)
  else
    if alpha ~= 1 then c:fail("alpha = %g with two activations", alpha) end
    out = c:emit("matmul", { c:source(a), c:node(b), transpose_a = transpose_a, transpose_b = transpose_b },
      bias and "product" or nil)
  end
  if not bias then return V.node(out) end
  return V.node(c:emit("add", { out, c:source(bias) }))
end

--- Gives vectors the missing axis; returns the node and whether it had to.
local function matrix(c, value, first)
  if #value.shape ~= 1 then return c:source(value), false end
  local n = value.shape[1]
  return c:emit("reshape", { c:source(value), shape = first and { 1, n } or { n, 1 } }, "matrix"), true
end

--- A layer when the right factor is a constant matrix.
---@param c fovea.onnx.Context
function M.MatMul(c)
  local a, b = c:input(1), c:input(2)
  if a.kind == "floats" and b.kind == "floats" then
    return V.floats(a.tensor:matmul(b.tensor), nil, V.any_dynamic { a, b })
  end
  if b.kind == "floats" and #b.shape == 2 and #a.shape >= 2 then
    return V.node(c:emit("linear", { c:node(a), c:source(transposed(c, b), "weight") }))
  end
  local left, a_vector = matrix(c, a, true)
  local right, b_vector = matrix(c, b, false)
  if not (a_vector or b_vector) then return V.node(c:emit("matmul", { left, right })) end
  local out = c:emit("matmul", { left, right }, "product")
  local shape, kept = out:shape(), {}
  for i, d in ipairs(shape) do
    local dropped = (a_vector and i == #shape - 1) or (b_vector and i == #shape)
    if not dropped then kept[#kept + 1] = d end
  end
  return V.node(c:emit("reshape", { out, shape = kept }))
end

--- Labels of the last two axes of an operand once the common batch labels are removed.
local function split_labels(labels, batch)
  if labels:sub(1, #batch) ~= batch or #labels ~= #batch + 2 then return nil end
  return labels:sub(-2, -2), labels:sub(-1)
end

--- The equations that are matrix products with leading batch axes: "bhid,bhjd->bhij", "ij,jk->ik" and the like.
---@param c fovea.onnx.Context
function M.Einsum(c)
  local equation = c:attr("equation", ""):gsub("%s", "")
  local left, right, out = equation:match("^(%a+),(%a+)%->(%a+)$")
  local batch = left and out:sub(1, -3)
  local i, a_last, b_first, b_last, o1, o2
  if left then
    i, a_last = split_labels(left, batch)
    b_first, b_last = split_labels(right, batch)
    o1, o2 = out:sub(-2, -2), out:sub(-1)
  end
  if not (i and b_first) then c:fail("the equation '%s' is not a plain matrix product", equation) end
  local transpose_a = i ~= o1
  local row, inner = transpose_a and a_last or i, transpose_a and i or a_last
  local transpose_b = b_first ~= inner
  local inner_b, column = transpose_b and b_last or b_first, transpose_b and b_first or b_last
  if row ~= o1 or column ~= o2 or inner ~= inner_b then
    c:fail("the equation '%s' is not a plain matrix product", equation)
  end
  return V.node(c:emit("matmul", {
    c:source(c:input(1)), c:source(c:input(2)), transpose_a = transpose_a, transpose_b = transpose_b,
  }))
end

return M
