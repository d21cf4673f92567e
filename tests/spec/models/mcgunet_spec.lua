-- MCGU-Net: counts of models.md 3.3. The table counts the convolution of the first state, which is zero; leaving it out
-- saves 29.0 G.
local check = require "support.arch_check"
local fovea = require "fovea"
local mcgunet = require "fovea.models.mcgunet"

describe("mcgunet", function()
  it("has the published counts", function()
    check.counts("mcgunet", { zero_state = true }, 27891005, 162.46e9)
    check.counts("mcgunet", { zero_state = true }, 27891005, 10.15e9, { 1, 3, 64, 64 })
    check.counts("mcgunet", { zero_state = true, channels = 1 }, 27889853, 162.38e9)
    check.counts("mcgunet", { zero_state = true, channels = 1 }, 27889853, 649.5e9, { 1, 1, 512, 512 })
    check.counts("mcgunet", {}, 27891005, (162.46 - 29.0) * 1e9)
  end)

  it("gives the same with and without the convolution of zeros", function()
    local input, weights = fovea.uniform({ 1, 3, 16, 16 }, { seed = 2 }), {}
    local settings = { input_shape = { 1, 3, 16, 16 } }
    local short = assert(fovea.arch.model("mcgunet", {}, weights, settings)):forward(input)[1]
    local long = assert(fovea.arch.model("mcgunet", { zero_state = true }, weights, settings)):forward(input)[1]
    assert.is_true((short - long):abs():max() < 1e-6)
  end)

  it("explains its candidates and a single time step", function()
    local model = check.explains("mcgunet", {}, { 1, 3, 16, 16 })
    local heat = assert(fovea.explain(model, fovea.uniform({ 1, 3, 16, 16 }, { seed = 3 }), { layer = "lstm8.step1",
      threshold = "quantile:0.5" }))
    assert.are.same({ 16, 16 }, heat.raw:shape())
  end)

  it("knows the numbered layers of Keras", function()
    local model = assert(fovea.arch.model("mcgunet", {}, nil, { input_shape = { 1, 3, 16, 16 } }))
    local foreign = {}
    local function add(kind, count, leaves)
      for i = 1, count do
        for _, leaf in ipairs(leaves) do foreign[#foreign + 1] = ("%s_%d.%s"):format(kind, i, leaf) end
      end
    end
    add("conv2d", 22, { "weight", "bias" })
    add("dense", 12, { "weight", "bias" })
    add("conv2d_transpose", 3, { "weight", "bias" })
    add("batch_normalization", 3, { "weight", "bias", "running_mean", "running_var" })
    add("conv_lst_m2d", 3, { "input.weight", "input.bias", "hidden.weight" })
    check.names(model, mcgunet.maps.rezazad68, foreign)
  end)

  it("has other widths", function()
    local model = check.explains("mcgunet", { width = 8 }, { 1, 3, 16, 16 })
    assert.are.same({ 64, 128, 3, 3 }, model.weights["dense3.conv1.weight"]:shape())
    assert.are.same({ 128, 32, 3, 3 }, model.weights["lstm6.hidden.weight"]:shape())
    assert.are.same({ 1, 8 }, model.weights["decoder8.se.reduce.weight"]:shape())
  end)
end)
