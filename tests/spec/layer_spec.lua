-- What layers hold for the image a model saw last.
local fovea = require "fovea"
local scratch = require("support.scratch").new()
local tiny = require "support.tiny_onnx"

describe("a layer", function()
  local model, image

  setup(function()
    model = assert(fovea.load(scratch:write("tiny.onnx", tiny.bytes())))
    image = fovea.image.new(fovea.uniform({ 3, 16, 16 }, { seed = 5, min = 0, max = 255 }))
  end)

  teardown(function() scratch:remove() end)

  it("needs an image first", function()
    local fresh = assert(fovea.load(scratch:path "tiny.onnx"))
    assert.has_error(function() fresh:layer("enc.relu.Relu"):activation() end,
      "activation: the model has seen no image yet: give one, or model:use(image) first")
  end)

  it("gives its activation for the image it is given, or the last one", function()
    local input = assert(model:use(image))
    assert.are.same({ 1, 3, 16, 16 }, input:shape())
    local layer = model:layer "enc.relu.Relu"
    local expected = assert(model:activations(input, "enc.relu.Relu"))["enc.relu.Relu"]
    assert.is_true(expected:equal(layer:activation()))
    local other = fovea.uniform({ 1, 3, 16, 16 }, { seed = 6 })
    local second = layer:activation(other)
    assert.is_false(expected:equal(second))
    assert.is_true(second:equal(layer:activation()))
    fovea.explain(model, image)
    assert.is_true(expected:equal(layer:activation()))
  end)

  it("gives its gradient for a strategy or a seed", function()
    local input = assert(model:use(image))
    local layer = model:layer "deep.relu.Relu"
    local logits = assert(model:activations(input, "head.Conv"))["head.Conv"]
    local seed = logits:sigmoid():gt(0.4)
    assert.is_true(seed:sum() > 0)
    local expected = assert(model:gradients(input, "deep.relu.Relu", seed))["deep.relu.Relu"]
    assert.is_true(expected:equal(layer:gradient(seed)))
    assert.is_true(expected:equal(layer:gradient(0.4)))
    assert.is_true(expected:equal(layer:gradient(0.4, image)))
    assert.are.equal(0, layer:gradient(1):abs():max())
  end)

  it("refuses an image that does not fit", function()
    assert.has_error(function() model:use(fovea.zeros { 1, 5, 16, 16 }) end)
  end)
end)
