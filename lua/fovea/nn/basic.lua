--- Single layers: convolution, normalisation, dense, upsampling. Methods of fovea.NN; they work on images and volumes.
local lookup = require "fovea.lookup"

---@class fovea.NN
local Layers = {}

--- One entry per spatial axis from a number or a list.
local function per_axis(value, spatial)
  if type(value) == "table" then return value end
  local list = {}
  for i = 1, spatial do list[i] = value end
  return list
end

local CONV_OPTIONS = { "kernel", "stride", "dilation", "pad", "groups", "bias", "parameters" }

--- A convolution; padded so that stride 1 keeps the size (odd kernels).
---@param name string
---@param x fovea.Node
---@param channels integer
---@param options? { kernel: integer|integer[]|nil, stride: integer|integer[]|nil, dilation: integer?, pad: integer?,
---  groups: integer?, bias: boolean?, parameters: string? } kernel 3, stride 1, dilation 1, groups 1, bias true;
---  parameters: their name when another layer shares them
---@return fovea.Node
function Layers:conv(name, x, channels, options)
  lookup.check_keys(options, CONV_OPTIONS, "conv")
  options = options or {}
  local shape, spatial = x:shape(), #x:shape() - 2
  local kernel, dilation = per_axis(options.kernel or 3, spatial), options.dilation or 1
  local pad, parameters = {}, options.parameters or name
  for i, k in ipairs(kernel) do pad[i] = dilation * (k - 1) // 2 end
  local sources = { x, self:param(parameters .. ".weight",
    { channels, shape[2] // (options.groups or 1), table.unpack(kernel) }) }
  if options.bias ~= false then sources[3] = self:param(parameters .. ".bias", { channels }, { init = 0 }) end
  sources[#sources + 1] = { stride = options.stride or 1, dilation = dilation, pad = options.pad or pad,
    groups = options.groups or 1 }
  return self:apply("conv", name, table.unpack(sources))
end

--- A transposed convolution whose kernel is its stride: the size times that factor.
---@param name string
---@param x fovea.Node
---@param channels integer
---@param options? { kernel: integer|integer[]|nil, bias: boolean? } kernel 2, bias true
---@return fovea.Node
function Layers:conv_transpose(name, x, channels, options)
  lookup.check_keys(options, { "kernel", "bias" }, "conv_transpose")
  options = options or {}
  local shape = x:shape()
  local kernel = per_axis(options.kernel or 2, #shape - 2)
  local sources = { x, self:param(name .. ".weight", { shape[2], channels, table.unpack(kernel) }) }
  if options.bias ~= false then sources[3] = self:param(name .. ".bias", { channels }, { init = 0 }) end
  sources[#sources + 1] = { stride = kernel }
  return self:apply("conv_transpose", name, table.unpack(sources))
end

--- Batch normalisation with running statistics.
---@param name string
---@param x fovea.Node
---@param options? { epsilon: number?, momentum: number?, parameters: string? } 1e-5, 0.1
---@return fovea.Node
function Layers:batch_norm(name, x, options)
  lookup.check_keys(options, { "epsilon", "momentum", "parameters" }, "batch_norm")
  options = options or {}
  local shape, parameters = { x:shape()[2] }, options.parameters or name
  return self:apply("batch_norm", name, x,
    self:param(parameters .. ".weight", shape, { init = 1 }), self:param(parameters .. ".bias", shape, { init = 0 }),
    self:statistic(parameters .. ".running_mean", shape, { init = 0 }),
    self:statistic(parameters .. ".running_var", shape, { init = 1 }),
    { epsilon = options.epsilon or 1e-5, momentum = options.momentum or 0.1 })
end

--- Instance normalisation with scale and shift.
---@param name string
---@param x fovea.Node
---@param options? { epsilon: number? } 1e-5
---@return fovea.Node
function Layers:instance_norm(name, x, options)
  lookup.check_keys(options, { "epsilon" }, "instance_norm")
  local shape = { x:shape()[2] }
  return self:apply("instance_norm", name, x, self:param(name .. ".weight", shape, { init = 1 }),
    self:param(name .. ".bias", shape, { init = 0 }), { epsilon = options and options.epsilon or 1e-5 })
end

--- A dense layer over N x C.
---@param name string
---@param x fovea.Node
---@param features integer
---@param options? { bias: boolean? } true
---@return fovea.Node
function Layers:dense(name, x, features, options)
  lookup.check_keys(options, { "bias" }, "dense")
  local sources = { x, self:param(name .. ".weight", { features, x:shape()[2] }) }
  if not options or options.bias ~= false then
    sources[3] = self:param(name .. ".bias", { features }, { init = 0 })
  end
  return self:apply("linear", name, table.unpack(sources))
end

--- Twice the size, or `scale` times.
---@param name string
---@param x fovea.Node
---@param options? { mode: "nearest"|"bilinear"|"transposed"|nil, coordinates: string?, channels: integer?,
---  scale: integer? } bilinear, half_pixel; channels: of the transposed convolution
---@return fovea.Node
function Layers:up(name, x, options)
  lookup.check_keys(options, { "mode", "coordinates", "channels", "scale" }, "up")
  options = options or {}
  local scale = options.scale or 2
  if options.mode == "transposed" then
    return self:conv_transpose(name, x, options.channels or x:shape()[2], { kernel = scale })
  end
  local size = { table.unpack(x:shape(), 3) }
  for i, n in ipairs(size) do size[i] = n * scale end
  if options.mode == "nearest" then
    return self:resample(name, x, { size = size, mode = "nearest", coordinates = "asymmetric", rounding = "floor" })
  end
  return self:resample(name, x, { size = size, mode = "linear", coordinates = options.coordinates or "half_pixel" })
end

--- Resized to the size of another node.
---@param name string
---@param x fovea.Node
---@param other fovea.Node
---@param coordinates? string default "half_pixel"
---@return fovea.Node
function Layers:resize_to(name, x, other, coordinates)
  return self:resample(name, x, { size = { table.unpack(other:shape(), 3) }, mode = "linear",
    coordinates = coordinates or "half_pixel" })
end

return Layers
