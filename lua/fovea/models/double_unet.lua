--- Double U-Net (Jha et al. 2020): a U-Net with a VGG-19 encoder, atrous pyramid and squeeze-excite makes a mask; image
--- times mask goes through a second U-Net, whose decoder also has the skips of the first. The Keras original and the
--- author's PyTorch port differ in details, each of which is an option; `variant` chooses them together.
local names = require "fovea.nn.names"

local OPTIONS = {
  { name = "channels", default = 3, doc = "channels of the image" },
  { name = "width", default = 32, doc = "of the last decoder blocks; others are multiples (VGG-19: 2 to 16)" },
  { name = "variant", default = "keras", choices = { "keras", "torch" }, doc = "the published code that is followed" },
  { name = "coordinates", kind = "string", choices = { "half_pixel", "align_corners", "asymmetric" },
    doc = "rule of bilinear upsampling (keras half_pixel, torch align_corners)" },
  { name = "epsilon", kind = "number", doc = "of batch normalisation (keras 1e-3, torch 1e-5)" },
  { name = "conv_bias", kind = "boolean", doc = "biases of the conv blocks (keras true, torch false)" },
  { name = "se_bias", kind = "boolean", doc = "biases in squeeze-excite (keras false, torch true)" },
  { name = "pooled", kind = "integer", doc = "size of the pooled map of the pyramid (keras 1, torch 2)" },
  { name = "pool_bias", kind = "boolean", doc = "bias of the convolution behind it (keras true, torch false)" },
  { name = "probabilities", kind = "boolean", doc = "outputs after the sigmoid (keras true, torch false)" },
}

local variants = {
  keras = { coordinates = "half_pixel", epsilon = 1e-3, conv_bias = true, se_bias = false, pooled = 1,
    pool_bias = true, probabilities = true },
  torch = { coordinates = "align_corners", epsilon = 1e-5, conv_bias = false, se_bias = true, pooled = 2,
    pool_bias = false, probabilities = false },
}

local PREPROCESS = { order = "bgr", scale = 1 / 255, size = { policy = "pad", multiple = 16 } }

local VGG_CONVS = { 2, 2, 4, 4, 4 }

local function settings(options)
  local s = { width = options.width }
  for key, value in pairs(variants[options.variant]) do
    if options[key] == nil then s[key] = value else s[key] = options[key] end
  end
  return s
end

--- Two convolutions with normalisation and ReLU, then squeeze-excite.
local function block(nn, name, x, channels, s)
  local scope = nn:scope(name)
  x = scope:conv_block(x, channels, { bias = s.conv_bias, epsilon = s.epsilon })
  return scope:squeeze_excite("se", x, { reduction = 8, bias = s.se_bias })
end

--- VGG-19 up to the last convolution of block 5: the output of each block.
local function vgg19(nn, x, width)
  local outputs = {}
  for level, count in ipairs(VGG_CONVS) do
    local scope = nn:scope("encoder1." .. level)
    if level > 1 then x = scope:max_pool("pool", x, { kernel = 2 }) end
    x = scope:conv_block(x, width * math.min(16, 1 << level), { norm = false }, count)
    outputs[level] = x
  end
  return outputs
end

local function encoder2(nn, x, s)
  local outputs = {}
  for level = 1, 4 do
    outputs[level] = block(nn, "encoder2." .. level, x, s.width << (level - 1), s)
    x = nn:max_pool(("encoder2.%d.pool"):format(level), outputs[level], { kernel = 2 })
  end
  return outputs, x
end

local function decoder(nn, name, x, s, ...)
  for step = 1, 4 do
    local scope, level, skips = nn:scope(("%s.%d"):format(name, step)), 5 - step, {}
    for i, encoder in ipairs { ... } do skips[i] = encoder[level] end
    x = scope:concat("concat", scope:up("up", x, { coordinates = s.coordinates }), table.unpack(skips))
    x = block(nn, ("%s.%d"):format(name, step), x, s.width << (level - 1), s)
  end
  return x
end

local function input(options) return { 1, options.channels, false, false } end

