local fovea = require "fovea"
local near = require "support.near"

local position = {
  half_pixel = function(d, n, m) return (d + 0.5) * n / m - 0.5 end,
  align_corners = function(d, n, m) return m > 1 and d * (n - 1) / (m - 1) or 0 end,
  asymmetric = function(d, n, m) return d * n / m end,
}

--- Source elements and weights for one destination index.
local function taps(d, n, m, options)
  local s = position[options.coordinates or "half_pixel"](d, n, m)
  s = math.min(math.max(s, 0), n - 1)
  if options.mode == "nearest" then
    local at = math.floor(options.coordinates == "asymmetric" and s or s + 0.5)
    return { { math.min(at, n - 1), 1 } }
  end
  local low = math.floor(s)
  return { { low, 1 - (s - low) }, { math.min(low + 1, n - 1), s - low } }
end

--- Multilinear interpolation of {planes, d, h, w}, all axes at once, in double.
local function naive(t, size, options)
  local shape, x, wanted = t:shape(), t:values(), {}
  local P, D, H, W = table.unpack(shape)
  for p = 0, P - 1 do
    for z = 0, size[1] - 1 do
      for y = 0, size[2] - 1 do
        for u = 0, size[3] - 1 do
          local sum = 0
          for _, a in ipairs(taps(z, D, size[1], options)) do
            for _, b in ipairs(taps(y, H, size[2], options)) do
              for _, c in ipairs(taps(u, W, size[3], options)) do
                sum = sum + a[2] * b[2] * c[2] * x[((p * D + a[1]) * H + b[1]) * W + c[1] + 1]
              end
            end
          end
          wanted[#wanted + 1] = sum
        end
      end
    end
  end
  return wanted
end

describe("tensor resize", function()
  it("gives (0, 1/4, 3/4, 1) for (0, 1)", function()
    assert.same({ 0, 0.25, 0.75, 1 }, fovea.tensor({ 0, 1 }):resize({ 4 }):values())
    assert.same({ 0, 0.25, 0.75, 1 }, fovea.tensor({ { 0 }, { 1 } }):resize({ 4, 1 }):values())
    near.values({ 0, 1 / 3, 2 / 3, 1 }, fovea.tensor({ 0, 1 }):resize { 4, coordinates = "align_corners" })
    assert.same({ 0, 0.5, 1, 1 }, fovea.tensor({ 0, 1 }):resize({ 4, coordinates = "asymmetric" }):values())
  end)

  it("agrees with naive interpolation over modes, rules and sizes", function()
    local t = fovea.normal({ 2, 3, 4, 5 }, { seed = 1 })
    for _, mode in ipairs { "linear", "nearest" } do
      for rule in pairs(position) do
        for _, size in ipairs { { 3, 8, 10 }, { 2, 3, 2 }, { 1, 1, 1 }, { 5, 4, 13 }, { 3, 4, 7 }, { 6, 2, 5 } } do
          local options = { mode = mode, coordinates = rule }
          local got = t:resize { size[1], size[2], size[3], mode = mode, coordinates = rule }
          assert.same({ 2, size[1], size[2], size[3] }, got:shape())
          near.values(naive(t, size, options), got, mode == "nearest" and 0 or 1e-6)
        end
      end
    end
  end)

  it("is the identity, bit for bit, when the sizes agree", function()
    local t = fovea.tensor { { 0 / 0, -1 / 0, 1e-42 }, { 1, 2, 3.3 } }
    for _, mode in ipairs { "linear", "nearest" } do
      for rule in pairs(position) do
        local same = t:resize { 2, 3, mode = mode, coordinates = rule }
        assert.equal(t:hash(), same:hash())
        assert.equal(1, t:copy():resize({ 2, 3, mode = mode }):set(1, 1, 0)(2, 1))
      end
    end
    local copy = t:resize { 2, 3 }
    copy:fill(0)
    assert.equal(3, t(2, 3) // 1) -- a copy, not a view
  end)

  it("keeps constants and bounds", function()
    local constant = fovea.full({ 1, 1, 7, 9 }, 0.1)
    local big = constant:resize { 64, 61 }
    assert.equal(constant:max(), big:max())
    assert.equal(constant:min(), big:min())
    local t = fovea.uniform({ 31, 17 }, { seed = 2, min = -1, max = 1 })
    for _, size in ipairs { { 97, 101 }, { 5, 40 }, { 31, 18 } } do
      local r = t:resize(size)
      assert.is_true(r:max() <= t:max() and r:min() >= t:min())
    end
  end)

  it("treats an image as a volume of depth one", function()
    local t = fovea.normal({ 1, 2, 6, 5 }, { seed = 4 })
    local volume = t:reshape({ 1, 2, 1, 6, 5 }):resize { 1, 11, 12 }
    assert.is_true(t:resize({ 11, 12 }):equal(volume:reshape { 1, 2, 11, 12 }))
  end)

  it("is the same with many threads as with one", function()
    local t = fovea.normal({ 3, 40, 50 }, { seed = 5 })
    local whole = t:resize { 160, 200 } -- large enough to be shared out
    for c = 1, 3 do
      local alone = t:slice(1, c, c):resize { 160, 200 } -- small enough not to be
      assert.is_true(whole:slice(1, c, c):equal(alone))
    end
  end)

  it("differs from ReLU first wherever the map changes sign", function()
    local ramp = fovea.tensor { -1, 1 }
    assert.same({ 0, 0, 0.5, 1 }, ramp:resize({ 4 }):relu():values())
    assert.same({ 0, 0.25, 0.75, 1 }, ramp:relu():resize({ 4 }):values())
  end)

  it("names what is wrong", function()
    local t = fovea.zeros { 4, 4 }
    assert.error_matches(function() t:resize { 0, 4 } end, "resize: no size of 0 for shape 4x4")
    assert.error_matches(function() t:resize { 1, 2, 3 } end, "resize: 3 sizes for shape 4x4")
    assert.error_matches(function() t:resize {} end, "resize: 0 sizes for shape 4x4")
    assert.error_matches(function() t:resize { 2, 2, mode = "cubic" } end, "one of 'linear', 'nearest', not 'cubic'")
    assert.error_matches(function() t:resize { 2, 2, align = true } end, "resize: unknown option 'align'")
    assert.error_matches(function() fovea.zeros({ 0, 4 }):resize { 2, 2 } end, "resize: 2 sizes for shape 0x4")
  end)
end)
