--- Blocks of several layers that many networks share. Methods of fovea.NN.
local lookup = require "fovea.lookup"

---@class fovea.NN
local Layers = {}

---@class fovea.UnitOptions options of unit and conv_block; those of conv pass through
---@field norm "batch"|"instance"|false|nil default "batch"
---@field activation string|false|nil op; default "relu"
---@field slope number? of leaky_relu (0.01)
---@field norm_last boolean? conv, activation, normalisation; default: conv, normalisation, activation
---@field epsilon number? of the normalisation
---@field kernel integer|integer[]|nil
---@field stride integer|integer[]|nil
---@field dilation integer?
---@field groups integer?
---@field bias boolean? of the convolution

local UNIT_OPTIONS = { "norm", "activation", "slope", "norm_last", "epsilon", "kernel", "stride", "dilation", "groups",
  "bias" }

local norm_names = { batch = "bn", instance = "norm" }

local function normalise(self, suffix, y, options)
  local norm = options.norm == nil and "batch" or options.norm
  if not norm then return y end
  return self[norm .. "_norm"](self, norm_names[norm] .. suffix, y, { epsilon = options.epsilon })
end

local function activate(self, suffix, y, options)
  local activation = options.activation == nil and "relu" or options.activation
  if not activation then return y end
  return self[activation](self, activation .. suffix, y, { alpha = options.slope })
end

--- Convolution, normalisation, activation in the scope: nodes conv, bn, relu with a suffix.
---@param suffix string|integer for example 1
---@param x fovea.Node
---@param channels integer
---@param options? fovea.UnitOptions
---@return fovea.Node
function Layers:unit(suffix, x, channels, options)
  lookup.check_keys(options, UNIT_OPTIONS, "unit")
  options = options or {}
  local y = self:conv("conv" .. suffix, x, channels, { kernel = options.kernel, stride = options.stride,
    dilation = options.dilation, groups = options.groups, bias = options.bias })
  if options.norm_last then return normalise(self, suffix, activate(self, suffix, y, options), options) end
  return activate(self, suffix, normalise(self, suffix, y, options), options)
end

--- Units one after the other in the scope: conv1, bn1, relu1, conv2, bn2, relu2, ...
---@param x fovea.Node
---@param channels integer
---@param options? fovea.UnitOptions
---@param count? integer default 2
---@return fovea.Node
function Layers:conv_block(x, channels, options, count)
  for i = 1, count or 2 do x = self:unit(i, x, channels, options) end
  return x
end

--- Squeeze and excitation (Hu et al. 2018): channels weighted by two dense layers over their means.
---@param name string
---@param x fovea.Node
---@param options? { reduction: integer?, bias: boolean? } reduction 8 (at least one channel is left), bias true
---@return fovea.Node
function Layers:squeeze_excite(name, x, options)
  lookup.check_keys(options, { "reduction", "bias" }, "squeeze_excite")
  options = options or {}
  local s, shape, dense = self:scope(name), x:shape(), { bias = options.bias }
  local batch, channels = shape[1], shape[2]
  local y = s:reshape("squeeze", s:global_avg_pool("pool", x), { shape = { batch, channels } })
  y = s:relu("relu", s:dense("reduce", y, math.max(1, channels // (options.reduction or 8)), dense))
  y = s:sigmoid("gate", s:dense("expand", y, channels, dense))
  local ones = { batch, channels }
  for axis = 3, #shape do ones[axis] = 1 end
  return self:mul(name, x, s:reshape("weights", y, { shape = ones }))
end

--- Atrous spatial pyramid pooling (Chen et al. 2018): pooled map, 1x1 and dilated 3x3 convolutions side by side, then a
--- 1x1 convolution over all. Each has normalisation and ReLU.
---@param name string
---@param x fovea.Node
---@param channels integer
---@param options? { rates: integer[]?, pooled: integer?, pooled_first: boolean?, pool_bias: boolean?,
---  coordinates: string?, epsilon: number?, dropout: number? } rates 6 12 18; pooled: size of the pooled map (1);
---  pooled_first (true): the pooled branch comes first in the concatenation; pool_bias (false): its convolution has one
---@return fovea.Node
function Layers:aspp(name, x, channels, options)
  lookup.check_keys(options, { "rates", "pooled", "pooled_first", "pool_bias", "coordinates", "epsilon", "dropout" },
    "aspp")
  options = options or {}
  local s, branches = self:scope(name), {}
  local epsilon = options.epsilon
  local pool = s:adaptive_avg_pool("pool.mean", x, { size = options.pooled or 1 })
  pool = s:scope("pool"):unit("", pool, channels, { kernel = 1, bias = options.pool_bias or false, epsilon = epsilon })
  pool = s:resize_to("pool", pool, x, options.coordinates)
  branches[1] = s:scope("rate1"):unit("", x, channels, { kernel = 1, bias = false, epsilon = epsilon })
  for i, rate in ipairs(options.rates or { 6, 12, 18 }) do
    branches[i + 1] = s:scope("rate" .. rate):unit("", x, channels, { dilation = rate, bias = false,
      epsilon = epsilon })
  end
  table.insert(branches, options.pooled_first == false and #branches + 1 or 1, pool)
  local y = s:conv("project.conv", s:concat("concat", table.unpack(branches)), channels, { kernel = 1, bias = false })
  y = s:batch_norm("project.bn", y, { epsilon = epsilon })
  if not options.dropout then return self:relu(name, y) end
  return self:dropout(name, s:relu("project.relu", y), { rate = options.dropout })
end

--- Additive attention gate (Oktay et al. 2018): the skip weighted by a map in 0 to 1 that skip and gating signal make.
---@param name string
---@param skip fovea.Node
---@param gating fovea.Node of the same size
---@param channels integer between
---@return fovea.Node
function Layers:attention_gate(name, skip, gating, channels)
  local s, pointwise = self:scope(name), { kernel = 1, activation = false }
  local sum = s:add("sum", s:scope("gating"):unit("", gating, channels, pointwise),
    s:scope("skip"):unit("", skip, channels, pointwise))
  local psi = s:scope("psi"):unit("", s:relu("relu", sum), 1, { kernel = 1, activation = "sigmoid" })
  return self:mul(name, skip, psi)
end

return Layers
