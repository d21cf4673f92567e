--- deepseg_gm (Perone et al. 2018): grey matter of the spinal cord by dilated convolutions at full resolution. Units
--- are convolution, ReLU, normalisation. Branches of rates 1, 6, 12, 18, 24 and the mean of the first stage lie side by
--- side.
local names = require "fovea.nn.names"

local OPTIONS = {
  { name = "channels", default = 1, doc = "channels of the image" },
  { name = "filters", default = 32, doc = "channels of all but the last stage" },
}

local EPSILON, DROPOUT, RATES = 1e-3, 0.4, { 6, 12, 18, 24 }

--- Two units with dropout, named after the layers of the original.
local function stage(nn, name, x, channels, dilation, kernels)
  local scope = nn:scope(name)
  for i, kernel in ipairs(kernels or { 3, 3 }) do
    x = scope:unit(i, x, channels, { norm_last = true, epsilon = EPSILON, dilation = dilation, kernel = kernel })
    x = scope:dropout("dropout" .. i, x, { rate = DROPOUT })
  end
  return x
end

local function build(nn, image, options)
  local filters = options.filters
  local first = stage(nn, "first", image, filters, 1)
  local x = stage(nn, "rate2", first, filters, 2)
  local branches = { stage(nn, "branch1x1", x, filters, 1, { 3, 1 }) }
  for i, rate in ipairs(RATES) do branches[i + 1] = stage(nn, "rate" .. rate, x, filters, rate) end
  local shape = first:shape()
  local context = nn:expand("global.expand", nn:global_avg_pool("global.mean", first), { shape = shape })
  table.insert(branches, #branches, context)
  x = nn:batch_norm("concat.bn", nn:concat("concat", table.unpack(branches)), { epsilon = EPSILON })
  x = nn:dropout("concat.dropout", x, { rate = DROPOUT })
  x = nn:scope("amort"):unit("", x, 64, { kernel = 1, norm_last = true, epsilon = EPSILON })
  x = nn:dropout("amort.dropout", x, { rate = DROPOUT })
  return nn:sigmoid("output", nn:conv("predictions", x, 1, { kernel = 1 }))
end

-- The file of the Spinal Cord Toolbox: convolutions have names but for the first two; normalisations are numbered.
local bn_names = { "first.bn1", "first.bn2", "rate2.bn1", "rate2.bn2", "branch1x1.bn1", "branch1x1.bn2", "rate6.bn1",
  "rate6.bn2", "rate12.bn1", "rate12.bn2", "rate18.bn1", "rate18.bn2", "rate24.bn1", "rate24.bn2", "concat.bn",
  "amort.bn" }

local MAPS = {
  spinalcordtoolbox = names.any(names.numbered({ batch_normalization = bn_names, conv2d = { "first.conv1",
    "first.conv2" } }, 1), names.rules {
    { "(%w+)_(%d)%.(%w+)", "%1.conv%2.%3" },
    { "amort%.(%w+)", "amort.conv.%1" },
    { "predictions%.(%w+)", "predictions.%1" },
  }),
}

return {
  name = "deepseg_gm", doc = "deepseg_gm: dilated convolutions for grey matter of the spinal cord", options = OPTIONS,
  build = build, maps = MAPS,
  -- the shared stage, a branch, all branches, the last stage
  candidate_layers = function() return { "rate2.dropout2", "rate24.dropout2", "concat.dropout", "amort.dropout" } end,
  input = function(options) return { 1, options.channels, false, false } end,
}