local function build(nn, image, options)
  local s = settings(options)
  local pyramid = { pooled = s.pooled, pool_bias = s.pool_bias, coordinates = s.coordinates, epsilon = s.epsilon }
  local first = vgg19(nn, image, s.width)
  local x = nn:aspp("aspp1", first[5], 2 * s.width, pyramid)
  local logits1 = nn:conv("head1", decoder(nn, "decoder1", x, s, first), 1, { kernel = 1 })
  local mask = nn:sigmoid(s.probabilities and "output1" or "mask", logits1)
  local second, bottom = encoder2(nn, nn:mul("masked", image, mask), s)
  x = nn:aspp("aspp2", bottom, 2 * s.width, pyramid)
  local logits2 = nn:conv("head2", decoder(nn, "decoder2", x, s, first, second), 1, { kernel = 1 })
  if s.probabilities then return { mask, nn:sigmoid("output2", logits2) } end
  return { nn:identity("output1", logits1), nn:identity("output2", logits2) }
end

local function candidate_layers()
  return { "encoder1.5.relu4", "aspp1", "decoder1.4.se", "encoder2.4.se", "aspp2", "decoder2.4.se" }
end

-- names --------------------------------------------------------------------------------------------------------------

-- The author's PyTorch port. Its encoder is a slice of torchvision's VGG-19, whose layers are numbered through.
local vgg_index = {}
do
  local index = 0
  for level, count in ipairs(VGG_CONVS) do
    for conv = 1, count do
      vgg_index[tostring(index)] = ("encoder1.%d.conv%d"):format(level, conv)
      index = index + 2
    end
    index = index + 1
  end
end
local branches = { ["avgpool.1"] = "pool", c1 = "rate1", c2 = "rate6", c3 = "rate12", c4 = "rate18", c5 = "project" }
local parts = { ["0"] = "conv", ["1"] = "bn" }
local sides = { d = "decoder", e = "encoder" }

-- The Keras original: VGG-19 of keras.applications with names, the rest numbered in the order of its making.
local kinds = { conv2d = {}, batch_normalization = {}, dense = {} }
local function unit_names(prefix, suffix)
  table.insert(kinds.conv2d, prefix .. "conv" .. suffix)
  table.insert(kinds.batch_normalization, prefix .. "bn" .. suffix)
end
local function pyramid_names(name)
  for _, branch in ipairs { "pool", "rate1", "rate6", "rate12", "rate18", "project" } do
    unit_names(("%s.%s."):format(name, branch), "")
  end
end
local function block_names(name)
  for level = 1, 4 do
    unit_names(("%s.%d."):format(name, level), 1)
    unit_names(("%s.%d."):format(name, level), 2)
    table.insert(kinds.dense, ("%s.%d.se.reduce"):format(name, level))
    table.insert(kinds.dense, ("%s.%d.se.expand"):format(name, level))
  end
end
pyramid_names "aspp1"
block_names "decoder1"
table.insert(kinds.conv2d, "head1")
block_names "encoder2"
pyramid_names "aspp2"
block_names "decoder2"
table.insert(kinds.conv2d, "head2")
local vgg = names.rules { { "block(%d)_conv(%d)%.(%w+)", "encoder1.%1.conv%2.%3" } }

local MAPS = {
  DebeshJha_keras = names.any(vgg, names.numbered(kinds, 0)),
  DebeshJha_keras_1 = names.any(vgg, names.numbered(kinds, 1)),
  DebeshJha_torch = names.rules {
    { "e1%.x%d%.(%d+)%.(%w+)", function(index, leaf) return vgg_index[index] and vgg_index[index] .. "." .. leaf end },
    { "a(%d)%.([%w%.]+)%.conv%.(%d)%.([%w_]+)", function(n, branch, part, leaf)
      return branches[branch] and ("aspp%s.%s.%s.%s"):format(n, branches[branch], parts[part], leaf)
    end },
    { "([de])(%d)%.c(%d)%.c(%d)%.conv%.(%d)%.([%w_]+)", function(side, n, level, unit, part, leaf)
      return ("%s%s.%s.%s%s.%s"):format(sides[side], n, level, parts[part], unit, leaf)
    end },
    { "([de])(%d)%.c(%d)%.a1%.fc%.(%d)%.(%w+)", function(side, n, level, layer, leaf)
      return ("%s%s.%s.se.%s.%s"):format(sides[side], n, level, layer == "0" and "reduce" or "expand", leaf)
    end },
    { "y(%d)%.(%w+)", "head%1.%2" },
  },
}

return {
  name = "double_unet", doc = "Double U-Net: VGG-19 U-Net, then a second U-Net on image times mask",
  options = OPTIONS, input = input, build = build, candidate_layers = candidate_layers, preprocess = PREPROCESS,
  explained = "output2", maps = MAPS,
}
