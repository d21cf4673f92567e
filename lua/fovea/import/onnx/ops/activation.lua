--- Activation functions: one activation in, one out, the layout kept. Constants are folded.
local V = require "fovea.import.onnx.value"
local tensor = require "fovea.tensor"

local M = {}

--- An operator that is one graph op without attributes; `fold` names the tensor method for constants.
local function simple(op, fold)
  return function(c)
    local x = c:input(1)
    if x.kind == "ints" and op == "abs" then return V.ints(V.map(math.abs, x), x.shape, x.dynamic) end
    if x.kind == "ints" and op == "neg" then
      return V.ints(V.map(function(a) return -a end, x), x.shape, x.dynamic)
    end
    if x.kind == "floats" and fold then return V.floats(fold(x.tensor), nil, x.dynamic) end
    return c:unary(op, x)
  end
end

local function method(name)
  return function(t) return t[name](t) end
end

M.Relu = simple("relu", method "relu")
M.Sigmoid = simple("sigmoid", method "sigmoid")
M.Tanh = simple("tanh", method "tanh")
M.Exp = simple("exp", method "exp")
M.Log = simple("log", method "log")
M.Sqrt = simple("sqrt", method "sqrt")
M.Abs = simple("abs", method "abs")
M.Neg = simple("neg", function(t) return -t end)
M.Reciprocal = simple("reciprocal", function(t) return 1 / t end)
M.Erf = simple "erf"
M.Softplus = simple "softplus"
M.Mish = simple "mish"
M.HardSwish = simple "hard_swish"
M.Swish = simple "silu"

--- Slope 0.01 unless written.
---@param c fovea.onnx.Context
function M.LeakyRelu(c)
  return c:unary("leaky_relu", c:input(1), { alpha = c:attr("alpha", 0.01) })
end

--- Alpha 1 unless written.
---@param c fovea.onnx.Context
function M.Elu(c)
  return c:unary("elu", c:input(1), { alpha = c:attr("alpha", 1.0) })
end

--- alpha elu(x / alpha).
---@param c fovea.onnx.Context
function M.Celu(c)
  local alpha = c:attr("alpha", 1.0)
  if alpha == 1 then return c:unary("elu", c:input(1)) end
  local base, perm = c:base(c:input(1))
  local x = c:emit("mul", { base, c:source(V.floats(tensor.full({}, 1 / alpha))) }, "scaled")
  x = c:emit("elu", { x }, "elu")
  return V.node(c:emit("mul", { x, c:source(V.floats(tensor.full({}, alpha))) }), perm)
end

--- x / (1 + |x|).
---@param c fovea.onnx.Context
function M.Softsign(c)
  local base, perm = c:base(c:input(1))
  local size = c:emit("add", { c:emit("abs", { base }, "abs"), c:source(V.floats(tensor.full({}, 1))) }, "size")
  return V.node(c:emit("div", { base, size }), perm)
end

--- The constants of the paper unless written.
---@param c fovea.onnx.Context
function M.Selu(c)
  return c:unary("selu", c:input(1), { alpha = c:attr("alpha"), gamma = c:attr("gamma") })
end

--- Slope 0.2 unless written (PyTorch writes 1/6).
---@param c fovea.onnx.Context
function M.HardSigmoid(c)
  return c:unary("hard_sigmoid", c:input(1), { alpha = c:attr("alpha", 0.2), beta = c:attr("beta", 0.5) })
end

--- Exact, or the tanh approximation.
---@param c fovea.onnx.Context
function M.Gelu(c)
  return c:unary("gelu", c:input(1), { approximate = c:attr("approximate", "none") })
end

--- Bounds: attributes before opset 11, inputs since.
---@param c fovea.onnx.Context
function M.Clip(c)
  local x = c:input(1)
  local low, high = c:scalar("min", 2), c:scalar("max", 3)
  if x.kind == "ints" then
    local function clip(a) return math.min(math.max(a, low or a), high or a) end
    return V.ints(V.map(clip, x), x.shape, x.dynamic)
  end
  if x.kind == "floats" then
    return V.floats(x.tensor:clamp(low or -math.huge, high or math.huge), nil, x.dynamic)
  end
  if low == 0 and (not high or high >= 3.4e38) then return c:unary("relu", x) end
  return c:unary("clip", x, { min = low, max = high })
end

--- Slope per channel: shapes C, C x 1 x 1, 1 x C x 1 x 1 or a single number; channels last when the value is.
---@param c fovea.onnx.Context
function M.PRelu(c)
  local x, slope = c:input(1), c:constant(2)
  if slope.kind ~= "floats" then c:fail("the slope must be a constant") end
  local base, perm = c:base(x)
  local count = V.count(slope.shape)
  if count ~= 1 and count ~= base:shape()[2] then
    c:fail("a slope of %d values for %d channels", count, base:shape()[2])
  end
  local node = c:source(c:reshape_constant(slope, { count }), "slope")
  return V.node(c:emit("prelu", { base, node }), perm)
end

--- softmax along one axis. Before opset 13 exporters move the channels to the end, take the softmax there and move them
--- back: the transpositions cancel out, and the node runs along the channels, where the end of a model is looked for.
local function along(c, op, x, axis)
  local perm = x.perm
  if not perm or #perm < 4 then return c:unary(op, x, { axis = axis }) end
  if perm[axis] == 2 then return V.node(c:emit(op, { x.node, axis = 2 }), perm) end
  local swap = {}
  for i = 1, #perm do swap[i] = i end
  swap[2], swap[axis] = axis, 2
  return V.node(c:emit(op, { c:transposed(x.node, V.permuted(perm, swap)), axis = 2 }), swap)
end

--- Since opset 13 along one axis (default the last); before, over all axes from `axis` (default 1) on at once.
local function softmax(op)
  return function(c)
    local x, new = c:input(1), c.opset >= 13
    local axis = c:axis(c:attr("axis", new and -1 or 1), #x.shape)
    local wide = 0
    for i = axis, #x.shape do wide = wide + (x.shape[i] > 1 and 1 or 0) end
    if new or axis == #x.shape then return along(c, op, x, axis) end
    if wide <= 1 then
      for i = axis, #x.shape do
        if x.shape[i] > 1 then axis = i end
      end
      return along(c, op, x, axis)
    end
    local rows, columns = 1, 1
    for i, d in ipairs(x.shape) do
      if i < axis then rows = rows * d else columns = columns * d end
    end
    local flat = c:emit("reshape", { c:node(x), shape = { rows, columns } }, "view")
    local out = c:emit(op, { flat, axis = 2 }, "rows")
    return V.node(c:emit("reshape", { out, shape = x.shape }))
  end
end

M.Softmax = softmax "softmax"
M.LogSoftmax = softmax "log_softmax"

--- Outside training nothing happens; the mask output is never there in an exported model.
---@param c fovea.onnx.Context
function M.Dropout(c)
  return c:input(1)
end

--- The value itself.
---@param c fovea.onnx.Context
function M.Identity(c)
  return c:input(1)
end

return M
