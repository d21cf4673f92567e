local fovea = require "fovea"
local colormap = require "fovea.colormap"

local function entry(name, i) return colormap.table(name):select(1, i + 1):values() end

-- CIELAB lightness of an sRGB colour in 0..255.
local function lightness(rgb)
  local y = 0
  for c, weight in ipairs { 0.2126, 0.7152, 0.0722 } do
    local v = rgb[c] / 255
    y = y + weight * (v <= 0.04045 and v / 12.92 or ((v + 0.055) / 1.055) ^ 2.4)
  end
  return y > (6 / 29) ^ 3 and 116 * y ^ (1 / 3) - 16 or y * (29 / 3) ^ 3
end

describe("colormap", function()
  it("has the ends and the middle it should (oracle 58)", function()
    local expected = {
      viridis = { { 68, 1, 84 }, { 33, 144, 141 }, { 253, 231, 37 } },
      inferno = { { 0, 0, 4 }, { 187, 55, 85 }, { 252, 255, 164 } },
      jet = { { 0, 0, 128 }, { 128, 255, 128 }, { 128, 0, 0 } },
      grey = { { 0, 0, 0 }, { 127.5, 127.5, 127.5 }, { 255, 255, 255 } },
    }
    for name, colours in pairs(expected) do
      for i, t in ipairs { 0, 0.5, 1 } do
        for c, v in ipairs(colormap.at(name, t)) do
          assert.is_true(math.abs(v - colours[i][c]) <= 2, ("%s at %g: %g"):format(name, t, v))
        end
      end
    end
  end)

  it("grows lighter without a step back", function()
    for _, name in ipairs { "viridis", "inferno", "grey" } do
      local last = -1
      for i = 0, 255 do
        local now = lightness(entry(name, i))
        assert.is_true(now > last - 0.05, ("%s darkens at %d"):format(name, i)) -- 8 bits are worth 0.05
        last = math.max(last, now)
      end
    end
  end)

  it("is white at zero and equally dark at both ends when it diverges", function()
    assert.same({ 255, 255, 255 }, entry("diverging", 127))
    assert.same({ 255, 255, 255 }, entry("diverging", 128))
    for i = 0, 127 do
      local low, high = lightness(entry("diverging", i)), lightness(entry("diverging", 255 - i))
      assert.is_true(math.abs(low - high) < 0.5, ("entry %d: %g and %g"):format(i, low, high))
      if i > 0 then assert.is_true(low > lightness(entry("diverging", i - 1)) - 0.05) end
    end
    local blue, red = entry("diverging", 20), entry("diverging", 235)
    assert.is_true(blue[3] > blue[1] + 50 and red[1] > red[3] + 50)
  end)

  it("centres a signed map at zero", function()
    local out = colormap.apply(fovea.tensor { { -0.5, 0, 0.5 } }, "diverging", { signed = true, high = 0.5 })
    assert.same({ 255, 255, 255 }, out:slice(3, 2, 2):flatten():values())
    assert.same(entry("diverging", 0), out:slice(3, 1, 1):flatten():values())
    assert.same(entry("diverging", 255), out:slice(3, 3, 3):flatten():values())
  end)

  it("suggests names", function()
    assert.error_matches(function() colormap.table "virdis" end, "did you mean 'viridis'")
    assert.error_matches(function() colormap.apply(fovea.zeros { 1, 1 }, "jet", { lo = 1 }) end, "did you mean 'low'")
  end)

  it("is what the script writes", function()
    local script = io.open "scripts/make_colormaps.lua"
    if not script then return pending "the script is not here" end
    script:close()
    local pipe = assert(io.popen "${LUA:-lua5.4} scripts/make_colormaps.lua")
    local written = pipe:read "a"
    pipe:close()
    local path = assert(package.searchpath("fovea.colormap_tables", package.path))
    local file = assert(io.open(path))
    assert.are.equal(written, file:read "a")
    file:close()
  end)
end)
