local fovea = require "fovea"
local image_file = require("fovea.core").image_file
local maker = require "support.tiff_maker"
local scratch = require "support.scratch"
local alloc_sweep = require "support.alloc_sweep"

local function u1(...) return maker.numbers("u1", { ... }) end

-- Values and info of a picture.
local function read(page, options, big_endian)
  local tensor, info = assert(image_file.decode(maker.tiff(page, big_endian), options))
  return tensor:to_table(), info
end

describe("TIFF in", function()
  local dir

  setup(function() dir = scratch.new() end)
  teardown(function() dir:remove() end)

  local function fails(page, message, code, options)
    local path = dir:write("x.tif", type(page) == "string" and page or maker.tiff(page))
    local result, text, kind = image_file.read(path, options)
    assert.is_nil(result)
    assert.matches(path .. ": " .. message, text, 1)
    assert.equal(code, kind)
  end

  it("reads grey pictures in either byte order", function()
    local values, info = read { width = 3, height = 2, blocks = { u1(1, 2, 3, 4, 5, 6) } }
    assert.same({ { { 1, 2, 3 }, { 4, 5, 6 } } }, values)
    assert.same({ format = "tiff", width = 3, height = 2, channels = 1, bit_depth = 8, white = 255, has_alpha = false,
      palette = false, orientation = 1, pages = 1 }, info)
    for _, big in ipairs { false, true } do
      values, info = read({ width = 2, height = 1, bits = 16, blocks = { maker.numbers("u2", { 258, 65535 }, big) } },
        nil, big)
      assert.same({ { { 258, 65535 } } }, values)
      assert.equal(65535, info.white)
    end
  end)

  it("reads signed, long and floating-point numbers", function()
    local function one(kind, bits, format, numbers)
      local values, info = read { width = 2, height = 1, bits = bits, format = format,
        blocks = { maker.numbers(kind, numbers) } }
      return values[1][1], info.white
    end
    local function check(want, white, ...)
      local values, got = one(...)
      assert.same(want, values)
      assert.equal(white, got)
    end
    check({ -1024, 3071 }, 32767, "i2", 16, 2, { -1024, 3071 })
    check({ -5, 5 }, 127, "i1", 8, 2, { -5, 5 })
    check({ 70000, 3 }, 2147483647, "u4", 32, 1, { 70000, 3 })
    check({ -70000, 3 }, 2147483647, "i4", 32, 2, { -70000, 3 })
    check({ 0.25, -1.5 }, 1, "f4", 32, 3, { 0.25, -1.5 })
  end)

  it("stretches small samples and turns negatives", function()
    assert.same({ { { 255, 0, 255, 255, 0 } } },
      (read { width = 5, height = 1, bits = 1, blocks = { u1(0xB0) } }))
    assert.same({ { { 0, 85, 170, 255 } } }, (read { width = 4, height = 1, bits = 2, blocks = { u1(0x1B) } }))
    assert.same({ { { 17, 238 } } }, (read { width = 2, height = 1, bits = 4, blocks = { u1(0x1E) } }))
    assert.same({ { { 0, 255 } } }, (read { width = 2, height = 1, bits = 1, photometric = 0, blocks = { u1(0x80) } }))
    assert.same({ { { 55, 255 } } }, (read { width = 2, height = 1, photometric = 0, blocks = { u1(200, 0) } }))
  end)

  it("reads colours, interleaved and in planes, with and without alpha", function()
    local want = { { { 1, 4 } }, { { 2, 5 } }, { { 3, 6 } } }
    local page = { width = 2, height = 1, samples = 3, photometric = 2, blocks = { u1(1, 2, 3, 4, 5, 6) } }
    assert.same(want, (read(page)))
    page.separate, page.blocks = true, { u1(1, 4), u1(2, 5), u1(3, 6) }
    assert.same(want, (read(page)))
    local values, info = read { width = 1, height = 1, samples = 4, photometric = 2, alpha = 2,
      blocks = { u1(1, 2, 3, 99) } }
    assert.same({ { { 1 } }, { { 2 } }, { { 3 } }, { { 99 } } }, values)
    assert.is_true(info.has_alpha)
    values, info = read { width = 1, height = 1, samples = 2, alpha = 1, blocks = { u1(7, 8) } }
    assert.same({ { { 7 } }, { { 8 } } }, values)
    assert.equal(2, info.channels)
  end)

  it("reads palettes of 16 and of 8 bits", function()
    local palette = {}
    for i = 1, 48 do palette[i] = 0 end
    palette[2], palette[16 + 2], palette[32 + 2] = 0x1200, 0x3400, 0xFF00
    local page = { width = 2, height = 1, bits = 4, photometric = 3, palette = palette, blocks = { u1(0x10) } }
    local values, info = read(page)
    assert.same({ { { 0x12, 0 } }, { { 0x34, 0 } }, { { 0xFF, 0 } } }, values)
    assert.is_true(info.palette)
    palette[2], palette[16 + 2], palette[32 + 2] = 0x12, 0x34, 0xFF
    assert.same({ { { 0x12, 0 } }, { { 0x34, 0 } }, { { 0xFF, 0 } } }, (read(page)))
  end)

  it("reads strips, tiles and deflated data", function()
    local want = { { { 1, 2, 3 }, { 4, 5, 6 }, { 7, 8, 9 } } }
    for _, deflate in ipairs { false, true } do
      assert.same(want, (read { width = 3, height = 3, deflate = deflate, rows_per_strip = 2,
        blocks = { u1(1, 2, 3, 4, 5, 6), u1(7, 8, 9) } }))
      local left, right = {}, {} -- tiles of 16 x 16 over a picture of 18 x 1
      for i = 1, 256 do left[i], right[i] = i <= 16 and i or 0, i <= 2 and 16 + i or 0 end
      local values = read { width = 18, height = 1, deflate = deflate, tile = { 16, 16 },
        blocks = { maker.numbers("u1", left), maker.numbers("u1", right) } }
      for i = 1, 18 do assert.equal(i, values[1][1][i]) end
    end
  end)

  it("applies the orientation", function()
    local page = { width = 2, height = 1, orientation = 6, blocks = { u1(1, 2) } }
    local values, info = read(page)
    assert.same({ { { 1 }, { 2 } } }, values)
    assert.same({ 1, 2, 6 }, { info.width, info.height, info.orientation })
    assert.same({ { { 1, 2 } } }, (read(page, { orient = false })))
    page.orientation = 3
    assert.same({ { { 2, 1 } } }, (read(page)))
  end)

  it("reads the page that is asked for", function()
    local pages = {}
    for i = 1, 3 do pages[i] = { width = i, height = 1, blocks = { ("%c"):rep(i):format(i, i, i) } } end
    for i = 1, 3 do
      local values, info = read(pages, { page = i })
      assert.equal(i, #values[1][1])
      assert.equal(i, values[1][1][i])
      assert.equal(3, info.pages)
    end
    fails(pages, "has no page 4 %(there are 3%)", "mismatch", { page = 4 })
    local path = dir:write("stack.tif", maker.tiff(pages))
    assert.equal(2, assert(fovea.image.read(path .. "#2")).width)
    local none, message = fovea.image.read(path .. "#9")
    assert.is_nil(none)
    assert.matches("stack.tif: has no page 9", message)
    local hash = require("fovea.mask_file").hash -- of a page: not that of another, and other when the file changes
    local first, second = hash(path .. "#1"), hash(path .. "#2")
    assert.is_true(first ~= second and first ~= hash(path) and first == hash(path .. "#1"))
    dir:write("stack.tif", maker.tiff(pages, true))
    assert.not_equal(first, hash(path .. "#1"))
    assert.is_nil(hash(path .. "x#1"))
    local png = dir:write("x.png", assert(image_file.encode(assert(fovea.zeros { 1, 2, 2 }))))
    none, message = image_file.read(png, { page = 2 })
    assert.is_nil(none)
    assert.matches("only TIFF files have pages", message)
  end)

  it("refuses pictures over the pixel budget and what cannot be in the file", function()
    local page = { width = 20, height = 20, blocks = { ("x"):rep(400) } }
    fails(page, "20x20 pixels are more than the limit of 399 pixels", "memory", { max_pixels = 399 })
    fails({ width = 60000, height = 60000, blocks = { "x" } }, "60000x60000 pixels are more than the limit", "memory")
    fails({ width = 6000, height = 6000, blocks = { "x" } }, "truncated TIFF %(%d+ bytes cannot hold", "format")
    fails({ width = 6000, height = 6000, deflate = true, blocks = { "x" } }, "truncated TIFF", "format")
    fails({ width = 1, height = 1, deflate = true, tile = { 1 << 20, 1 << 20 }, blocks = { "x" } },
      "damaged TIFF %(tiles of 1048576x1048576 pixels%)", "format")
  end)

  it("refuses what it does not know, by name", function()
    fails({ width = 1, height = 1, bits = 12, blocks = { "xx" } }, "TIFF samples of 12 bits", "unsupported")
    fails({ width = 1, height = 1, samples = 4, photometric = 5, blocks = { "xxxx" } }, "TIFF colours of kind 5",
      "unsupported")
    fails({ width = 1, height = 1, samples = 5, blocks = { "xxxxx" } }, "TIFF pixels of 5 samples", "unsupported")
    fails({ width = 1, height = 1, compression = 12345, blocks = { "x" } }, "damaged TIFF %(.+%)", "format")
  end)

  it("refuses truncated and damaged files", function()
    local bytes = maker.tiff { width = 30, height = 3, deflate = true, rows_per_strip = 1,
      blocks = { ("a"):rep(30), ("b"):rep(30), ("c"):rep(30) } }
    for length = 8, #bytes - 8 do assert.is_nil((image_file.decode(bytes:sub(1, length)))) end
    fails(bytes:sub(1, 60), "damaged TIFF", "format")
    fails({ width = 4, height = 4, deflate = true, blocks = { "ab" } }, "damaged TIFF", "format")
  end)

  it("survives every failing allocation", function()
    local path = dir:write("sweep.tif", maker.tiff { width = 2, height = 1, orientation = 6, blocks = { u1(1, 2) } })
    assert.is_true(alloc_sweep(function() return image_file.read(path) end) >= 4)
  end)
end)
