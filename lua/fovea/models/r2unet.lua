--- R2U-Net (Alom et al. 2018, arXiv 1802.06955): a U-Net of recurrent residual blocks, as in the widely copied code:
--- one kernel for input and state, nearest upsampling with a convolution, no activation after the residual sum.
local names = require "fovea.nn.names"

local OPTIONS = {
  { name = "channels", default = 3, doc = "channels of the image" },
  { name = "classes", default = 1, doc = "channels of the output" },
  { name = "t", default = 2, doc = "time steps after the first application of a recurrent convolution" },
  { name = "depth", default = 5, doc = "levels" },
  { name = "width", default = 64, doc = "channels of the first level; each level has twice as many" },
  { name = "widths", default = {}, doc = "channels of all levels, instead of depth and width" },
  { name = "kernels", default = "shared", choices = { "shared", "separate" },
    doc = "separate: a kernel for the input and another for the state, as in the paper" },
  { name = "up", default = "nearest", choices = { "nearest", "bilinear", "transposed" },
    doc = "transposed: a transposed convolution alone; else resizing, convolution, normalisation, ReLU" },
}

local PREPROCESS = { scale = 1 / 255, mean = 0.5, std = 0.5, size = { policy = "pad", multiple = 16 } }

local function widths(options)
  if #options.widths > 0 then return options.widths end
  local list = {}
  for level = 1, options.depth do list[level] = options.width << (level - 1) end
  return list
end

local function input(options) return { 1, options.channels, false, false } end

local function build(nn, x, options)
  local width, skips = widths(options), {}
  local recurrence = { steps = options.t, separate = options.kernels == "separate" }
  for level, channels in ipairs(width) do
    if level > 1 then x = nn:max_pool(("encoder.%d.pool"):format(level), x, { kernel = 2 }) end
    x = nn:recurrent_block("encoder." .. level, x, channels, recurrence)
    skips[level] = x
  end
  for step = 1, #width - 1 do
    local level, block = #width - step, "decoder." .. step
    local up = nn:scope(block .. ".up")
    x = up:up("resize", x, { mode = options.up, channels = width[level] })
    if options.up ~= "transposed" then x = up:unit("", x, width[level]) end
    x = nn:concat(block .. ".concat", skips[level], x)
    x = nn:recurrent_block(block, x, width[level], recurrence)
  end
  return nn:conv("head", x, options.classes, { kernel = 1 })
end

--- The bottleneck, the first up-convolution and the last decoder block. Block outputs follow the residual sum; a
--- recurrent convolution inside has one activation per time step (encoder.1.unit2.step0, ...).
local function candidate_layers(options)
  local depth = #widths(options)
  local first_up = options.up == "transposed" and "decoder.1.up.resize" or "decoder.1.up.relu"
  return { "encoder." .. depth, first_up, "decoder." .. depth - 1 }
end

-- LeeJunHyun/Image_Segmentation, R2U_Net: five levels; its decoder blocks are numbered by level.
local function block(kind, level) return kind == "" and "encoder." .. level or "decoder." .. 6 - level end
local unit_layers = { ["0"] = "conv", ["1"] = "bn" }

local MAPS = {
  LeeJunHyun = names.rules {
    { "(U?p?_?)RRCNN(%d)%.RCNN%.(%d)%.conv%.(%d)%.([%w_]+)", function(kind, level, unit, layer, leaf)
      return ("%s.unit%d.%s.%s"):format(block(kind, level), unit + 1, unit_layers[layer], leaf)
    end },
    { "(U?p?_?)RRCNN(%d)%.Conv_1x1%.(%w+)", function(kind, level, leaf)
      return ("%s.conv1x1.%s"):format(block(kind, level), leaf)
    end },
    { "Up(%d)%.up%.(%d)%.([%w_]+)", function(level, layer, leaf)
      return ("decoder.%d.up.%s.%s"):format(6 - level, layer == "1" and "conv" or "bn", leaf)
    end },
    { "Conv_1x1%.(%w+)", "head.%1" },
  },
}

return {
  name = "r2unet", doc = "R2U-Net: a U-Net of recurrent residual blocks",
  options = OPTIONS, input = input, build = build, candidate_layers = candidate_layers, preprocess = PREPROCESS,
  maps = MAPS,
}
