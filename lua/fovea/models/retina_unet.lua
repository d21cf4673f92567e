--- retina-unet (Cortinovis 2016): a small U-Net for grey patches of the retina, without normalisation, with dropout
--- inside the blocks and a softmax over two classes behind a ReLU; class 2 is vessel.
local names = require "fovea.nn.names"

local OPTIONS = {
  { name = "channels", default = 1, doc = "channels of the image" },
  { name = "widths", default = { 32, 64, 128 }, doc = "channels of the levels" },
}

local DROPOUT, UNIT = 0.2, { norm = false }

local function block(nn, x, channels)
  x = nn:dropout("dropout", nn:unit(1, x, channels, UNIT), { rate = DROPOUT })
  return nn:unit(2, x, channels, UNIT)
end

local function build(nn, x, options)
  local skips, depth = {}, #options.widths
  for level, channels in ipairs(options.widths) do
    local scope = nn:scope("encoder." .. level)
    if level > 1 then x = scope:max_pool("pool", x, { kernel = 2 }) end
    x = block(scope, x, channels)
    skips[level] = x
  end
  for step = 1, depth - 1 do
    local scope, level = nn:scope("decoder." .. step), depth - step
    x = scope:concat("concat", scope:up("up", x, { mode = "nearest" }), skips[level])
    x = block(scope, x, options.widths[level])
  end
  x = nn:relu("scores", nn:conv("head", x, 2, { kernel = 1 }))
  return nn:softmax("output", x, { axis = 2 })
end

--- Bottleneck, first and last decoder block.
local function candidate_layers(options)
  local depth = #options.widths
  return { ("encoder.%d.relu2"):format(depth), "decoder.1.relu2", ("decoder.%d.relu2"):format(depth - 1) }
end

local CONVS = { "encoder.1.conv1", "encoder.1.conv2", "encoder.2.conv1", "encoder.2.conv2", "encoder.3.conv1",
  "encoder.3.conv2", "decoder.1.conv1", "decoder.1.conv2", "decoder.2.conv1", "decoder.2.conv2", "head" }

return {
  name = "retina_unet", doc = "retina-unet: a small U-Net for patches of the retina", options = OPTIONS, build = build,
  candidate_layers = candidate_layers, maps = { orobix = names.numbered({ convolution2d = CONVS, conv2d = CONVS }, 1) },
  input = function(options) return { 1, options.channels, false, false } end,
  preprocess = { channels = 1, scale = 1 / 255, size = { policy = "pad", multiple = 4 } },
}
