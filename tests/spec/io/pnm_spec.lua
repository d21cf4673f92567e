local image_file = require("fovea.core").image_file
local scratch = require "support.scratch"
local alloc_sweep = require "support.alloc_sweep"

local function read(bytes)
  local tensor, info = assert(image_file.decode(bytes))
  return tensor:to_table(), info
end

describe("PNM in", function()
  local dir

  setup(function() dir = scratch.new() end)
  teardown(function() dir:remove() end)

  local function fails(bytes, message, code, options)
    local path = dir:write("x.ppm", bytes)
    local result, text, kind = image_file.read(path, options)
    assert.is_nil(result)
    assert.matches(path .. ": " .. message, text, 1)
    assert.equal(code, kind)
  end

  it("reads colours", function()
    local values, info = read "P6\n# a comment\n2 1\n255\n\1\2\3\4\5\6"
    assert.same({ { { 1, 4 } }, { { 2, 5 } }, { { 3, 6 } } }, values)
    assert.same({ format = "pnm", width = 2, height = 1, channels = 3, bit_depth = 8, white = 255, has_alpha = false,
      palette = false, orientation = 1, pages = 1 }, info)
    assert.same({ { { 1, 4 } }, { { 2, 5 } }, { { 3, 6 } } }, (read "P3\n2 1\n255\n1 2 3\n4 5 6\n"))
  end)

  it("reads grey of 8 and 16 bits, and bits", function()
    assert.same({ { { 7, 200 } } }, (read "P5\n2 1\n255\n\7\200"))
    assert.same({ { { 7 }, { 200 } } }, (read "P2\n1 2\n255\n7 200\n"))
    local values, info = read "P5\n2 1\n65535\n\1\2\255\255"
    assert.same({ { { 258, 65535 } } }, values)
    assert.equal(65535, info.white)
    assert.same({ { { 0, 255, 0, 0 } } }, (read "P4\n4 1\n\xB0"))
    assert.same({ { { 0, 255 } } }, (read "P1\n2 1\n1 0\n"))
  end)

  it("reads other largest values", function()
    local values, info = read "P5\n2 1\n4095\n\1\2\15\255"
    assert.same({ { { 258, 4095 } } }, values)
    assert.equal(4095, info.white)
    assert.same({ { { 0, 102, 255 } } }, (read "P2 3 1 5 0 2 5"))
    assert.same({ { { 258 } }, { { 2 } }, { { 3 } } }, (read "P6 1 1 65535 \1\2\0\2\0\3"))
    assert.same({ { { 255, 0, 0, 255 }, { 0, 255, 255, 255 } } }, (read "P1\n4 2 0110\n1 0 0 0"))
  end)

  it("refuses damaged files", function()
    fails("P5\n1 1\n0\n\0", "damaged PNM %(largest value 0%)", "format")
    fails("P5\n1 1\n70000\n\0\0", "damaged PNM %(largest value 70000%)", "format")
    fails("P2\n1 1\n99\n100", "damaged PNM %(a value over 99%)", "format")
    fails("P2\n1 x\n99\n100", "damaged PNM %(no number at byte 5%)", "format")
    fails("P2\n99999999999 1\n99\n100", "damaged PNM %(a number too large%)", "format")
    fails("P6\n0 1\n255\n", "damaged image %(0x1 pixels%)", "format")
  end)

  it("refuses pictures over the pixel budget and truncated files", function()
    fails("P5\n20 20\n255\n" .. ("x"):rep(400), "20x20 pixels are more than the limit of 399 pixels", "memory",
      { max_pixels = 399 })
    fails("P6\n15000 15000\n255\nxxx", "truncated PNM %(%d+ bytes cannot hold 15000x15000 pixels%)", "format")
    fails("P5\n4 4\n255\nxxx", "truncated PNM", "format")
    fails("P5\n-4 4\n255\nxxx", "damaged", "format")
    for length = 3, 13 do assert.is_nil((image_file.decode(("P5\n2 2\n255\n\1\2\3\4"):sub(1, length)))) end
  end)

  it("survives every failing allocation", function()
    local path = dir:write("sweep.pgm", "P5\n1 1\n255\nx")
    assert.is_true(alloc_sweep(function() return image_file.read(path) end) >= 2)
  end)
end)
