--- M2U-Net (Laibacher et al. 2019): the first 14 blocks of MobileNetV2 as encoder, and a decoder of inverted residuals
--- that contract; the last one also sees the image.
local names = require "fovea.nn.names"

local OPTIONS = {
  { name = "channels", default = 3, doc = "channels of the image" },
  { name = "classes", default = 1, doc = "channels of the output" },
}

-- Encoder: expansion, channels, blocks, stride of the first block. The first three groups end with a skip.
local ENCODER = { { 1, 16, 1, 1 }, { 6, 24, 2, 2 }, { 6, 32, 3, 2 }, { 6, 64, 4, 2 }, { 6, 96, 3, 1 } }
local DECODER, CONTRACTION = { 64, 44, 30 }, 0.15

local function relu6(nn, name, x) return nn:clip(name, x, { min = 0, max = 6 }) end

local function unit(nn, suffix, x, channels, options)
  options.bias = false
  return nn:batch_norm("bn" .. suffix, nn:conv("conv" .. suffix, x, channels, options))
end

--- 1x1 expansion, depthwise 3x3, 1x1 projection; added to the input where the shapes agree.
local function inverted_residual(nn, x, channels, expansion, stride)
  local input = x:shape()[2]
  local hidden = math.floor(input * expansion + 0.5)
  local y = x
  if expansion ~= 1 then y = relu6(nn, "relu1", unit(nn, 1, x, hidden, { kernel = 1 })) end
  y = relu6(nn, "relu2", unit(nn, 2, y, hidden, { stride = stride, groups = hidden }))
  y = unit(nn, 3, y, channels, { kernel = 1 })
  if stride == 1 and input == channels then return nn:add("sum", y, x) end
  return y
end

local function build(nn, image, options)
  local stem = nn:scope "encoder.stem"
  local x, index, skips = relu6(stem, "relu", unit(stem, "", image, 32, { stride = 2 })), 0, {}
  for group, row in ipairs(ENCODER) do
    local expansion, channels, count, stride = table.unpack(row)
    for block = 1, count do
      index = index + 1
      x = inverted_residual(nn:scope("encoder." .. index), x, channels, expansion, block == 1 and stride or 1)
    end
    if group <= 3 then skips[group] = x end
  end
  for step, channels in ipairs(DECODER) do
    local scope = nn:scope("decoder." .. step)
    x = scope:concat("concat", scope:up("up", x), skips[4 - step])
    x = inverted_residual(scope, x, channels, CONTRACTION, 1)
  end
  local last = nn:scope "decoder.4"
  x = last:concat("concat", last:up("up", x), image)
  return nn:identity("output", inverted_residual(last, x, options.classes, CONTRACTION, 1))
end

-- laibe/M2U-Net: conv1 holds the stem and the first block, conv2 to conv4 the others, numbered through from 1.
local parts = { ["0"] = "conv1", ["1"] = "bn1", ["3"] = "conv2", ["4"] = "bn2", ["6"] = "conv3", ["7"] = "bn3" }
local first_parts = { ["0"] = "conv2", ["1"] = "bn2", ["3"] = "conv3", ["4"] = "bn3" }

local MAPS = {
  laibe = names.rules {
    { "conv1%.0%.(%d)%.([%w_]+)", function(index, leaf)
      return ("encoder.stem.%s.%s"):format(index == "0" and "conv" or "bn", leaf)
    end },
    { "conv1%.1%.conv%.(%d)%.([%w_]+)", function(index, leaf)
      return first_parts[index] and ("encoder.1.%s.%s"):format(first_parts[index], leaf)
    end },
    { "conv%d%.(%d+)%.conv%.(%d)%.([%w_]+)", function(block, index, leaf)
      return parts[index] and ("encoder.%s.%s.%s"):format(block, parts[index], leaf)
    end },
    { "decode(%d)%.ir1%.conv%.(%d)%.([%w_]+)", function(level, index, leaf)
      return parts[index] and ("decoder.%d.%s.%s"):format(5 - level, parts[index], leaf)
    end },
  },
}

return {
  name = "m2unet", doc = "M2U-Net: MobileNetV2 encoder, contracting decoder", options = OPTIONS, build = build,
  maps = MAPS,
  -- the bottom, the first and the third decoder block
  candidate_layers = function() return { "encoder.13.sum", "decoder.1.bn3", "decoder.3.bn3" } end,
  input = function(options) return { 1, options.channels, false, false } end,
  preprocess = { scale = 1 / 255, size = { policy = "pad", multiple = 32 } },
}
