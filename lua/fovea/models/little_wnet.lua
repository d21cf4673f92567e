--- Little W-Net (Galdran et al. 2020): two very small U-Nets in cascade; the second reads the image and the logits of
--- the first. Blocks are convolution, ReLU, normalisation, with a normalised 1x1 shortcut; skips pass a convolution.
local names = require "fovea.nn.names"

local OPTIONS = {
  { name = "channels", default = 3, doc = "channels of the image" },
  { name = "classes", default = 1, doc = "channels of each output" },
  { name = "widths", default = { 8, 16, 32 }, doc = "channels of the levels" },
}

local UNIT = { norm_last = true }

local function block(nn, x, channels)
  local shortcut = nn:conv("shortcut.conv", x, channels, { kernel = 1, bias = false })
  return nn:add("sum", nn:conv_block(x, channels, UNIT), nn:batch_norm("shortcut.bn", shortcut))
end

local function unet(nn, x, widths)
  local skips = {}
  for level, channels in ipairs(widths) do
    local scope = nn:scope("encoder." .. level)
    if level > 1 then x = scope:max_pool("pool", x, { kernel = 2 }) end
    x = block(scope, x, channels)
    skips[level] = x
  end
  for step = 1, #widths - 1 do
    local scope, level = nn:scope("decoder." .. step), #widths - step
    local bridge = scope:scope("bridge"):unit("", skips[level], widths[level], UNIT)
    x = scope:up("up", x, { mode = "transposed", channels = widths[level] })
    x = block(scope, scope:concat("concat", x, bridge), widths[level])
  end
  return x
end

local function build(nn, image, options)
  local function head(name, unet_name, x)
    return nn:conv(name, unet(nn:scope(unet_name), x, options.widths), options.classes, { kernel = 1 })
  end
  local output1 = head("output1", "unet1", image)
  return { output1, head("output2", "unet2", nn:concat("second", image, output1)) }
end

--- Bottleneck and last decoder block of each network.
local function candidate_layers(options)
  local depth, list = #options.widths, {}
  for _, unet_name in ipairs { "unet1", "unet2" } do
    list[#list + 1] = ("%s.encoder.%d.sum"):format(unet_name, depth)
    list[#list + 1] = ("%s.decoder.%d.sum"):format(unet_name, depth - 1)
  end
  return list
end

-- agaldran/lwnet: blocks 0 conv, 2 bn, 3 conv, 5 bn; shortcuts 0 conv, 1 bn
local parts = { block = { ["0"] = "conv1", ["2"] = "bn1", ["3"] = "conv2", ["5"] = "bn2" },
  shortcut = { ["0"] = "shortcut.conv", ["1"] = "shortcut.bn" } }

local function part_name(net, side, level, branch, index, leaf)
  local part = parts[branch] and parts[branch][index]
  return part and ("unet%s.%s.%d.%s.%s"):format(net, side, level, part, leaf)
end

local MAPS = {
  lwnet = names.rules {
    { "unet(%d)%.first%.(%w+)%.(%d)%.([%w_]+)", function(net, ...) return part_name(net, "encoder", 1, ...) end },
    { "unet(%d)%.down_path%.(%d)%.(%w+)%.(%d)%.([%w_]+)", function(net, level, ...)
      return part_name(net, "encoder", level + 2, ...)
    end },
    { "unet(%d)%.up_path%.(%d)%.conv_layer%.(%w+)%.(%d)%.([%w_]+)", function(net, step, ...)
      return part_name(net, "decoder", step + 1, ...)
    end },
    { "unet(%d)%.up_path%.(%d)%.up_layer%.block%.0%.(%w+)", function(net, step, leaf)
      return ("unet%s.decoder.%d.up.%s"):format(net, step + 1, leaf)
    end },
    { "unet(%d)%.up_path%.(%d)%.conv_bridge_layer%.block%.(%d)%.([%w_]+)", function(net, step, index, leaf)
      return ("unet%s.decoder.%d.bridge.%s.%s"):format(net, step + 1, index == "0" and "conv" or "bn", leaf)
    end },
    { "unet(%d)%.final%.(%w+)", "output%1.%2" },
  },
}

return {
  name = "little_wnet", doc = "Little W-Net: two small U-Nets in cascade", options = OPTIONS, build = build,
  candidate_layers = candidate_layers, maps = MAPS, explained = "output2",
  input = function(options) return { 1, options.channels, false, false } end,
  preprocess = { scale = 1 / 255, size = { policy = "resize", multiple = 32 } },
}
