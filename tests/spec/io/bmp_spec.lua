local image_file = require("fovea.core").image_file
local scratch = require "support.scratch"
local alloc_sweep = require "support.alloc_sweep"

-- A BMP file of rows of bytes, from the bottom; colours: palette entries as blue, green, red.
local function bmp(width, height, bits, rows, colours, compression)
  local data, palette = {}, {}
  for i, row in ipairs(rows) do data[i] = row .. ("\0"):rep(-#row % 4) end
  for i, colour in ipairs(colours or {}) do palette[i] = string.char(colour[1], colour[2], colour[3], 0) end
  local pixels, map = table.concat(data), table.concat(palette)
  local at = 54 + #map
  return "BM" .. string.pack("<I4I4I4", at + #pixels, 0, at)
    .. string.pack("<I4i4i4I2I2I4I4i4i4I4I4", 40, width, height, 1, bits, compression or 0, #pixels, 0, 0,
      #(colours or {}), 0) .. map .. pixels
end

local function read(...)
  local tensor, info = assert(image_file.decode(bmp(...)))
  return tensor:to_table(), info
end

describe("BMP in", function()
  local dir

  setup(function() dir = scratch.new() end)
  teardown(function() dir:remove() end)

  local function fails(bytes, message, code, options)
    local path = dir:write("x.bmp", bytes)
    local result, text, kind = image_file.read(path, options)
    assert.is_nil(result)
    assert.matches(path .. ": " .. message, text, 1)
    assert.equal(code, kind)
  end

  it("reads colours, from the bottom or from the top", function()
    local values, info = read(2, 2, 24, { "\1\2\3\4\5\6", "\7\8\9\10\11\12" })
    assert.same({ { { 9, 12 }, { 3, 6 } }, { { 8, 11 }, { 2, 5 } }, { { 7, 10 }, { 1, 4 } } }, values)
    assert.same({ format = "bmp", width = 2, height = 2, channels = 3, bit_depth = 8, white = 255, has_alpha = false,
      palette = false, orientation = 1, pages = 1 }, info)
    values = read(1, -2, 24, { "\1\2\3", "\4\5\6" })
    assert.same({ { { 3 }, { 6 } }, { { 2 }, { 5 } }, { { 1 }, { 4 } } }, values)
  end)

  it("reads palettes, grey ones as grey", function()
    local greys = {}
    for i = 1, 256 do greys[i] = { i - 1, i - 1, i - 1 } end
    local values, info = read(3, 1, 8, { "\0\200\255" }, greys)
    assert.same({ { { 0, 200, 255 } } }, values)
    assert.equal(1, info.channels)
    assert.same({ { { 255, 0, 255, 255 } } }, (read(4, 1, 1, { "\xB0" }, { { 0, 0, 0 }, { 255, 255, 255 } })))
    assert.same({ { { 0, 255, 0, 0 } } }, (read(4, 1, 1, { "\xB0" }, { { 255, 255, 255 }, { 0, 0, 0 } })))
    local colours = { { 1, 2, 3 }, { 4, 5, 6 } }
    for i = 3, 16 do colours[i] = { 0, 0, 0 } end
    values, info = read(2, 1, 4, { "\x10" }, colours)
    assert.same({ { { 6, 3 } }, { { 5, 2 } }, { { 4, 1 } } }, values)
    assert.is_true(info.palette)
  end)

  it("refuses what it does not know, by name", function()
    fails(bmp(2, 1, 8, { "\2\1\0\1" }, { { 0, 0, 0 }, { 9, 9, 9 } }, 1), "compressed BMP is not supported",
      "unsupported")
    fails("BM" .. ("\0"):rep(12) .. "\12\0\0\0" .. ("\0"):rep(50), "BMP of a kind older than Windows 3", "unsupported")
    fails(bmp(2, 1, 7, { "\0\0\0\0" }), "damaged BMP %(7 bits a pixel%)", "format")
  end)

  it("refuses pictures over the pixel budget and truncated files", function()
    local bytes = bmp(2, 2, 24, { "\1\2\3\4\5\6", "\7\8\9\10\11\12" })
    fails(bytes, "2x2 pixels are more than the limit of 3 pixels", "memory", { max_pixels = 3 })
    fails(bmp(15000, 15000, 24, { "" }), "truncated BMP %(54 bytes cannot hold 15000x15000 pixels%)", "format")
    fails(bmp(2, -2147483648, 24, { "" }), "2x2147483648 pixels are more than", "memory")
    fails(bytes:sub(1, 40), "truncated BMP %(the file ends after 40 bytes%)", "format")
    for length = 14, 40 do assert.is_nil((image_file.decode(bytes:sub(1, length)))) end
  end)

  it("survives every failing allocation", function()
    local path = dir:write("sweep.bmp", bmp(1, 1, 24, { "\1\2\3" }))
    assert.is_true(alloc_sweep(function() return image_file.read(path) end) >= 2)
  end)
end)
