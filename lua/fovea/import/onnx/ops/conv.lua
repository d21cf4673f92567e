--- Convolution, transposed convolution and pooling.
local V = require "fovea.import.onnx.value"

local M = {}

local function filled(n, value)
  local list = {}
  for i = 1, n do list[i] = value end
  return list
end

--- Pads that make the output ceil(in / stride): the odd one at the end (SAME_UPPER) or the start (SAME_LOWER).
local function same_pads(shape, kernel, stride, dilation, lower)
  local before, after = {}, {}
  for i = 1, #kernel do
    local size = shape[i + 2]
    local out = (size + stride[i] - 1) // stride[i]
    local total = math.max((out - 1) * stride[i] + (kernel[i] - 1) * dilation[i] + 1 - size, 0)
    before[i] = lower and (total + 1) // 2 or total // 2
    after[i] = total - before[i]
  end
  return before, after
end

--- stride, dilation, pad, pad_end of the current node.
local function window(c, shape, kernel)
  local n = #kernel
  local stride, dilation = c:attr("strides", filled(n, 1)), c:attr("dilations", filled(n, 1))
  local auto = c:attr("auto_pad", "NOTSET")
  local pads = c:attr("pads", filled(2 * n, 0))
  if #shape ~= n + 2 then c:fail("a kernel of %d axes on a value of %d dimensions", n, #shape) end
  if #stride ~= n or #dilation ~= n or #pads ~= 2 * n then
    c:fail("strides, dilations and pads must have %d, %d and %d entries", n, n, 2 * n)
  end
  for i = 1, n do
    if stride[i] < 1 or dilation[i] < 1 or kernel[i] < 1 then c:fail("strides, dilations and kernels start at 1") end
  end
  local before, after = table.move(pads, 1, n, 1, {}), table.move(pads, n + 1, 2 * n, 1, {})
  if auto == "SAME_UPPER" or auto == "SAME_LOWER" then
    before, after = same_pads(shape, kernel, stride, dilation, auto == "SAME_LOWER")
  elseif auto == "VALID" then
    before, after = filled(n, 0), filled(n, 0)
  elseif auto ~= "NOTSET" and auto ~= "" then
    c:fail("unknown auto_pad '%s'", auto)
  end
  return { stride = stride, dilation = dilation, pad = before, pad_end = after }
end

