--- ResUNet++ (Jha et al. 2019): residual blocks with squeeze-excite, an atrous pyramid whose branches are added as
--- bridge and before the head, and attention on the way up.
local names = require "fovea.nn.names"

local OPTIONS = {
  { name = "channels", default = 3, doc = "channels of the image" },
  { name = "classes", default = 1, doc = "channels of the output" },
  { name = "widths", default = { 16, 32, 64, 128, 256 }, doc = "channels of the four encoder blocks and the bridge" },
  { name = "variant", default = "torch", choices = { "torch", "keras" },
    doc = "of the author: keras has an epsilon of 1e-3 and ends with a sigmoid" },
}

--- Normalisation, ReLU, convolution: pre-activation.
local function pre(nn, suffix, x, channels, stride, epsilon)
  x = nn:relu("relu" .. suffix, nn:batch_norm("bn" .. suffix, x, { epsilon = epsilon }))
  return nn:conv("conv" .. suffix, x, channels, { stride = stride })
end

--- Two convolutions beside a 1x1 shortcut, then squeeze-excite. The stem begins with its convolution.
local function residual(nn, x, channels, stride, epsilon, is_stem)
  local y = is_stem and nn:conv("conv1", x, channels, { stride = stride }) or pre(nn, 1, x, channels, stride, epsilon)
  y = pre(nn, 2, y, channels, 1, epsilon)
  local shortcut = nn:conv("shortcut.conv", x, channels, { kernel = 1, stride = stride })
  y = nn:add("sum", y, nn:batch_norm("shortcut.bn", shortcut, { epsilon = epsilon }))
  return nn:squeeze_excite("se", y, { reduction = 8, bias = false })
end

--- Dilated convolutions, normalised and added; then a 1x1 convolution.
local function pyramid(nn, name, x, channels, epsilon)
  local scope, sum = nn:scope(name), nil
  for _, rate in ipairs { 1, 6, 12, 18 } do
    local branch = scope:scope("rate" .. rate):unit("", x, channels, { dilation = rate, activation = false,
      epsilon = epsilon })
    sum = sum and scope:add("sum" .. rate, sum, branch) or branch
  end
  return nn:conv(name, sum, channels, { kernel = 1 })
end

--- The map weighted by convolutions of itself and of the skip at half its size.
local function attention(nn, skip, x, epsilon)
  local channels = x:shape()[2]
  local g = nn:max_pool("gating.pool", pre(nn:scope "gating", "", skip, channels, 1, epsilon), { kernel = 2 })
  local sum = nn:add("sum", g, pre(nn:scope "map", "", x, channels, 1, epsilon))
  return nn:mul("product", pre(nn:scope "joint", "", sum, channels, 1, epsilon), x)
end

local function build(nn, x, options)
  local widths, epsilon, skips = options.widths, options.variant == "keras" and 1e-3 or 1e-5, {}
  for level = 1, 4 do
    x = residual(nn:scope("encoder." .. level), x, widths[level], level == 1 and 1 or 2, epsilon, level == 1)
    skips[level] = x
  end
  x = pyramid(nn, "bridge", x, widths[5], epsilon)
  for step = 1, 3 do
    local scope, skip = nn:scope("decoder." .. step), skips[4 - step]
    x = scope:up("up", attention(scope:scope "attention", skip, x, epsilon), { mode = "nearest" })
    x = residual(scope, scope:concat("concat", x, skip), widths[5 - step], 1, epsilon)
  end
  local logits = nn:conv("head", pyramid(nn, "aspp", x, widths[1], epsilon), options.classes, { kernel = 1 })
  return options.variant == "keras" and nn:sigmoid("output", logits) or logits
end

local rates = { "rate1", "rate6", "rate12", "rate18" }
local residual_parts = { c1 = { ["0"] = "bn1", ["2"] = "conv1", ["3"] = "bn2", ["5"] = "conv2" },
  c2 = { ["0"] = "shortcut.conv", ["1"] = "shortcut.bn" }, stem = { ["0"] = "conv1", ["1"] = "bn2", ["3"] = "conv2" } }
