--- Weights of one Keras layer as tensors named and laid out as PyTorch has them: convolutions O,I,H,W, transposed ones
--- I,O,H,W, depthwise ones C*M,1,H,W, dense layers O,I; normalisation weight, bias, running_mean, running_var;
--- convolutional LSTMs input.weight, input.bias, hidden.weight with the gates i, f, c, o.
local tensor = require "fovea.tensor"

local M = {}

---@class fovea.KerasStyle
---@field order "keras"|"th"|"tf" axes of kernels: H,W,I,O; Keras 1: O,I,H,W ("th") or H,W,I,O ("tf")
---@field flip boolean kernels of true convolutions, as Theano has: both axes are turned

--- Roles that only change their name.
local RENAMED = { bias = "bias", b = "bias", gamma = "weight", beta = "bias", moving_mean = "running_mean",
  moving_variance = "running_var", running_mean = "running_mean", running_var = "running_var",
  running_std = "running_var" } -- Keras 1 calls it std; it holds the variance

--- Numbers first, first + 1, ..., last.
local function span(first, last)
  local list = {}
  for i = first, last do list[#list + 1] = i end
  return list
end

--- Turned along the spatial axes of O,I,H,W.
local function turned(t)
  for axis = 3, t:rank() do
    local parts, size = {}, t:shape()[axis]
    for i = size, 1, -1 do parts[#parts + 1] = t:slice(axis, i, i) end
    if size > 1 then t = assert(tensor.concat(parts, axis)) end
  end
  return t
end

--- A kernel of H,W,I,O (transposed convolution: H,W,O,I) or, in Keras 1, another order.
local function conv_kernel(t, style, class)
  local rank = t:rank()
  local spatial, old_transposed = span(1, rank - 2), class == "deconvolution2d"
  if style.order == "th" then
    if old_transposed then t = t:transpose { 2, 1, table.unpack(span(3, rank)) } end
  elseif style.order == "tf" and old_transposed then
    t = t:transpose { rank - 1, rank, table.unpack(spatial) }
  else
    t = t:transpose { rank, rank - 1, table.unpack(spatial) }
  end
  return style.flip and turned(t) or t
end

--- H,W,C,M -> C*M,1,H,W.
local function depthwise_kernel(t, style)
  local rank, shape = t:rank(), t:shape()
  local moved = t:transpose { rank - 1, rank, table.unpack(span(1, rank - 2)) }
  moved = moved:reshape { shape[rank - 1] * shape[rank], 1, table.unpack(shape, 1, rank - 2) }
  return style.flip and turned(moved) or moved
end

local function kernel(t, style, class)
  if t:rank() == 2 then return t:transpose { 2, 1 } end
  if t:rank() < 2 then return t end
  return conv_kernel(t, style, class)
end

local function add(list, name, value) list[#list + 1] = { name = name, tensor = value } end

--- Convolutional LSTM of Keras 1: kernels and biases of each gate on their own.
local function add_gates(list, w, style)
  local function joined(letter, convert)
    local parts = {}
    for i, gate in ipairs { "i", "f", "c", "o" } do parts[i] = convert(w[letter .. "_" .. gate]) end
    return assert(tensor.concat(parts, 1))
  end
  local function convert(t) return conv_kernel(t, style) end
  add(list, "input.weight", joined("W", convert))
  add(list, "input.bias", joined("b", function(t) return t end))
  add(list, "hidden.weight", joined("U", convert))
end

local function add_lstm(list, w, style)
  add(list, "input.weight", conv_kernel(w.kernel, style))
  if w.bias then add(list, "input.bias", w.bias) end
  add(list, "hidden.weight", conv_kernel(w.recurrent_kernel, style))
end

--- Scale or shift of a normalisation that does without.
local function add_norm(list, w)
  local mean = w.moving_mean or w.running_mean
  add(list, "weight", w.gamma or assert(tensor.full(mean:shape(), 1)))
  add(list, "bias", w.beta or assert(tensor.zeros(mean:shape())))
  add(list, "running_mean", mean)
  add(list, "running_var", w.moving_variance or w.running_std or w.running_var)
end

local function add_separable(list, w, style)
  add(list, "depthwise.weight", depthwise_kernel(w.depthwise_kernel, style))
  add(list, "pointwise.weight", conv_kernel(w.pointwise_kernel, style))
  if w.bias then add(list, "pointwise.bias", w.bias) end
end

--- One slope per channel when the others are shared, which is all that PReLU has elsewhere.
local function slopes(t)
  local shape = t:shape()
  return t:count() == shape[#shape] and t:flatten() or t
end

local function add_plain(list, w, style, layer)
  for _, role in ipairs(layer.roles) do
    local t = w[role]
    if role == "kernel" or role == "W" then
      local depthwise = layer.class:find "^depthwise_conv" and t:rank() > 2
      add(list, "weight", depthwise and depthwise_kernel(t, style) or kernel(t, style, layer.class))
    elseif role == "depthwise_kernel" then
      add(list, "weight", depthwise_kernel(t, style))
    elseif role == "alpha" or role == "alphas" then
      add(list, "weight", slopes(t))
    else
      add(list, RENAMED[role] or role, t)
    end
  end
end

local function all_gates(w)
  for _, letter in ipairs { "W", "U", "b" } do
    for _, gate in ipairs { "i", "f", "c", "o" } do
      local t = w[letter .. "_" .. gate]
      if not t or t:rank() ~= (letter == "b" and 1 or 4) then return false end
    end
  end
  return true
end

--- The tensors of a layer.
---@param layer fovea.KerasLayer
---@param weights table<string, fovea.Tensor> by role
---@param style fovea.KerasStyle
---@return { name: string, tensor: fovea.Tensor }[]
function M.layer(layer, weights, style)
  local list, w = {}, weights
  if all_gates(w) then
    add_gates(list, w, style)
  elseif w.kernel and w.recurrent_kernel and w.kernel:rank() > 3 then
    add_lstm(list, w, style)
  elseif (w.moving_mean or w.running_mean) and (w.moving_variance or w.running_std or w.running_var) then
    add_norm(list, w)
  elseif w.depthwise_kernel and w.pointwise_kernel then
    add_separable(list, w, style)
  else
    add_plain(list, w, style, layer)
  end
  return list
end

return M
