-- Segmentations at the size of the image: by a network that passes each pixel on, whole and in windows.
local fovea = require "fovea"
local predict = require "fovea.evaluate.predict"

--- A network whose logits are the channels of a 1x1 convolution of the image.
local function pixelwise(weights, biases, size)
  local channels = #weights
  local architecture = { name = "pixelwise", input = function() return { 1, 1, false, false } end,
    build = function(nn, x) return nn:conv("head", x, channels, { kernel = 1 }) end }
  return assert(fovea.arch.model(architecture, {}, {
    ["head.weight"] = fovea.tensor({ channels, 1, 1, 1 }, weights), ["head.bias"] = fovea.tensor(biases),
  }, { preprocess = { channels = 1, scale = 1, size = size } }))
end

local function same(want, got, tolerance)
  assert.same(want:shape(), got:shape())
  local worst = (want - got):abs():max()
  assert.is_true(worst < (tolerance or 1e-6), ("differs by %g"):format(worst))
end

local IMAGE = fovea.uniform({ 1, 23, 31 }, { seed = 4, min = -3, max = 3 })

describe("segment", function()
  it("gives the probability at the size of the image", function()
    local found = assert(predict.segment(pixelwise({ 2 }, { -1 }), IMAGE))
    same((IMAGE * 2 - 1):sigmoid():reshape { 23, 31 }, found.probability)
    assert.equal(1, found.class)
    assert.is_nil(found.prediction)
    assert.is_nil(found.covered)
  end)

  it("takes padding away, and says what a crop did not see", function()
    local padded = assert(predict.segment(pixelwise({ 1 }, { 0 }, { policy = "pad", multiple = 16 }), IMAGE))
    same(IMAGE:sigmoid():reshape { 23, 31 }, padded.probability)
    local cropped = assert(predict.segment(pixelwise({ 1 }, { 0 }, { policy = "crop", multiple = 8 }), IMAGE))
    assert.equal(16 * 24, cropped.covered:sum())
    same(IMAGE:sigmoid():reshape { 23, 31 } * cropped.covered, cropped.probability)
  end)

  it("comes back from another size by linear interpolation", function()
    local flat = fovea.full({ 1, 20, 30 }, 1.5)
    local found = assert(predict.segment(pixelwise({ 1 }, { 0 }, { policy = "fixed", height = 8, width = 8 }), flat))
    same(fovea.full({ 20, 30 }, 1 / (1 + math.exp(-1.5))), found.probability)
  end)

  it("windows of a pixelwise network add up to the whole, of any size and overlap", function()
    local model = pixelwise({ 1 }, { 0.5 }, { policy = "pad", multiple = 16 })
    local whole = (IMAGE + 0.5):sigmoid():reshape { 23, 31 }
    for _, options in ipairs { { tile = { 8, 8 } }, { tile = { 16, 8 }, overlap = 0 },
      { tile = { 5, 31 }, overlap = 0.75 }, { tile = { 32, 32 } }, { tile = { 40, 8 }, overlap = 0.2 } } do
      local found = assert(predict.segment(model, IMAGE, options))
      same(whole, found.probability, 1e-5)
      assert.is_nil(found.covered)
    end
  end)

  it("two classes: the second one; more: the one named, where it wins", function()
    local two = assert(predict.segment(pixelwise({ 0, 1 }, { 0, 0 }), IMAGE))
    same(IMAGE:sigmoid():reshape { 23, 31 }, two.probability)
    local three = pixelwise({ 0, 1, -1 }, { 0.5, 0, 0 })
    assert.error_matches(function() predict.segment(three, IMAGE) end, "3 classes: which one")
    assert.error_matches(function() predict.segment(three, IMAGE, { class = 4 }) end, "no class 4")
    local flat, sum = IMAGE:reshape { 23, 31 }, fovea.zeros { 23, 31 }
    local wins = { flat:abs():le(0.5), flat:gt(0.5), flat:lt(-0.5) }
    for class = 1, 3 do
      local found = assert(predict.segment(three, IMAGE, { class = class }))
      same(wins[class], found.prediction)
      sum = sum + found.probability
    end
    same(fovea.full({ 23, 31 }, 1), sum, 1e-5)
  end)

  it("takes a tensor that is preprocessed already as it is", function()
    local model = pixelwise({ 2 }, { -1 }, { policy = "crop", multiple = 8 })
    local found = assert(predict.segment(model, IMAGE:reshape { 1, 1, 23, 31 }))
    same((IMAGE * 2 - 1):sigmoid():reshape { 23, 31 }, found.probability)
    assert.error_matches(function() predict.segment(model, IMAGE:reshape { 1, 1, 23, 31 }, { tile = { 8, 8 } }) end,
      "for images")
  end)

  it("refuses what is no window", function()
    local model = pixelwise({ 1 }, { 0 })
    assert.error_matches(function() predict.segment(model, IMAGE, { tile = { 8 } }) end, "height and a width")
    assert.error_matches(function() predict.segment(model, IMAGE, { tile = { 8, 8 }, overlap = 1 }) end, "overlap")
  end)
end)
