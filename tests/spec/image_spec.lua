local fovea = require "fovea"
local image = require "fovea.image"
local scratch = require "support.scratch"

describe("image", function()
  local dir

  setup(function() dir = scratch.new() end)
  teardown(function() dir:remove() end)

  it("reads back what was written, with its kind", function()
    local path = dir:path "rgb.png"
    local pixels = fovea.tensor({ 3, 1, 2 }, { 0, 10, 20, 30, 40, 255 })
    assert.is_true(image.write(path, pixels))
    local back = assert(image.read(path))
    assert.is_true(pixels:equal(back.tensor))
    assert.same({ 3, 1, 2, 255, 8, path }, { back.channels, back.height, back.width, back.white, back.bit_depth,
      back.path })
    assert.is_false(back.has_alpha)
  end)

  it("keeps 16 bits", function()
    local path = dir:path "deep.png"
    assert.is_true(image.write(path, image.new(fovea.tensor { { 0, 1000, 65535 } }, { white = 65535 })))
    local back = assert(image.read(path))
    assert.are.equal(65535, back.white)
    assert.same({ 0, 1000, 65535 }, back.tensor:flatten():values())
    assert.same({ 0, 255 }, back:rgb():slice(3, 1, 3, 2):select(1, 2):flatten():values())
  end)

  it("returns nil, message, code for a file that cannot be read", function()
    local none, message, code = image.read(dir:path "none.png")
    assert.is_nil(none)
    assert.matches("none.png: no such file", message)
    assert.are.equal("io", code)
  end)

  it("converts between grey and RGB", function()
    local grey = image.new(fovea.tensor { { 7, 9 } })
    assert.same({ 7, 9, 7, 9, 7, 9 }, grey:rgb():flatten():values())
    local colour = image.new(fovea.tensor({ 3, 1, 3 }, { 100, 0, 0, 0, 100, 0, 0, 0, 100 }))
    local values = colour:with_channels(1):flatten():values()
    for i, v in ipairs { 29.9, 58.7, 11.4 } do assert.is_true(math.abs(v - values[i]) < 1e-4) end
  end)

  it("drops alpha, or composites on black", function()
    local picture = image.new(fovea.tensor({ 4, 1, 2 }, { 100, 100, 50, 50, 0, 0, 255, 51 }))
    assert.is_true(picture.has_alpha)
    assert.same({ 100, 100, 50, 50, 0, 0 }, picture:colours():flatten():values())
    assert.same({ 100, 20, 50, 10, 0, 0 }, picture:colours("black"):flatten():values())
    assert.same({ 1, 1, 2 }, image.new(fovea.zeros { 2, 1, 2 }):colours():shape())
  end)

  it("takes a tensor for an image", function()
    local one = image.of(fovea.zeros { 4, 5 })
    assert.are.equal(one, image.of(one))
    assert.same({ 1, 4, 5 }, one.tensor:shape())
    assert.error_matches(function() image.of "path.png" end, "not a string")
    assert.error_matches(function() image.new(fovea.zeros { 5, 2, 2 }) end, "not 5x2x2")
  end)
end)
