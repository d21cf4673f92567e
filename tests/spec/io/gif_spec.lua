local image_file = require("fovea.core").image_file
local gif = require("support.gif_maker").gif
local scratch = require "support.scratch"
local alloc_sweep = require "support.alloc_sweep"

local COLOURS = { { 10, 20, 30 }, { 40, 50, 60 }, { 70, 80, 90 }, { 255, 0, 255 } }
local GREYS = { { 0, 0, 0 }, { 255, 255, 255 }, { 9, 9, 9 }, { 77, 77, 77 } }

local function read(image)
  local tensor, info = assert(image_file.decode(gif(image)))
  return tensor:to_table(), info
end

describe("GIF in", function()
  local dir

  setup(function() dir = scratch.new() end)
  teardown(function() dir:remove() end)

  local function fails(bytes, message, code, options)
    local path = dir:write("x.gif", bytes)
    local result, text, kind = image_file.read(path, options)
    assert.is_nil(result)
    assert.matches(path .. ": " .. message, text, 1)
    assert.equal(code, kind)
  end

  it("reads colours", function()
    local values, info = read { width = 2, height = 2, colours = COLOURS, indices = { 0, 1, 2, 3 } }
    assert.same({ { { 10, 40 }, { 70, 255 } }, { { 20, 50 }, { 80, 0 } }, { { 30, 60 }, { 90, 255 } } }, values)
    assert.same({ format = "gif", width = 2, height = 2, channels = 3, bit_depth = 2, white = 255, has_alpha = false,
      palette = true, orientation = 1, pages = 1 }, info)
  end)

  it("reads grey palettes as grey", function()
    local values, info = read { width = 3, height = 1, colours = GREYS, indices = { 1, 0, 3 } }
    assert.same({ { { 255, 0, 77 } } }, values)
    assert.equal(1, info.channels)
  end)

  it("reads larger pictures, interlaced or not, behind extensions", function()
    local indices, want = {}, {}
    for y = 0, 36 do
      want[y + 1] = {}
      for x = 0, 52 do
        indices[#indices + 1] = (x * y + x) % 4
        want[y + 1][x + 1] = GREYS[(x * y + x) % 4 + 1][1]
      end
    end
    for _, interlaced in ipairs { false, true } do
      local values = read { width = 53, height = 37, colours = GREYS, indices = indices, interlaced = interlaced,
        extensions = "\x21\xFE\5hello\3you\0" }
      assert.same({ want }, values)
    end
  end)

  it("makes a transparent colour an alpha channel", function()
    local values, info = read { width = 2, height = 1, colours = GREYS, indices = { 3, 1 }, transparent = 3 }
    assert.same({ { { 77, 255 } }, { { 0, 255 } } }, values)
    assert.is_true(info.has_alpha)
  end)

  it("puts a frame into the picture", function()
    assert.same({ { { 77, 77, 77 }, { 77, 255, 0 } } }, (read { width = 3, height = 2, colours = GREYS, background = 3,
      frame = { 1, 1, 2, 1 }, indices = { 1, 0 } }))
    fails(gif { width = 3, height = 2, colours = GREYS, frame = { 2, 1, 2, 1 }, indices = { 1, 0 } },
      "damaged GIF %(a frame beyond the picture%)", "format")
  end)

  it("refuses pictures over the pixel budget and what cannot be in the file", function()
    local bytes = gif { width = 20, height = 20, colours = GREYS, frame = { 0, 0, 1, 1 }, indices = { 1 } }
    fails(bytes, "20x20 pixels are more than the limit of 399 pixels", "memory", { max_pixels = 399 })
    fails(gif { width = 15000, height = 15000, colours = GREYS, frame = { 0, 0, 1, 1 }, indices = { 1 } },
      "truncated GIF %(%d+ bytes cannot hold 15000x15000 pixels%)", "format")
  end)

  it("refuses truncated and damaged files", function()
    local indices = {}
    for i = 1, 300 do indices[i] = i % 4 end
    local bytes = gif { width = 30, height = 10, colours = GREYS, indices = indices }
    for length = 6, #bytes - 4 do assert.is_nil((image_file.decode(bytes:sub(1, length)))) end
    fails(bytes:sub(1, 60), "truncated GIF %(the file ends after 60 bytes%)", "format")
    fails(bytes:sub(1, 25) .. ";", "damaged GIF %(no frame in it%)", "format")
    fails(bytes:sub(1, 25) .. "x" .. bytes:sub(27), "damaged GIF", "format")
  end)

  it("survives every failing allocation", function()
    local path = dir:write("sweep.gif", gif { width = 1, height = 1, colours = GREYS, indices = { 1 } })
    assert.is_true(alloc_sweep(function() return image_file.read(path) end) >= 3)
  end)
end)
