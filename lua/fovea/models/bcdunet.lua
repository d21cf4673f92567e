--- BCDU-Net (Azad et al. 2019): a U-Net with a densely connected bottleneck (D1: one block, D3: three) whose skips and
--- upsampled maps are joined by a convolutional LSTM, as published: one direction, decoder map first. MCGU-Net is the
--- same with squeeze-excite and wider LSTMs (models/mcgunet.lua).

local names = require "fovea.nn.names"

local OPTIONS = {
  { name = "channels", default = 3, doc = "channels of the image" },
  { name = "width", default = 64, doc = "channels of the first level; all others are multiples" },
  { name = "dense", default = 3, choices = { 1, 3 }, doc = "blocks of the bottleneck: 3 (D3) or 1 (D1)" },
  { name = "gate", default = "hard_sigmoid", choices = { "hard_sigmoid", "sigmoid", "hard_sigmoid_6" },
    doc = "recurrent activation: hard_sigmoid (Keras 1, 2), sigmoid (Keras 3), hard_sigmoid_6 (Keras 3's hard one)" },
  { name = "order", default = "decoder_first", choices = { "decoder_first", "encoder_first" },
    doc = "which map the LSTM reads first" },
  { name = "directions", default = 1, choices = { 1, 2 }, doc = "2: both orders, as in the paper" },
  { name = "zero_state", default = false, doc = "convolve the state of zeros before the first step, as Keras does" },
}

local PREPROCESS = { scale = 1, size = { policy = "pad", multiple = 8 } }

--- What MCGU-Net has otherwise.
---@class fovea.BcduShape
---@field third integer convolutions of the third encoder block
---@field first_dense integer convolutions of the first block of the bottleneck
---@field squeeze boolean squeeze-excite after transposed convolutions and decoder blocks
---@field filters number[] of the LSTMs, in multiples of the width
local SHAPE = { third = 2, first_dense = 2, squeeze = false, filters = { 2, 1, 0.5 } }

local EPSILON = 1e-3

local function convs(nn, name, x, channels, count)
  return nn:scope(name):conv_block(x, channels, { norm = false }, count)
end

local function squeeze(nn, x, shape)
  return shape.squeeze and nn:squeeze_excite("se", x, { reduction = 16 }) or x
end

--- Blocks of which each but the second sees the outputs of those before.
local function bottleneck(nn, x, shape, channels, count)
  local first = convs(nn, "dense1", x, channels, shape.first_dense)
  if not shape.squeeze then first = nn:dropout("dense1.dropout", first) end
  if count == 1 then return first end
  local second = nn:dropout("dense2.dropout", convs(nn, "dense2", first, channels))
  return nn:dropout("dense3.dropout", convs(nn, "dense3", nn:concat("dense3.concat", second, first), channels))
end

local function filters(shape, number, options)
  return math.max(1, math.tointeger(options.width * shape.filters[number - 5] // 1))
end

local function decoder_block(nn, number, x, skip, shape, options)
  local channels = skip:shape()[2]
  local up = nn:scope("up" .. number)
  x = squeeze(up, up:conv_transpose("conv", x, channels), shape)
  x = up:relu("relu", up:batch_norm("bn", x, { epsilon = EPSILON }))
  local sequence = options.order == "decoder_first" and { x, skip } or { skip, x }
  x = nn:conv_lstm("lstm" .. number, sequence, filters(shape, number, options), { gate = options.gate,
    directions = options.directions, zero_state = options.zero_state })
  return squeeze(nn:scope("decoder" .. number), convs(nn, "decoder" .. number, x, channels), shape)
end

local function input(options) return { 1, options.channels, false, false } end

--- Builds either network.
---@param nn fovea.NN
---@param x fovea.Node
---@param options table
---@param shape? fovea.BcduShape
---@return fovea.Node
local function build(nn, x, options, shape)
  shape = shape or SHAPE
  local skips = {}
  for level = 1, 3 do
    skips[level] = convs(nn, "encoder" .. level, x, options.width << (level - 1), level == 3 and shape.third or 2)
    x = nn:max_pool(("encoder%d.pool"):format(level), skips[level], { kernel = 2 })
  end
  if not shape.squeeze then skips[3] = nn:dropout("encoder3.dropout", skips[3]) end
  x = bottleneck(nn, x, shape, 8 * options.width, options.dense)
  for number = 6, 8 do x = decoder_block(nn, number, x, skips[9 - number], shape, options) end
  x = nn:scope("conv8"):unit("", x, 2, { norm = false })
  return nn:sigmoid("output", nn:conv("head", x, 1, { kernel = 1 }))
end

--- Bottleneck, first decoder block, last ConvLSTM, last decoder block. The two channels of conv8 are a poor choice:
--- after their ReLU one 1x1 convolution is left, and both weights may be negative.
local function candidate_layers(options)
  return { ("dense%d.relu2"):format(options.dense), "decoder6.relu2", "lstm8", "decoder8.relu2" }
end

-- Keras names its layers by kind and number, in the order of their making: own names of either network.
local function keras_names(shape, dense)
  local kinds = { conv2d = {}, conv2d_transpose = {}, batch_normalization = {}, conv_lst_m2d = {}, dense = {} }
  local function convs_of(name, count)
    for i = 1, count do table.insert(kinds.conv2d, ("%s.conv%d"):format(name, i)) end
  end
  local function squeeze_of(name)
    if not shape.squeeze then return end
    table.insert(kinds.dense, name .. ".se.reduce")
    table.insert(kinds.dense, name .. ".se.expand")
  end
  for level = 1, 3 do convs_of("encoder" .. level, level == 3 and shape.third or 2) end
  for i = 1, dense do convs_of("dense" .. i, i == 1 and shape.first_dense or 2) end
  for number = 6, 8 do
    table.insert(kinds.conv2d_transpose, ("up%d.conv"):format(number))
    table.insert(kinds.batch_normalization, ("up%d.bn"):format(number))
    table.insert(kinds.conv_lst_m2d, "lstm" .. number)
    squeeze_of("up" .. number)
    convs_of("decoder" .. number, 2)
    squeeze_of("decoder" .. number)
  end
  table.insert(kinds.conv2d, "conv8.conv")
  table.insert(kinds.conv2d, "head")
  return names.numbered(kinds, 1)
end

return {
  name = "bcdunet", doc = "BCDU-Net: ConvLSTM skips and a densely connected bottleneck",
  options = OPTIONS, input = input, build = build, candidate_layers = candidate_layers, preprocess = PREPROCESS,
  maps = { rezazad68_D3 = keras_names(SHAPE, 3), rezazad68_D1 = keras_names(SHAPE, 1) }, keras_names = keras_names,
}
