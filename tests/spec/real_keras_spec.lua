-- Real trained weights of Keras 1 and 2 in the architectures of the toolkit, against reference results in double
-- precision.
local fovea = require "fovea"
local real = require "support.real"

local function worst(want, got) return (want:reshape(got:shape()) - got):abs():max() end

local function check_map(want, heat, most, what)
  local off = worst(want, heat.raw:relu()) / want:max()
  assert.is_true(off < most, ("%s: off by %g"):format(what, off))
end

describe("the real deepseg_gm from a Keras 2 file #slow", function()
  local layer_of = { rate2_bn4 = "rate2.bn2", aspp_concat_bn15 = "concat.bn", amort_bn16 = "amort.bn" }

  -- Saturated: the slope of the sigmoid at a logit z is exp(-z), whose relative error is the absolute error of z, and
  -- the activations behind the logits are of the order 200: 200 times the 1e-6 of single precision, and some.
  for slice, most in pairs { z01 = { p = 1e-3, z = 1e-4 }, z05 = { p = 1e-3, z = 1e-4 } } do
    it("gives the reference's probabilities, scores and maps: " .. slice, function()
      local golden, metadata = fovea.safetensors.read(real.need(
        ("golden/deepseg_gm_challenge__t2s_%s_200.safetensors"):format(slice)))
      local model = assert(fovea.load(real.need "models/deepseg_gm_challenge.hdf5", { arch = "deepseg_gm" }))
      assert.same({}, model.warnings)
      assert.is_true(worst(golden.prob, assert(model:forward(golden.input))[1]) < 2e-5)
      for layer, name in pairs(layer_of) do
        for letter, score in pairs { z = "logit", p = "probability" } do
          local heat = assert(fovea.explain(model, golden.input, { layer = name, score = score }))
          check_map(golden[("cam_%s_%s"):format(letter, layer)], heat, most[letter], letter .. " " .. layer)
          local want = tonumber(metadata["score_" .. letter])
          assert.are.near(want, heat.score.value, 1e-5 * want)
        end
      end
    end)
  end
end)

describe("the real retina-unet from a Keras 1 file in Theano's order #slow", function()
  local layer_of = { convolution2d_6 = "encoder.3.relu2", convolution2d_10 = "decoder.2.relu2" }

  it("gives the reference's probabilities, scores and maps", function()
    local golden = assert(fovea.safetensors.read(real.need "golden/retina_unet__chase_01L_patches.safetensors"))
    local model = assert(fovea.load(real.need "models/retina_unet_best_weights.keras1.h5", { arch = "retina_unet" }))
    local vessel = assert(model:forward(golden.patches))[1]:slice(2, 2, 2)
    assert.is_true(worst(golden.patch_prob, vessel) < 2e-5)
    local layers = {}
    for _, name in pairs(layer_of) do layers[#layers + 1] = name end
    for i = 1, 16 do
      local maps = {}
      for _, heat in ipairs(assert(fovea.explain_all(model, golden.patches:slice(1, i, i), { layers = layers,
        score = "probability", class = 2, threshold = 0.5 }))) do
        maps[heat.layer] = heat
      end
      local want = golden.score_p:get(i)
      for layer, name in pairs(layer_of) do
        assert.are.near(want, maps[name].score.value, 1e-5 * math.max(want, 1))
        local map = golden["cam_p_" .. layer]:select(1, i)
        if map:max() > 0 then check_map(map, maps[name], 1e-4, ("%s of patch %d"):format(layer, i)) end
      end
    end
  end)

  it("says that the file does not name its backend, unless told", function()
    local keras = require "fovea.import.keras"
    local path = real.need "models/retina_unet_best_weights.keras1.h5"
    local turned = assert(keras.open(path))
    assert.is_truthy(turned.warnings[1]:find("Theano", 1, true))
    local told = assert(keras.open(path, { backend = "theano",
      architecture = real.need "models/retina_unet_architecture.keras1.json" }))
    assert.same({}, told.warnings)
    for _, name in ipairs(turned.names) do assert.equal(turned:read(name):hash(), told:read(name):hash()) end
  end)
end)
