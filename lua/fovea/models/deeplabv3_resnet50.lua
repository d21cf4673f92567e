--- DeepLabV3 (Chen et al. 2017) with a ResNet-50 whose last two stages are dilated instead of strided, as torchvision
--- has it. Logits come at the size of the image.
local names = require "fovea.nn.names"

local OPTIONS = {
  { name = "channels", default = 3, doc = "channels of the image" },
  { name = "classes", default = 1, doc = "channels of the output" },
  { name = "auxiliary", default = false, doc = "a second head, output `auxiliary`, on the third stage" },
}

-- blocks, stride of the first one, dilation of its 3x3 convolution, and of the others
local STAGES = { { 3, 1, 1, 1 }, { 4, 2, 1, 1 }, { 6, 1, 1, 2 }, { 3, 1, 2, 4 } }
local PRETRAINED = { mean = { 0.485, 0.456, 0.406 }, std = { 0.229, 0.224, 0.225 } }

--- 1x1, 3x3, 1x1 convolutions beside the input or, in the first block of a stage, a 1x1 convolution of it.
local function bottleneck(nn, x, channels, stride, dilation, is_first)
  local y = nn:unit(1, x, channels, { kernel = 1, bias = false })
  y = nn:unit(2, y, channels, { stride = stride, dilation = dilation, bias = false })
  y = nn:unit(3, y, 4 * channels, { kernel = 1, bias = false, activation = false })
  if is_first then
    local options = { kernel = 1, stride = stride, bias = false, activation = false }
    x = nn:scope("shortcut"):unit("", x, 4 * channels, options)
  end
  return nn:relu("relu3", nn:add("sum", y, x))
end

local function resnet50(nn, x)
  local outputs = {}
  x = nn:scope("stem"):unit("", x, 64, { kernel = 7, stride = 2, bias = false })
  x = nn:max_pool("stem.pool", x, { kernel = 3, stride = 2, pad = 1 })
  for stage, row in ipairs(STAGES) do
    local count, stride, first_dilation, dilation = table.unpack(row)
    for block = 1, count do
      local is_first = block == 1
      x = bottleneck(nn:scope(("layer%d.%d"):format(stage, block)), x, 32 << stage, is_first and stride or 1,
        is_first and first_dilation or dilation, is_first)
    end
    outputs[stage] = x
  end
  return outputs
end

local function build(nn, image, options)
  local function head(name, scope_name, x, channels)
    x = nn:scope(scope_name):unit("", x, channels, { bias = false })
    if scope_name == "auxiliary_head" then x = nn:dropout("auxiliary_head.dropout", x, { rate = 0.1 }) end
    return nn:resize_to(name, nn:conv(scope_name .. ".logits", x, options.classes, { kernel = 1 }), image)
  end
  local stages = resnet50(nn:scope "backbone", image)
  local x = nn:aspp("aspp", stages[4], 256, { rates = { 12, 24, 36 }, pooled_first = false, dropout = 0.5 })
  local output = head("output", "head", x, 256)
  if not options.auxiliary then return output end
  return { output, head("auxiliary", "auxiliary_head", stages[3], 256) }
end

-- torchvision counts blocks and pyramid branches from 0
local branches = { ["0"] = "rate1", ["1"] = "rate12", ["2"] = "rate24", ["3"] = "rate36" }
local head_parts = { ["0"] = "conv", ["1"] = "bn", ["2"] = "bn", ["4"] = "logits" }

local function conv_or_bn(index, first) return index == first and "conv" or "bn" end

local MAPS = {
  torchvision = names.rules {
    { "backbone%.conv1%.(%w+)", "backbone.stem.conv.%1" },
    { "backbone%.bn1%.([%w_]+)", "backbone.stem.bn.%1" },
    { "backbone%.(layer%d)%.(%d)%.downsample%.(%d)%.([%w_]+)", function(stage, block, index, leaf)
      return ("backbone.%s.%d.shortcut.%s.%s"):format(stage, block + 1, conv_or_bn(index, "0"), leaf)
    end },
    { "backbone%.(layer%d)%.(%d)%.(%w+)%.([%w_]+)", function(stage, block, layer, leaf)
      return ("backbone.%s.%d.%s.%s"):format(stage, block + 1, layer, leaf)
    end },
    { "classifier%.0%.convs%.4%.(%d)%.([%w_]+)", function(index, leaf)
      return ("aspp.pool.%s.%s"):format(conv_or_bn(index, "1"), leaf)
    end },
    { "classifier%.0%.convs%.(%d)%.(%d)%.([%w_]+)", function(branch, index, leaf)
      return ("aspp.%s.%s.%s"):format(branches[branch], conv_or_bn(index, "0"), leaf)
    end },
    { "classifier%.0%.project%.(%d)%.([%w_]+)", function(index, leaf)
      return ("aspp.project.%s.%s"):format(conv_or_bn(index, "0"), leaf)
    end },
    { "classifier%.1%.(%w+)", "head.conv.%1" },
    { "classifier%.(%d)%.([%w_]+)", function(index, leaf) return ("head.%s.%s"):format(head_parts[index], leaf) end },
    { "aux_classifier%.(%d)%.([%w_]+)", function(index, leaf)
      return ("auxiliary_head.%s.%s"):format(head_parts[index], leaf)
    end },
  },
}

return {
  name = "deeplabv3_resnet50", doc = "DeepLabV3 with a dilated ResNet-50", options = OPTIONS, build = build,
  maps = MAPS, explained = "output",
  -- end of the backbone, the pyramid, the convolution before the logits
  candidate_layers = function() return { "backbone.layer4.3.relu3", "aspp", "head.relu" } end,
  input = function(options) return { 1, options.channels, false, false } end,
  preprocess = function(options)
    local is_rgb = options.channels == 3
    return { scale = 1 / 255, mean = is_rgb and PRETRAINED.mean or 0.5, std = is_rgb and PRETRAINED.std or 0.5,
      size = { policy = "pad", multiple = 8 } }
  end,
}