local attentions, parts = { g = "gating", x = "map", gc = "joint" }, { ["0"] = "bn", ["2"] = "conv" }

local function residual_name(block, branch, index, leaf)
  local part = residual_parts[branch] and residual_parts[branch][index]
  return part and ("%s.%s.%s"):format(block, part, leaf)
end

-- The Keras original numbers layers in the order of their making.
local kinds = { conv2d = {}, batch_normalization = {}, dense = {} }
local function add(kind, name) table.insert(kinds[kind], name) end
local function residual_kinds(block, is_stem)
  for _, part in ipairs { "conv1", "conv2", "shortcut.conv" } do add("conv2d", block .. part) end
  for _, part in ipairs { "bn1", "bn2", "shortcut.bn" } do
    if not (is_stem and part == "bn1") then add("batch_normalization", block .. part) end
  end
  add("dense", block .. "se.reduce")
  add("dense", block .. "se.expand")
end
local function units(block, list)
  for _, part in ipairs(list) do
    add("conv2d", block .. part .. ".conv")
    add("batch_normalization", block .. part .. ".bn")
  end
end
local PYRAMID = { "rate6", "rate12", "rate18", "rate1" }
for level = 1, 4 do residual_kinds(("encoder.%d."):format(level), level == 1) end
units("bridge.", PYRAMID)
add("conv2d", "bridge")
for step = 1, 3 do
  units(("decoder.%d.attention."):format(step), { "gating", "map", "joint" })
  residual_kinds(("decoder.%d."):format(step))
end
units("aspp.", PYRAMID)
add("conv2d", "aspp")
add("conv2d", "head")

local MAPS = {
  DebeshJha_keras = names.numbered(kinds, 0), DebeshJha_keras_1 = names.numbered(kinds, 1),
  -- DebeshJha/ResUNetPlusPlus, resunet++_pytorch.py
  DebeshJha_torch = names.rules {
    { "c1%.(c[12])%.(%d)%.([%w_]+)", function(branch, index, leaf)
      return residual_name("encoder.1", branch == "c1" and "stem" or branch, index, leaf)
    end },
    { "c(%d)%.(c%d)%.(%d)%.([%w_]+)", function(level, ...) return residual_name("encoder." .. level, ...) end },
    { "d(%d)%.r1%.(c%d)%.(%d)%.([%w_]+)", function(level, ...) return residual_name("decoder." .. level, ...) end },
    { "c(%d)%.attn%.net%.(%d)%.weight", function(level, index)
      return ("encoder.%s.se.%s.weight"):format(level, index == "0" and "reduce" or "expand")
    end },
    { "d(%d)%.r1%.attn%.net%.(%d)%.weight", function(level, index)
      return ("decoder.%s.se.%s.weight"):format(level, index == "0" and "reduce" or "expand")
    end },
    { "d(%d)%.a1%.(%w+)_conv%.(%d)%.([%w_]+)", function(level, branch, index, leaf)
      return ("decoder.%s.attention.%s.%s.%s"):format(level, attentions[branch], parts[index], leaf)
    end },
    { "(%w+)%.c5%.(%w+)", function(block, leaf) return (block == "b1" and "bridge." or "aspp.") .. leaf end },
    { "(%w+)%.c(%d)%.(%d)%.([%w_]+)", function(block, branch, index, leaf)
      local rate = rates[math.tointeger(branch)]
      return rate and ("%s.%s.%s.%s"):format(block == "b1" and "bridge" or "aspp", rate,
        index == "0" and "conv" or "bn", leaf)
    end },
    { "output%.(%w+)", "head.%1" },
  },
}

return {
  name = "resunetpp", doc = "ResUNet++: residual blocks, squeeze-excite, pyramid, attention", options = OPTIONS,
  build = build, maps = MAPS,
  candidate_layers = function() return { "encoder.4.se", "bridge", "decoder.1.se", "decoder.3.se" } end,
  input = function(options) return { 1, options.channels, false, false } end,
  preprocess = { order = "bgr", scale = 1 / 255, size = { policy = "pad", multiple = 16 } },
}