local function kernel_of(c, weights)
  local kernel = c:attr("kernel_shape")
  if kernel and #kernel > 0 then return kernel end
  return table.move(weights.shape, 3, #weights.shape, 1, {})
end

--- Any number of spatial axes, groups, dilation, asymmetric padding.
---@param c fovea.onnx.Context
function M.Conv(c)
  local x, weights = c:input(1), c:input(2)
  local options = window(c, x.shape, kernel_of(c, weights))
  options.groups = c:attr("group", 1)
  options[1], options[2], options[3] = c:node(x), c:source(weights, "weight"), c:weight(3, "bias")
  return V.node(c:emit("conv", options))
end

--- Pads from the wanted output size (ONNX puts the odd pixel at the end with SAME_UPPER, at the start otherwise).
local function fit_output(options, shape, kernel, wanted, upper)
  for i = 1, #kernel do
    local extent = (kernel[i] - 1) * options.dilation[i] + 1
    local total = options.stride[i] * (shape[i + 2] - 1) + options.output_pad[i] + extent - wanted[i]
    if total < 0 then options.output_pad[i], total = options.output_pad[i] - total, 0 end
    options.pad[i] = upper and total // 2 or (total + 1) // 2
    options.pad_end[i] = total - options.pad[i]
  end
end

--- The size of the output is given by pads, by `output_shape`, or by auto_pad.
---@param c fovea.onnx.Context
function M.ConvTranspose(c)
  local x, weights = c:input(1), c:input(2)
  local kernel, auto = kernel_of(c, weights), c:attr("auto_pad", "NOTSET")
  local options = window(c, x.shape, kernel)
  local n, wanted = #kernel, c:attr("output_shape")
  options.output_pad = table.move(c:attr("output_padding", filled(n, 0)), 1, n, 1, {})
  if wanted and #wanted > n then wanted = table.move(wanted, #wanted - n + 1, #wanted, 1, {}) end
  if #options.output_pad ~= n or (wanted and #wanted ~= n) then
    c:fail("output_padding and output_shape must have %d entries", n)
  end
  if wanted then
    wanted = c.rescale.spatial(c, wanted, x, 1)
  elseif auto == "SAME_UPPER" or auto == "SAME_LOWER" then
    wanted = {}
    for i = 1, n do wanted[i] = x.shape[i + 2] * options.stride[i] end
  end
  if wanted then fit_output(options, x.shape, kernel, wanted, auto == "SAME_UPPER") end
  options.groups = c:attr("group", 1)
  options[1], options[2], options[3] = c:node(x), c:source(weights, "weight"), c:weight(3, "bias")
  return V.node(c:emit("conv_transpose", options))
end

-- pooling ----------------------------------------------------------------------------------------------------------

local function pool(c, op)
  local x, kernel = c:input(1), c:attr("kernel_shape")
  if not kernel then c:fail("attribute kernel_shape is missing") end
  local options = window(c, x.shape, kernel)
  options.kernel = kernel
  options.ceil = c:attr("ceil_mode", 0) == 1
  options[1] = c:node(x)
  return options, x, op
end

local function spatial_axes(rank)
  local axes = {}
  for i = 3, rank do axes[#axes + 1] = i end
  return axes
end

local function global_max(c, node, rank)
  return V.node(c:emit("reduce_max", { node, axes = spatial_axes(rank), keep_dims = true }))
end

local SMALLEST_ADAPTIVE = 4

--- A pool that covered its whole input at the file's own size was a global one. Windows of 2 or 3 are ordinary
--- pools: the last halving of a small picture covers everything too.
local function covers_all(c, options, x)
  local shape = c.declared and c.declared[c.node_info.inputs[1]] or x.shape
  for i, k in ipairs(options.kernel) do
    if k ~= shape[i + 2] or options.pad[i] ~= 0 or options.pad_end[i] ~= 0 then return false end
  end
  return math.max(table.unpack(options.kernel)) >= SMALLEST_ADAPTIVE
end

--- Without the indices that unpooling needs.
---@param c fovea.onnx.Context
function M.MaxPool(c)
  if (c.node_info.outputs[2] or "") ~= "" and c.used_values[c.node_info.outputs[2]] then
    c:fail("the indices of a max pooling (for unpooling) are not supported")
  end
  local options, x = pool(c)
  if covers_all(c, options, x) then return global_max(c, options[1], #x.shape) end
  return V.node(c:emit("max_pool", options))
end

--- The output size of an adaptive pool of a pyramid (PSPNet, the ASPP of Double U-Net), which exporters write as
--- windows without overlap for the file's own input size; nil at that size and for other pools. Windows of 2 or 3 are
--- ordinary pools.
local function pyramid_size(c, options)
  local old, size = c.rescale.declared_shape(c, 1), {}
  if not old then return nil end
  for i, k in ipairs(options.kernel) do
    if k < SMALLEST_ADAPTIVE or options.stride[i] ~= k or old[i + 2] % k ~= 0 or options.pad[i] ~= 0
      or options.pad_end[i] ~= 0 then
      return nil
    end
    size[i] = old[i + 2] // k
  end
  c:warn(("'%s' pools windows of %s: at other input sizes than the file's it is taken for an adaptive pool to %s")
    :format(c.node_info.label, table.concat(options.kernel, "x"), table.concat(size, "x")))
  return size
end

--- A pool over everything is a global one.
---@param c fovea.onnx.Context
function M.AveragePool(c)
  local options, x = pool(c)
  if covers_all(c, options, x) then return V.node(c:emit("global_avg_pool", { options[1] })) end
  for _, d in ipairs(options.dilation) do
    if d ~= 1 then c:fail("average pooling with dilation is not supported") end
  end
  options.dilation = nil
  local size = pyramid_size(c, options)
  if size then return V.node(c:emit("adaptive_avg_pool", { options[1], size = size })) end
  options.include_pad = c:attr("count_include_pad", 0) == 1
  return V.node(c:emit("avg_pool", options))
end

--- Mean over the spatial axes.
---@param c fovea.onnx.Context
function M.GlobalAveragePool(c)
  return V.node(c:emit("global_avg_pool", { c:node(c:input(1)) }))
end

--- Maximum over the spatial axes.
---@param c fovea.onnx.Context
function M.GlobalMaxPool(c)
  local x = c:input(1)
  return global_max(c, c:node(x), #x.shape)
end

return M
