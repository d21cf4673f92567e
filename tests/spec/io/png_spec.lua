local core = require "fovea.core"
local fovea = require "fovea"
local maker = require "support.png_maker"
local scratch = require "support.scratch"
local alloc_sweep = require "support.alloc_sweep"

local image_file = core.image_file

-- Deterministic samples without pattern.
local function noise(x, y, c, most)
  return ((x * 73 + y * 151 + c * 199 + 17) * 2654435761 >> 7) % (most + 1)
end

local samples_of = { [0] = 1, [2] = 3, [3] = 1, [4] = 2, [6] = 4 }

local function test_image(colour_type, bit_depth, interlaced, width, height)
  local image = { width = width, height = height, bit_depth = bit_depth, colour_type = colour_type,
    interlaced = interlaced }
  function image.pixel(x, y)
    local pixel = {}
    for c = 1, samples_of[colour_type] do pixel[c] = noise(x, y, c, (1 << bit_depth) - 1) end
    return pixel
  end
  return image
end

-- Tensor values expected of an image: planes one after the other; convert(pixel) -> samples in the tensor.
local function planes(image, convert)
  local values, channels = {}, #convert(image.pixel(0, 0))
  for c = 1, channels do
    for y = 0, image.height - 1 do
      for x = 0, image.width - 1 do values[#values + 1] = convert(image.pixel(x, y))[c] end
    end
  end
  return values, { channels, image.height, image.width }
end

describe("PNG in", function()
  local dir

  setup(function() dir = scratch.new() end)
  teardown(function() dir:remove() end)

  local function check(image, convert)
    local tensor, info = assert(image_file.decode(maker.png(image)))
    local values, shape = planes(image, convert)
    assert.same(shape, tensor:shape())
    assert.same(values, tensor:values())
    return info
  end

  it("reads every colour type and bit depth, interlaced or not", function()
    local kinds = { { 0, 1 }, { 0, 2 }, { 0, 4 }, { 0, 8 }, { 0, 16 },
      { 2, 8 }, { 2, 16 }, { 4, 8 }, { 4, 16 }, { 6, 8 }, { 6, 16 } }
    for _, kind in ipairs(kinds) do
      for _, interlaced in ipairs { false, true } do
        for _, size in ipairs { { 11, 9 }, { 1, 1 }, { 3, 17 } } do
          local image = test_image(kind[1], kind[2], interlaced, size[1], size[2])
          local factor = kind[2] < 8 and 255 // ((1 << kind[2]) - 1) or 1
          local info = check(image, function(pixel)
            local scaled = {}
            for c, sample in ipairs(pixel) do scaled[c] = sample * factor end
            return scaled
          end)
          assert.same({ format = "png", width = size[1], height = size[2], channels = samples_of[kind[1]],
            bit_depth = kind[2], white = kind[2] == 16 and 65535 or 255, has_alpha = kind[1] >= 4, palette = false,
            orientation = 1, pages = 1 }, info)
        end
      end
    end
  end)

  it("resolves palettes, with and without transparency", function()
    for _, bit_depth in ipairs { 1, 2, 4, 8 } do
      local colours, bytes = {}, {}
      for i = 0, (1 << bit_depth) - 1 do
        colours[i] = { i * 37 % 256, i * 91 % 256, 255 - i }
        bytes[#bytes + 1] = string.char(table.unpack(colours[i]))
      end
      local image = test_image(3, bit_depth, bit_depth == 4, 10, 7)
      image.chunks = maker.chunk("PLTE", table.concat(bytes))
      local info = check(image, function(pixel) return colours[pixel[1]] end)
      assert.is_true(info.palette)
      assert.is_false(info.has_alpha)
      assert.equal(bit_depth, info.bit_depth)
      image.chunks = image.chunks .. maker.chunk("tRNS", "\x10\x80") -- the first two; the others are opaque
      info = check(image, function(pixel)
        local r, g, b = table.unpack(colours[pixel[1]])
        return { r, g, b, ({ [0] = 0x10, 0x80 })[pixel[1]] or 255 }
      end)
      assert.is_true(info.has_alpha)
      assert.equal(4, info.channels)
    end
  end)

  it("turns a transparent colour into an alpha channel", function()
    local image = test_image(0, 2, false, 9, 9)
    image.chunks = maker.chunk("tRNS", "\0\2")
    check(image, function(pixel) return { pixel[1] * 85, pixel[1] == 2 and 0 or 255 } end)
    image = test_image(2, 16, false, 4, 4)
    image.chunks = maker.chunk("tRNS", string.pack(">I2I2I2", table.unpack(image.pixel(1, 2))))
    check(image, function(pixel)
      local match = table.concat(pixel, ",") == table.concat(image.pixel(1, 2), ",")
      return { pixel[1], pixel[2], pixel[3], match and 0 or 65535 }
    end)
  end)

  it("ignores what does not change the pixels", function()
    local image = test_image(0, 8, false, 3, 3)
    image.chunks = maker.chunk("gAMA", "\0\0\x10\0") .. maker.chunk("iCCP", "broken") .. maker.chunk("tEXt", "a\0b")
      .. maker.chunk("prVt", "unknown")
    check(image, function(pixel) return pixel end)
  end)

  local function fails(bytes, message, code, options)
    local path = dir:write("bad.png", bytes)
    local result, text, kind = image_file.read(path, options)
    assert.is_nil(result)
    assert.equal(path .. ": " .. message, text)
    assert.equal(code, kind)
  end

  it("refuses pictures over the pixel budget from the header alone", function()
    local header = maker.signature .. maker.header(100000, 100000, 8, 2)
    fails(header, "100000x100000 pixels are more than the limit of 268435456 pixels (option max_pixels)", "memory")
    fails(maker.png(test_image(0, 8, false, 11, 10)),
      "11x10 pixels are more than the limit of 109 pixels (option max_pixels)", "memory", { max_pixels = 109 })
    assert(image_file.decode(maker.png(test_image(0, 8, false, 11, 10)), { max_pixels = 110 }))
    fails(maker.signature .. maker.header(0x7fffffff, 0x7fffffff, 16, 6),
      "truncated PNG (33 bytes cannot hold 2147483647x2147483647 pixels)", "format", { max_pixels = math.maxinteger })
    fails(maker.signature .. maker.header(0, 5, 8, 0), "damaged image (0x5 pixels)", "format")
  end)

  it("refuses truncated files at every length", function()
    local bytes = maker.png(test_image(2, 8, true, 5, 5))
    for length = 8, #bytes - 1 do
      local result, message, code = image_file.decode(bytes:sub(1, length))
      assert.is_nil(result)
      assert.equal(("truncated PNG (the file ends after %d bytes)"):format(length), message)
      assert.equal("format", code)
    end
    fails(bytes:sub(1, -2), ("truncated PNG (the file ends after %d bytes)"):format(#bytes - 1), "format")
    fails(maker.signature .. maker.header(16000, 16000, 8, 0) .. ("x"):rep(100),
      "truncated PNG (133 bytes cannot hold 16000x16000 pixels)", "format")
  end)

  it("refuses damaged files", function()
    local bytes = maker.png(test_image(0, 8, false, 6, 6))
    fails((bytes:gsub("IDAT", "IDAX")), "damaged PNG (IDAX: CRC error)", "format")
    local at = bytes:find "IDAT" + 15
    fails(bytes:sub(1, at - 1) .. string.char(bytes:byte(at) ~ 1) .. bytes:sub(at + 1),
      "damaged PNG (IDAT: incorrect data check)",
      "format")
    fails(maker.signature .. maker.chunk("tEXt", ("x"):rep(40)), "damaged PNG (no header)", "format")
    local result, message = image_file.decode(maker.png(test_image(3, 8, false, 2, 2)))
    assert.is_nil(result)
    assert.matches("^damaged PNG %(.*PLTE.*%)$", message)
    result, message = image_file.decode(maker.signature .. maker.header(4, 4, 7, 0) .. maker.chunk("IEND", ""))
    assert.is_nil(result)
    assert.matches("^damaged PNG %(Invalid IHDR data%)$", message)
    result = image_file.decode(maker.signature .. maker.header(4, 4, 8, 0) .. maker.chunk("IDAT", maker.zlib "short")
      .. maker.chunk("IEND", ""))
    assert.is_nil(result)
  end)

  it("says what a file is that is no picture", function()
    fails("hello world", 'not an image of a known format (starts with "hello wo")', "format")
    fails("\0\1\2\3\4\5\6\7\8", "not an image of a known format (starts with 00 01 02 03 04 05 06 07)", "format")
    fails("GIF88a\1\0", 'not an image of a known format (starts with "GIF88a")', "format")
    fails("ab", 'not an image of a known format (starts with "ab")', "format")
    fails("", "the file is empty", "format")
    local path = dir:path "none.png"
    local _, message, code = image_file.read(path)
    assert.equal(path .. ": no such file", message)
    assert.equal("io", code)
  end)

  it("throws on misuse", function()
    local function throws(message, ...)
      local arguments = table.pack(...)
      assert.error_matches(function() image_file.read(table.unpack(arguments, 1, arguments.n)) end, message)
    end
    throws("image_file.read: unknown option 'max_pixel'", "x.png", { max_pixel = 1 })
    throws("image_file.read: option 'max_pixels' must be at least 1", "x.png", { max_pixels = 0 })
    throws("image_file.read: option 'orient' must be true or false", "x.png", { orient = 1 })
  end)

  it("survives every failing allocation", function()
    local path = dir:write("sweep.png", maker.png(test_image(6, 16, true, 9, 9)))
    assert.is_true(alloc_sweep(function() return image_file.read(path) end) >= 5)
  end)
end)

describe("PNG out", function()
  local dir

  setup(function() dir = scratch.new() end)
  teardown(function() dir:remove() end)

  it("brings back what was written, for every channel count and depth", function()
    for channels = 1, 4 do
      for bit_depth, most in pairs { [8] = 255, [16] = 65535 } do
        local values = {}
        for i = 1, channels * 5 * 7 do values[i] = noise(i, 3, channels, most) end
        local path = dir:path "round.png"
        assert.is_true(image_file.write(path, fovea.tensor({ channels, 5, 7 }, values), { bit_depth = bit_depth }))
        local tensor, info = assert(image_file.read(path))
        assert.same(values, tensor:values())
        assert.same({ channels, 5, 7 }, tensor:shape())
        assert.equal(bit_depth, info.bit_depth)
        assert.equal(channels % 2 == 0, info.has_alpha)
      end
    end
    assert.same({ "round.png" }, dir:names())
  end)

  it("rounds halves up, clamps, and writes NaN as 0", function()
    local row = { -1e30, -0.5, 0.49999997, 0.5, 1.5, 2.49, 254.5, 255.4, 1e30, math.huge, -math.huge, 0 / 0 }
    local tensor = assert(image_file.decode(image_file.encode(fovea.tensor({ 1, #row }, row))))
    assert.same({ 0, 0, 0, 1, 2, 2, 255, 255, 255, 255, 0, 0 }, tensor:values())
    tensor = image_file.decode(image_file.encode(fovea.tensor { { 65534.5, 65535.5, 0.5 } }, { bit_depth = 16 }))
    assert.same({ 65535, 65535, 1 }, tensor:values())
  end)

  it("writes text sorted by key, as UTF-8 where needed, and the same bytes each time", function()
    local image = fovea.tensor { { 1, 2 }, { 3, 4 } }
    local text = { Software = "fovea", Layer = "décodeur.4", Model = "line 1\nline 2", Author = "" }
    local bytes = image_file.encode(image, { text = text })
    local found = {}
    for _, chunk in ipairs(maker.chunks(bytes)) do
      if chunk[1]:find "[it]EXt" or chunk[1] == "iTXt" then found[#found + 1] = chunk end
    end
    assert.same({ { "tEXt", "Author\0" }, { "iTXt", "Layer\0\0\0\0\0décodeur.4" }, { "tEXt", "Model\0line 1\nline 2" },
      { "tEXt", "Software\0fovea" } }, found)
    assert.equal(bytes, image_file.encode(image, { text = text }))
    assert.same({ 1, 2, 3, 4 }, image_file.decode(bytes):values())
  end)

  it("throws on misuse", function()
    local image = fovea.tensor { { 1, 2 } }
    local function throws(message, tensor, options)
      assert.error_matches(function() image_file.write(dir:path "no.png", tensor, options) end, message, 1, true)
    end
    throws("1 to 4 channels x height x width, not 5x1x1", fovea.zeros { 5, 1, 1 })
    throws("1 to 4 channels x height x width, not 1x1x2x2", fovea.zeros { 1, 1, 2, 2 })
    throws("a PNG cannot have 0x3 pixels", fovea.zeros { 3, 0 })
    throws("a bit depth of 8 or 16, not 4", image, { bit_depth = 4 })
    throws("image_file.write: unknown option 'quality'", image, { quality = 1 })
    throws("option 'text' must be a table", image, { text = "x" })
    throws("option 'text' must map strings to strings", image, { text = { "x" } })
    throws("option 'text' must map strings to strings", image, { text = { a = "x\0y" } })
    for _, key in ipairs { "", " a", "a ", "a  b", "é", ("k"):rep(80) } do
      throws("is not 1 to 79 printable ASCII characters", image, { text = { [key] = "x" } })
    end
    assert.same({ "round.png" }, dir:names())
  end)

  it("reports a folder that does not exist", function()
    local path = dir:path "no/such.png"
    local result, message, code = image_file.write(path, fovea.tensor { { 1 } })
    assert.is_nil(result)
    assert.equal(path .. ": the folder does not exist", message)
    assert.equal("io", code)
  end)

  it("survives every failing allocation", function()
    local image, path = fovea.zeros { 3, 40, 40 }, dir:path "sweep.png"
    local runs = alloc_sweep(function() return image_file.write(path, image, { text = { a = "b", c = "é" } }) end, true)
    assert.is_true(runs >= 5)
    assert(image_file.read(path))
  end)
end)
