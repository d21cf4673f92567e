--- U-Net (Ronneberger et al. 2015) with same padding, as the common code bases have it: two convolutions per block,
--- with or without batch normalisation, and several ways up.
local names = require "fovea.nn.names"

local OPTIONS = {
  { name = "channels", default = 3, doc = "channels of the image" },
  { name = "classes", default = 1, doc = "channels of the output" },
  { name = "width", default = 64, doc = "channels of the first level; each level has twice as many" },
  { name = "depth", default = 5, doc = "levels" },
  { name = "norm", default = "batch", choices = { "batch", "none" }, doc = "normalisation after each convolution" },
  { name = "conv_bias", default = true, doc = "biases of the blocks' convolutions" },
  { name = "up", default = "transposed", choices = { "transposed", "bilinear", "nearest" }, doc = "upsampling" },
  { name = "up_conv", default = true,
    doc = "after bilinear or nearest a 3x3 convolution halves the channels; without it, levels below are narrower" },
  { name = "coordinates", default = "half_pixel", choices = { "half_pixel", "align_corners" },
    doc = "rule of bilinear upsampling" },
  { name = "concat", default = "skip_first", choices = { "skip_first", "up_first" }, doc = "order of concatenation" },
}

local function unit_options(options)
  return { norm = options.norm == "batch" and "batch" or false, bias = options.conv_bias }
end

--- Without a convolution on the way up the block before it ends with the channels of the level above.
local function is_bare(options) return options.up ~= "transposed" and not options.up_conv end

local function up(nn, x, channels, options)
  x = nn:up("up", x, { mode = options.up, channels = channels, coordinates = options.coordinates })
  if options.up == "transposed" or is_bare(options) then return x end
  return nn:scope("up"):unit("", x, channels, unit_options(options))
end

local function decoder_block(nn, x, skip, channels, options)
  x = up(nn, x, channels, options)
  x = options.concat == "skip_first" and nn:concat("concat", skip, x) or nn:concat("concat", x, skip)
  if not is_bare(options) then return nn:conv_block(x, channels, unit_options(options)) end
  local narrow = channels == options.width and channels or channels // 2
  return nn:unit(2, nn:unit(1, x, channels, unit_options(options)), narrow, unit_options(options))
end

local function build(nn, x, options)
  local skips, depth = {}, options.depth
  for level = 1, depth do
    local scope, channels = nn:scope("encoder." .. level), options.width << (level - 1)
    if level > 1 then x = scope:max_pool("pool", x, { kernel = 2 }) end
    if level == depth and is_bare(options) then channels = channels // 2 end
    x = scope:conv_block(x, channels, unit_options(options))
    skips[level] = x
  end
  for step = 1, depth - 1 do
    local level = depth - step
    x = decoder_block(nn:scope("decoder." .. step), x, skips[level], options.width << (level - 1), options)
  end
  return nn:conv("head", x, options.classes, { kernel = 1 })
end

--- Bottleneck, first and last decoder block.
local function candidate_layers(options)
  return { ("encoder.%d.relu2"):format(options.depth), "decoder.1.relu2",
    ("decoder.%d.relu2"):format(options.depth - 1) }
end

-- Two convolutions in a sequence: 0 conv, 1 bn, 2 relu, 3 conv, 4 bn; without normalisation 0 and 2.
local sequence = { ["0"] = "conv1", ["1"] = "bn1", ["2"] = "conv2", ["3"] = "conv2", ["4"] = "bn2" }
local function in_sequence(block, offset)
  return function(level, index, leaf)
    return sequence[index] and ("%s.%d.%s.%s"):format(block, level + offset, sequence[index], leaf)
  end
end

local MAPS = {
  -- milesial/Pytorch-UNet
  milesial = names.rules {
    { "inc%.double_conv%.(%d)%.([%w_]+)", function(...) return in_sequence("encoder", 1)(0, ...) end },
    { "down(%d)%.maxpool_conv%.1%.double_conv%.(%d)%.([%w_]+)", in_sequence("encoder", 1) },
    { "up(%d)%.conv%.double_conv%.(%d)%.([%w_]+)", in_sequence("decoder", 0) },
    { "up(%d)%.up%.(%w+)", "decoder.%1.up.%2" },
    { "outc%.conv%.(%w+)", "head.%1" },
  },
  -- LeeJunHyun/Image_Segmentation, U_Net: up = nearest
  LeeJunHyun = names.rules {
    { "Conv(%d)%.conv%.(%d)%.([%w_]+)", in_sequence("encoder", 0) },
    { "Up_conv(%d)%.conv%.(%d)%.([%w_]+)", function(level, ...)
      return in_sequence("decoder", 0)(6 - level, ...)
    end },
    { "Up(%d)%.up%.(%d)%.([%w_]+)", function(level, layer, leaf)
      return ("decoder.%d.up.%s.%s"):format(6 - level, layer == "1" and "conv" or "bn", leaf)
    end },
    { "Conv_1x1%.(%w+)", "head.%1" },
  },
  -- mateuszbuda/brain-segmentation-pytorch: width = 32, conv_bias = false, concat = up_first
  mateuszbuda = names.rules {
    { "encoder(%d)%.enc%dconv(%d)%.(%w+)", "encoder.%1.conv%2.%3" },
    { "encoder(%d)%.enc%dnorm(%d)%.([%w_]+)", "encoder.%1.bn%2.%3" },
    { "bottleneck%.bottleneckconv(%d)%.(%w+)", "encoder.5.conv%1.%2" },
    { "bottleneck%.bottlenecknorm(%d)%.([%w_]+)", "encoder.5.bn%1.%2" },
    { "upconv(%d)%.(%w+)", function(level, leaf) return ("decoder.%d.up.%s"):format(5 - level, leaf) end },
    { "decoder(%d)%.dec%dconv(%d)%.(%w+)", function(level, unit, leaf)
      return ("decoder.%d.conv%s.%s"):format(5 - level, unit, leaf)
    end },
    { "decoder(%d)%.dec%dnorm(%d)%.([%w_]+)", function(level, unit, leaf)
      return ("decoder.%d.bn%s.%s"):format(5 - level, unit, leaf)
    end },
    { "conv%.(%w+)", "head.%1" },
  },
}

return {
  name = "unet", doc = "U-Net", options = OPTIONS, build = build, candidate_layers = candidate_layers, maps = MAPS,
  input = function(options) return { 1, options.channels, false, false } end,
  preprocess = { scale = 1 / 255, size = { policy = "pad", multiple = 16 } },
}
