--- MCGU-Net (Asadi-Aghbolaghi et al. 2020, arXiv 2003.05056): BCDU-Net D3 with squeeze-excite after each transposed
--- convolution and decoder block, an encoder like VGG-16 and wider ConvLSTMs. As in the published code (SEDU_Net_D3)
--- the LSTM has one direction; the paper's two are an option.
local bcdunet = require "fovea.models.bcdunet"

local OPTIONS = {}
for _, option in ipairs(bcdunet.options) do
  if option.name ~= "dense" then OPTIONS[#OPTIONS + 1] = option end
end

local SHAPE = { third = 3, first_dense = 3, squeeze = true, filters = { 4, 2, 1 } }

local function build(nn, x, options)
  local complete = { dense = 3 }
  for key, value in pairs(options) do complete[key] = value end
  return bcdunet.build(nn, x, complete, SHAPE)
end

local function candidate_layers() return { "dense3.relu2", "decoder6.se", "lstm8", "decoder8.se" } end

return {
  name = "mcgunet", doc = "MCGU-Net: BCDU-Net with squeeze-excite", options = OPTIONS, input = bcdunet.input,
  build = build, candidate_layers = candidate_layers, preprocess = bcdunet.preprocess,
  maps = { rezazad68 = bcdunet.keras_names(SHAPE, 3) },
}
