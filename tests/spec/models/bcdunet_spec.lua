-- BCDU-Net: counts of models.md 3.3; the table counts the convolution of the first state, which is zero.
local bcdunet = require "fovea.models.bcdunet"
local check = require "support.arch_check"
local fovea = require "fovea"

describe("bcdunet", function()
  it("has the published counts", function()
    check.counts("bcdunet", { zero_state = true }, 20659973, 81.5e9)
    check.counts("bcdunet", { channels = 1 }, 20658821)
    check.counts("bcdunet", { dense = 1, zero_state = true }, 8861445, 69.4e9)
    check.counts("bcdunet", { dense = 1, channels = 1 }, 8860293)
  end)

  it("explains its candidates in every form of the recurrent layer", function()
    check.explains("bcdunet", { dense = 1 }, { 1, 3, 16, 24 })
    check.explains("bcdunet", { dense = 1, directions = 2, order = "encoder_first", gate = "sigmoid" },
      { 1, 3, 16, 16 })
  end)

  it("knows the numbered layers of Keras", function()
    local model = assert(fovea.arch.model("bcdunet", {}, nil, { input_shape = { 1, 3, 16, 16 } }))
    local foreign = {}
    local function add(kind, count, leaves)
      for i = 1, count do
        for _, leaf in ipairs(leaves) do foreign[#foreign + 1] = ("%s_%d.%s"):format(kind, i, leaf) end
      end
    end
    add("conv2d", 20, { "weight", "bias" })
    add("conv2d_transpose", 3, { "weight", "bias" })
    add("batch_normalization", 3, { "weight", "bias", "running_mean", "running_var" })
    add("conv_lst_m2d", 3, { "input.weight", "input.bias", "hidden.weight" })
    check.names(model, bcdunet.maps.rezazad68_D3, foreign)
  end)

  it("has other widths", function()
    local model = check.explains("bcdunet", { width = 6 }, { 1, 3, 16, 16 })
    assert.are.same({ 12, 3, 3, 3 }, model.weights["lstm8.hidden.weight"]:shape())
  end)
end)
