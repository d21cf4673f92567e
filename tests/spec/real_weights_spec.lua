-- Real trained weights in the architectures of the toolkit, against reference results in double precision.
local fovea = require "fovea"
local real = require "support.real"

local function worst(want, got) return (want:reshape(got:shape()) - got):abs():max() end

--- The class activation maps of all layers at once: cam_z_* or cam_p_*.
local function check_maps(model, golden, layer_of, score, letter)
  local names, maps = {}, {}
  for _, name in pairs(layer_of) do names[#names + 1] = name end
  for _, heat in ipairs(assert(fovea.explain_all(model, golden.input, { layers = names, score = score }))) do
    maps[heat.layer] = heat
  end
  for layer, name in pairs(layer_of) do
    local want = golden[("cam_%s_%s"):format(letter, layer)]
    local off = worst(want, maps[name].raw:relu()) / want:max()
    assert.is_true(off < 1e-4, ("cam_%s_%s: off by %g"):format(letter, layer, off))
  end
  return maps
end

describe("the real M2U-Net from a PyTorch file #slow", function()
  local layer_of = { conv4 = "encoder.13.sum", decode2 = "decoder.3.bn3" }
  local files = { "m2unet_chasedb1.legacy.pth", "m2unet_chasedb1.resaved.zip.pth" }

  for _, file in ipairs(files) do
    it("gives the reference's probabilities and maps: " .. file, function()
      local golden = assert(fovea.safetensors.read(real.need "golden/m2unet_chasedb1__chase_01L_960.safetensors"))
      local model = assert(fovea.load(real.need("models/" .. file), { arch = "m2unet" }))
      assert.same({}, model.warnings)
      assert.equal(549748, (model:size()))
      local logits = assert(model:forward(golden.input))[1]
      assert.is_true(worst(golden.prob, logits:sigmoid()) < 2e-5)
      check_maps(model, golden, layer_of, "logit", "z")
      check_maps(model, golden, layer_of, "probability", "p")
    end)
  end

  it("agrees with the same network from ONNX, as a graph and as weights", function()
    local input = fovea.uniform({ 1, 3, 256, 256 }, { seed = 3 })
    local from_pth = assert(fovea.load(real.need("models/" .. files[1]), { arch = "m2unet" }))
    local path = real.need "models/m2unet_chasedb1.onnx"
    local graph, weights = assert(fovea.load(path)), assert(fovea.load(path, { arch = "m2unet" }))
    assert.equal("order", weights.match.how)
    local logits = from_pth:forward(input)[1]
    assert.equal(logits:hash(), weights:forward(input)[1]:hash())
    assert.is_true(worst(logits:sigmoid(), graph:forward(input)[1]:sigmoid()) < 2e-5)
    local bottom
    for _, layer in ipairs(graph:layers { spatial = true }) do
      if layer.shape[2] == 96 and layer.shape[3] * 16 == graph:default_shape()[3] then bottom = layer.name end
    end
    local options = { threshold = "logit:0", score = "logit" }
    local function map(model, layer)
      options.layer = layer
      return assert(fovea.explain(model, input, options)).raw
    end
    local a, b = map(from_pth, layer_of.conv4), map(graph, bottom)
    assert.is_true(worst(a, b) < 1e-4 * a:abs():max())
  end)
end)

describe("the real Little W-Net from a PyTorch file #slow", function()
  local layer_of = { u1_bottleneck = "unet1.encoder.3.sum", u2_bottleneck = "unet2.encoder.3.sum",
    u2_lastdec = "unet2.decoder.2.sum" }

  for _, file in ipairs { "lwnet_wnet_drive.legacy.pth", "lwnet_wnet_drive.resaved.zip.pth" } do
    it("gives the reference's probabilities and maps: " .. file, function()
      local golden, metadata = fovea.safetensors.read(real.need "golden/lwnet_wnet_drive__chase_01L_512.safetensors")
      local model = assert(fovea.load(real.need("models/" .. file), { arch = "little_wnet" }))
      assert.equal(68482, (model:size()))
      local outputs = assert(model:forward(golden.input))
      for head = 1, 2 do
        assert.is_true(worst(golden["prob" .. head], outputs[head]:sigmoid()) < 2e-5, "head " .. head)
      end
      local maps = check_maps(model, golden, layer_of, "logit", "z")
      local score = tonumber(metadata.score_z)
      assert.are.near(score, maps[layer_of.u2_lastdec].score.value, 1e-5 * score)
      check_maps(model, golden, layer_of, "probability", "p")
    end)
  end
end)
