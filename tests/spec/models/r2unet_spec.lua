-- R2U-Net: counts of models.md 2.2, time steps, the variant with separate kernels.
local check = require "support.arch_check"
local fovea = require "fovea"

describe("r2unet", function()
  it("has the published counts", function()
    check.counts("r2unet", {}, 39091393, 152.49e9)
    check.counts("r2unet", { t = 3 }, 39091393, 195.98e9)
    check.counts("r2unet", {}, 39091393, 116.75e9, { 1, 3, 224, 224 })
    for _, row in ipairs { { 64, 9718977, 117.99e9, 151.82e9 }, { 32, 2432609, 29.50e9, 37.96e9 },
      { 16, 609585, 7.38e9, 9.49e9 } } do
      check.counts("r2unet", { depth = 4, width = row[1] }, row[2], row[3])
      check.counts("r2unet", { widths = { row[1], 2 * row[1], 4 * row[1], 8 * row[1] }, t = 3 }, row[2], row[4])
    end
    local _, macs = check.counts("r2unet", { channels = 1 }, 39091265, nil, { 1, 1, 48, 48 }):size()
    assert.are.near(5.36e9, macs, 0.01 * 5.36e9)
  end)

  it("explains its candidates, and a single time step", function()
    local model = check.explains("r2unet", { depth = 3, width = 4 }, { 1, 3, 16, 24 })
    local input = fovea.uniform({ 1, 3, 16, 24 }, { seed = 1 })
    local steps = model:layers "encoder.3.unit2.step?"
    assert.are.equal(3, #steps)
    for _, heat in ipairs(assert(fovea.explain_all(model, input, { layers = steps, threshold = "quantile:0.5" }))) do
      assert.are.same({ 4, 6 }, heat.raw:shape())
      assert.is_true(heat.raw:abs():max() > 0)
    end
  end)

  it("has separate kernels, transposed convolutions and no repetition", function()
    check.explains("r2unet", { depth = 3, width = 4, kernels = "separate", up = "transposed", t = 1 }, { 1, 3, 16, 24 })
    local shared = fovea.arch.model("r2unet", { depth = 2, width = 4, t = 0 }, nil, { input_shape = { 1, 3, 8, 8 } })
    assert.are.equal(0, #shared:layers "*.step1")
    -- a recurrent kernel of 3x3 per unit is what is more
    local one = check.counts("r2unet", { depth = 1, width = 4 }, 16 + 2 * (36 * 4 + 4 + 8) + 5, nil, { 1, 3, 8, 8 })
    local two = check.counts("r2unet", { depth = 1, width = 4, kernels = "separate" },
      16 + 2 * (2 * 36 * 4 + 4 + 8) + 5, nil, { 1, 3, 8, 8 })
    assert.is_true(#two.parameters == #one.parameters + 2)
  end)
end)
