-- Double U-Net: counts of models.md 1.2, both variants, both heads, the layers of the Keras file.
local check = require "support.arch_check"
local double_unet = require "fovea.models.double_unet"
local fovea = require "fovea"

describe("double_unet", function()
  it("has the published counts", function()
    for _, row in ipairs { { "keras", 29290274 }, { "torch", 29288886 } } do
      check.counts("double_unet", { variant = row[1] }, row[2], 53.69e9)
      check.counts("double_unet", { variant = row[1] }, row[2], 40.27e9, { 1, 3, 192, 256 })
      check.counts("double_unet", { variant = row[1] }, row[2], 161.1e9, { 1, 3, 384, 512 })
    end
  end)

  it("has parts of the published sizes", function()
    local model = check.counts("double_unet", { variant = "torch" }, 29288886)
    local sums = {}
    for _, entry in ipairs(model.parameters) do
      local part, n = entry.name:match "^[%w]+", 1
      for _, size in ipairs(entry.shape) do n = n * size end
      if not entry.statistic then sums[part] = (sums[part] or 0) + n end
    end
    assert.are.same({ encoder1 = 20024384, aspp1 = 971520, decoder1 = 2908828, head1 = 33, encoder2 = 1195516,
      aspp2 = 496384, decoder2 = 3692188, head2 = 33 }, sums)
  end)

  it("explains its candidates for both heads, the second by default", function()
    check.explains("double_unet", {}, { 1, 3, 32, 48 }, "output2")
    check.explains("double_unet", { variant = "torch", pooled = 1, coordinates = "half_pixel" }, { 1, 3, 32, 32 },
      "output2")
  end)

  it("knows the layers of the Keras original", function()
    local foreign, model = {}, assert(fovea.arch.model("double_unet", {}, nil, { input_shape = { 1, 3, 16, 16 } }))
    local function add(list) table.move(list, 1, #list, #foreign + 1, foreign) end
    for block, count in ipairs { 2, 2, 4, 4, 4 } do
      for i = 1, count do add(check.leaves(("block%d_conv%d"):format(block, i), { "" }, true)) end
    end
    for i, name in ipairs(foreign) do foreign[i] = name:gsub("%.%.", ".") end
    local function numbered(kind, first, last, has_bias, is_norm)
      for i = first, last do
        local name = i == 0 and kind or ("%s_%d"):format(kind, i)
        add(check.leaves("", { name }, has_bias, { [name] = is_norm }))
      end
    end
    numbered("conv2d", 0, 0, true) -- pooled branch
    numbered("conv2d", 1, 5, false)
    numbered("conv2d", 6, 23, true) -- decoder 1, head 1, encoder 2, pooled branch
    numbered("conv2d", 24, 28, false)
    numbered("conv2d", 29, 37, true)
    numbered("batch_normalization", 0, 35, false, true)
    numbered("dense", 0, 23, false)
    check.names(model, double_unet.maps.DebeshJha_keras, foreign)
  end)

  it("has other widths", function()
    local model = check.explains("double_unet", { width = 4 }, { 1, 3, 32, 32 }, "output2")
    assert.are.same({ 64, 64, 3, 3 }, model.weights["encoder1.5.conv4.weight"]:shape())
    assert.are.same({ 8, 40, 1, 1 }, model.weights["aspp2.project.conv.weight"]:shape())
    assert.are.same({ 1, 4 }, model.weights["decoder2.4.se.reduce.weight"]:shape())
  end)
end)
