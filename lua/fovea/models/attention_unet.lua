--- Attention U-Net (Oktay et al. 2018) in the widely copied 2-D form: nearest upsampling with a convolution, and an
--- additive attention gate on each skip, gated by the upsampled map.
local names = require "fovea.nn.names"

local OPTIONS = {
  { name = "channels", default = 3, doc = "channels of the image" },
  { name = "classes", default = 1, doc = "channels of the output" },
  { name = "width", default = 64, doc = "channels of the first level; each level has twice as many" },
  { name = "depth", default = 5, doc = "levels" },
}

local function build(nn, x, options)
  local skips, depth = {}, options.depth
  for level = 1, depth do
    local scope = nn:scope("encoder." .. level)
    if level > 1 then x = scope:max_pool("pool", x, { kernel = 2 }) end
    x = scope:conv_block(x, options.width << (level - 1))
    skips[level] = x
  end
  for step = 1, depth - 1 do
    local scope, level = nn:scope("decoder." .. step), depth - step
    local channels = options.width << (level - 1)
    x = scope:scope("up"):unit("", scope:up("up", x, { mode = "nearest" }), channels)
    local gated = scope:attention_gate("attention", skips[level], x, channels // 2)
    x = scope:conv_block(scope:concat("concat", gated, x), channels)
  end
  return nn:conv("head", x, options.classes, { kernel = 1 })
end

--- Bottleneck, the skip of the last gate, last decoder block.
local function candidate_layers(options)
  local last = options.depth - 1
  return { ("encoder.%d.relu2"):format(options.depth), ("decoder.%d.attention"):format(last),
    ("decoder.%d.relu2"):format(last) }
end

local sequence = { ["0"] = "conv1", ["1"] = "bn1", ["3"] = "conv2", ["4"] = "bn2" }
local gates = { W_g = "gating", W_x = "skip", psi = "psi" }
local parts = { ["0"] = "conv", ["1"] = "bn" }

local MAPS = {
  -- LeeJunHyun/Image_Segmentation, AttU_Net; decoder blocks are numbered by level
  LeeJunHyun = names.rules {
    { "Conv(%d)%.conv%.(%d)%.([%w_]+)", function(level, index, leaf)
      return ("encoder.%s.%s.%s"):format(level, sequence[index], leaf)
    end },
    { "Up_conv(%d)%.conv%.(%d)%.([%w_]+)", function(level, index, leaf)
      return ("decoder.%d.%s.%s"):format(6 - level, sequence[index], leaf)
    end },
    { "Up(%d)%.up%.(%d)%.([%w_]+)", function(level, index, leaf)
      return ("decoder.%d.up.%s.%s"):format(6 - level, index == "1" and "conv" or "bn", leaf)
    end },
    { "Att(%d)%.([%w_]+)%.(%d)%.([%w_]+)", function(level, part, index, leaf)
      return gates[part] and ("decoder.%d.attention.%s.%s.%s"):format(6 - level, gates[part], parts[index], leaf)
    end },
    { "Conv_1x1%.(%w+)", "head.%1" },
  },
}

return {
  name = "attention_unet", doc = "U-Net with attention gates on the skips", options = OPTIONS, build = build,
  candidate_layers = candidate_layers, maps = MAPS,
  input = function(options) return { 1, options.channels, false, false } end,
  preprocess = { scale = 1 / 255, mean = 0.5, std = 0.5, size = { policy = "pad", multiple = 16 } },
}
