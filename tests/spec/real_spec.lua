-- A real trained network and a real image against reference results in double precision (M2U-Net, CHASE_DB1).
local fovea = require "fovea"
local real = require "support.real"

describe("the real M2U-Net #slow", function()
  local model, golden, maps
  -- The names of the two explained layers: the end of the encoder, and of the third decoder block.
  local layer_of = {}

  --- Loads what is needed, or skips the test.
  local function ready()
    local model_path = real.need "models/m2unet_chasedb1.onnx"
    local golden_path = real.need "golden/m2unet_chasedb1__chase_01L_960.safetensors"
    if model then return end
    model = assert(fovea.load(model_path))
    golden = assert(fovea.safetensors.read(golden_path))
    for _, layer in ipairs(model:layers { spatial = true }) do
      local shape = table.concat(layer.shape, "x")
      if shape == "1x96x60x60" then layer_of.conv4 = layer.name end
      if shape == "1x30x480x480" then layer_of.decode2 = layer.name end
    end
    maps = {}
    for _, score in ipairs { "logit", "probability" } do
      for _, heat in ipairs(assert(fovea.explain_all(model, golden.input, {
        layers = { layer_of.conv4, layer_of.decode2 }, score = score }))) do
        maps[("%s %s"):format(score, heat.layer)] = heat
      end
    end
  end

  local function worst(want, got) return (want:reshape(got:shape()) - got):abs():max() end

  it("has the published number of parameters", function()
    ready()
    assert.are.equal(549748, (model:size()))
  end)

  it("gives the reference's probabilities within 2e-5", function()
    ready()
    local logits = assert(model:forward(golden.input))[1]
    assert.is_true(worst(golden.prob, logits:sigmoid()) < 2e-5)
    assert.is_true(worst(golden.logits, logits) < 2e-5 * golden.logits:abs():max())
  end)

  it("gives the reference's channel weights and maps within 1e-4 of their maximum", function()
    ready()
    for score, letter in pairs { logit = "z", probability = "p" } do
      for layer, name in pairs(layer_of) do
        local heat = maps[("%s %s"):format(score, name)]
        local want = golden[("cam_%s_%s"):format(letter, layer)]
        local off = worst(want, heat.raw:relu()) / want:max()
        assert.is_true(off < 1e-4, ("cam_%s_%s: off by %g"):format(letter, layer, off))
      end
    end
    local seeds = { z = golden.logits:gt(0), p = golden.prob * (1 - golden.prob) * golden.prob:gt(0.5) }
    for letter, seed in pairs(seeds) do
      local gradients = model:gradients(golden.input, { layer_of.conv4, layer_of.decode2 }, seed)
      for layer, name in pairs(layer_of) do
        local want = golden[("alpha_%s_%s"):format(letter, layer)]
        local off = worst(want, gradients[name]:mean { 3, 4 }) / want:abs():max()
        assert.is_true(off < 1e-4, ("alpha_%s_%s: off by %g"):format(letter, layer, off))
      end
    end
  end)

  it("gives the reference's scores and reaches Dice 0.826", function()
    ready()
    local heat = maps["logit " .. layer_of.conv4]
    assert.are.near(254161.899, heat.score.value, 254161.9 * 1e-5)
    assert.are.near(58446.6875, maps["probability " .. layer_of.conv4].score.value, 58446.7 * 1e-5)
    local truth = golden.gt:gt(0):reshape(heat.mask:shape())
    local dice = 2 * (heat.mask * truth):sum() / (heat.mask:sum() + truth:sum())
    assert.are.near(0.826, dice, 5e-4)
  end)

  it("reads the image as the reference did", function()
    ready()
    local image = assert(fovea.image.read(real.need "images/retina_chasedb1/chase_01L.png"))
    local record = fovea.preprocess.record { channels = 3,
      size = { policy = "crop", height = 960, width = 960, left = 18 } }
    local input = assert(fovea.preprocess.apply(record, image))
    assert.is_true(worst(golden.input, input) < 1e-6)
  end)

  it("runs at another size that its strides allow", function()
    ready()
    local path = real.need "golden/m2unet_chasedb1__chase_11L_480.input-only.safetensors"
    local other = assert(fovea.safetensors.read(path))
    local heat = assert(fovea.explain(model, other.input))
    local truth = other.gt:gt(0):reshape(heat.mask:shape())
    local dice = 2 * (heat.mask * truth):sum() / (heat.mask:sum() + truth:sum())
    assert.is_true(dice > 0.7, ("Dice %.3f"):format(dice))
  end)

  it("runs no reference implementation on anything that matters", function()
    ready()
    local instance = assert(model:at { 1, 3, 480, 480 })
    local output = instance.outputs[1]
    local nodes = {}
    for i, layer in ipairs(model:layers { spatial = true }) do nodes[i] = instance.nodes[layer.name] end
    local plan = assert(instance.graph:plan { mode = "explain", taps = { output.logits }, seeds = { output.logits },
      gradients = nodes })
    for _, step in ipairs(plan:steps()) do
      assert.is_falsy(step.implementation:find("ref", 1, true),
        ("%s of %s runs on %s"):format(step.phase, step.node, step.implementation))
    end
  end)
end)
