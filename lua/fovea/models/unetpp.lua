--- U-Net++ (Zhou et al. 2018): nested skips, X(i,j) at level i with j upsampled inputs before it, and a head on each
--- full-resolution node when deeply supervised. Nodes are called x0_0 ... x0_4 as in the paper.
local names = require "fovea.nn.names"

local OPTIONS = {
  { name = "channels", default = 3, doc = "channels of the image" },
  { name = "classes", default = 1, doc = "channels of the output" },
  { name = "width", default = 32, doc = "channels of the first level; each level has twice as many" },
  { name = "depth", default = 5, doc = "levels" },
  { name = "deep_supervision", default = false, doc = "outputs output1, output2, ... on x0_1, x0_2, ...; the last is "
    .. "explained" },
  { name = "coordinates", default = "align_corners", choices = { "half_pixel", "align_corners" },
    doc = "rule of bilinear upsampling" },
}

--- The node x(i,j) from the nodes of its level and the upsampled node below.
local function nested(nn, x, i, j, options)
  local scope, sources = nn:scope(("x%d_%d"):format(i, j)), {}
  for k = 0, j - 1 do sources[k + 1] = x[i][k] end
  sources[j + 1] = scope:up("up", x[i + 1][j - 1], { coordinates = options.coordinates })
  return scope:conv_block(scope:concat("concat", table.unpack(sources)), options.width << i)
end

local function build(nn, image, options)
  local x, last = {}, options.depth - 1
  for i = 0, last do
    local scope = nn:scope(("x%d_0"):format(i))
    local source = i == 0 and image or scope:max_pool("pool", x[i - 1][0], { kernel = 2 })
    x[i] = { [0] = scope:conv_block(source, options.width << i) }
    for k = i - 1, 0, -1 do x[k][i - k] = nested(nn, x, k, i - k, options) end
  end
  if not options.deep_supervision then return nn:conv("output", x[0][last], options.classes, { kernel = 1 }) end
  local outputs = {}
  for j = 1, last do outputs[j] = nn:conv("output" .. j, x[0][j], options.classes, { kernel = 1 }) end
  return outputs
end

--- Bottleneck, the last node of the second level, last full-resolution node.
local function candidate_layers(options)
  local last = options.depth - 1
  return { ("x%d_0.relu2"):format(last), ("x1_%d.relu2"):format(last - 1), ("x0_%d.relu2"):format(last) }
end

local MAPS = {
  -- 4uiiurz1/pytorch-nested-unet, NestedUNet
  nested_unet = names.rules {
    { "conv(%d)_(%d)%.(%w+)%.([%w_]+)", "x%1_%2.%3.%4" },
    { "final(%d?)%.(%w+)", "output%1.%2" },
  },
}

return {
  name = "unetpp", doc = "U-Net++: nested skips, deep supervision", options = OPTIONS, build = build,
  candidate_layers = candidate_layers, maps = MAPS,
  explained = function(options) return options.deep_supervision and "output" .. options.depth - 1 or nil end,
  input = function(options) return { 1, options.channels, false, false } end,
  preprocess = { scale = 1 / 255, size = { policy = "pad", multiple = 16 } },
}
