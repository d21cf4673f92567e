local image_file = require "fovea.core".image_file
local maker = require "support.jpeg_maker"
local png_maker = require "support.png_maker"
local scratch = require "support.scratch"
local alloc_sweep = require "support.alloc_sweep"

-- 2 rows of 3 blocks: 10 50 90 / 130 170 210.
local function grey(segments)
  return maker.jpeg { rows = 2, columns = 3, segments = segments,
    block = function(x, y) return { 10 + 40 * (x + 3 * y) } end }
end

-- The value of every block, read at one of its pixels; also checks that blocks are of one value.
local function blocks(tensor)
  local _, height, width = table.unpack(tensor:shape())
  local values, rows = tensor:values(), {}
  for y = 0, height - 1 do
    for x = 0, width - 1 do
      local row = rows[y // 8 + 1] or {}
      rows[y // 8 + 1] = row
      local value = values[y * width + x + 1]
      assert(row[x // 8 + 1] == nil or row[x // 8 + 1] == value, "a block of several values")
      row[x // 8 + 1] = value
    end
  end
  return rows
end

describe("JPEG in", function()
  local dir

  setup(function() dir = scratch.new() end)
  teardown(function() dir:remove() end)

  local function fails(name, bytes, message, code, options)
    local path = dir:write(name, bytes)
    local result, text, kind = image_file.read(path, options)
    assert.is_nil(result)
    assert.equal(path .. ": " .. message, text)
    assert.equal(code, kind)
  end

  it("reads grey pictures whatever the name says", function()
    local tensor, info = assert(image_file.read(dir:write("a.png", grey())))
    assert.same({ 1, 16, 24 }, tensor:shape())
    assert.same({ { 10, 50, 90 }, { 130, 170, 210 } }, blocks(tensor))
    assert.same({ format = "jpeg", width = 24, height = 16, channels = 1, bit_depth = 8, white = 255, has_alpha = false,
      palette = false, orientation = 1, pages = 1 }, info)
    local _, png_info = assert(image_file.read(dir:write("b.jpg", png_maker.png { width = 1, height = 1, bit_depth = 8,
      colour_type = 0, pixel = function() return { 7 } end })))
    assert.equal("png", png_info.format)
  end)

  it("converts YCbCr to RGB", function()
    local colours = { [0] = { 100, 128, 128 }, { 76, 85, 255 }, { 150, 44, 21 } }
    local tensor = assert(image_file.decode(maker.jpeg { rows = 1, columns = 3, components = 3,
      block = function(x) return colours[x] end }))
    assert.same({ 3, 8, 24 }, tensor:shape())
    local values = tensor:values()
    for x = 0, 2 do
      local y, cb, cr = colours[x][1], colours[x][2] - 128, colours[x][3] - 128
      local rgb = { y + 1.402 * cr, y - 0.344136 * cb - 0.714136 * cr, y + 1.772 * cb } -- JFIF 1.02
      for c = 1, 3 do
        local want = math.min(255, math.max(0, rgb[c]))
        assert.is_true(math.abs(values[(c - 1) * 192 + 8 * x + 1] - want) <= 1)
      end
    end
  end)

  it("applies the EXIF orientation", function()
    local turned = {
      { { 10, 50, 90 }, { 130, 170, 210 } },
      { { 90, 50, 10 }, { 210, 170, 130 } },
      { { 210, 170, 130 }, { 90, 50, 10 } },
      { { 130, 170, 210 }, { 10, 50, 90 } },
      { { 10, 130 }, { 50, 170 }, { 90, 210 } },
      { { 130, 10 }, { 170, 50 }, { 210, 90 } },
      { { 210, 90 }, { 170, 50 }, { 130, 10 } },
      { { 90, 210 }, { 50, 170 }, { 10, 130 } },
    }
    for orientation, want in ipairs(turned) do
      local bytes = grey(maker.exif(orientation, orientation % 2 == 0 and ">" or "<"))
      local tensor, info = assert(image_file.decode(bytes))
      assert.same(want, blocks(tensor))
      assert.equal(orientation, info.orientation)
      assert.same({ 8 * #want[1], 8 * #want }, { info.width, info.height })
      tensor, info = assert(image_file.decode(bytes, { orient = false }))
      assert.same(turned[1], blocks(tensor))
      assert.equal(orientation, info.orientation)
    end
  end)

  it("takes an EXIF block without sense for none", function()
    local good = maker.exif(6, ">")
    local app = maker.segment(0xE0, "JFIF\0\1\1\0\0\1\0\1\0\0")
    local function orientation(segments) return (select(2, assert(image_file.decode(grey(segments))))).orientation end
    assert.equal(6, orientation(app .. good))
    assert.equal(6, orientation(good .. maker.exif(3, "<")))
    assert.equal(1, orientation(maker.exif(0, ">")))
    assert.equal(1, orientation(maker.exif(9, "<")))
    assert.equal(1, orientation((good:gsub("MM", "MX"))))
    assert.equal(1, orientation((good:gsub("MM\0%*", "MM\0+"))))
    assert.equal(1, orientation((good:gsub("\1\x12\0\3", "\1\x12\0\4"))))
    for length = 0, 30 do -- cut inside the directory: no entry, or half of one
      orientation(maker.segment(0xE1, good:sub(5, 4 + length)))
    end
    assert.equal(1, orientation(maker.segment(0xE1, "Exif\0\0MM\0*\xFF\xFF\xFF\xF0")))
  end)

  it("refuses pictures over the pixel budget", function()
    fails("big.jpg", grey(), "24x16 pixels are more than the limit of 383 pixels (option max_pixels)", "memory",
      { max_pixels = 383 })
    local huge = grey():gsub("\xFF\xC0..\8....", function(head) return head:sub(1, 5) .. "\xFF\xDC\xFF\xDC" end)
    fails("huge.jpg", huge,
      "65500x65500 pixels are more than the limit of 268435456 pixels (option max_pixels)", "memory")
    local size = #huge
    fails("huge.jpg", huge, ("truncated JPEG (%d bytes cannot hold 65500x65500 pixels)"):format(size), "format",
      { max_pixels = 1 << 40 })
  end)

  it("refuses truncated and damaged files", function()
    local bytes = grey()
    fails("cut.jpg", bytes:sub(1, -6), "truncated JPEG (Premature end of JPEG file)", "format")
    for length = 3, #bytes - 3 do assert.is_nil((image_file.decode(bytes:sub(1, length)))) end
    local result, message = image_file.decode(bytes:sub(1, 40))
    assert.is_nil(result)
    assert.matches("JPEG %(.+%)$", message)
    fails("text.jpg", "just text, no picture", 'not an image of a known format (starts with "just tex")', "format")
  end)

  it("lets stray bytes before the end marker pass", function()
    local bytes = grey()
    local tensor = assert(image_file.decode(bytes:sub(1, -3) .. "\0\0\0\xFF\xD9"))
    assert.same({ { 10, 50, 90 }, { 130, 170, 210 } }, blocks(tensor))
  end)

  it("refuses CMYK with a reason", function()
    local adobe = maker.segment(0xEE, "Adobe\0\x64\0\0\0\0\0")
    fails("cmyk.jpg", maker.jpeg { rows = 1, columns = 1, components = 4, segments = adobe,
      block = function() return { 1, 2, 3, 4 } end },
      "CMYK JPEG images are not supported: convert it to RGB", "unsupported")
  end)

  it("survives every failing allocation", function()
    local path = dir:write("sweep.jpg", grey(maker.exif(6, ">")))
    assert.is_true(alloc_sweep(function() return image_file.read(path) end) >= 4)
  end)
end)
