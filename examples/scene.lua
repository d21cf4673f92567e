--- What the examples work on: a drawn skin image with dark spots, and a small network whose weights were set by hand to
--- find them (darker than the surroundings). Nothing is read from disk.
local fovea = require "fovea"

local M = {}

local SPOTS = { -- centre y, x, radius y, x, darkness
  { 70, 80, 30, 36, 0.45 }, { 130, 180, 26, 18, 0.38 }, { 40, 205, 11, 13, 0.30 }, { 150, 60, 8, 9, 0.30 },
}

--- How much of a spot is at a pixel: 1 inside, 0 outside, with a soft and slightly ragged edge.
local function spot(s, y, x)
  local dy, dx = (y - s[1]) / s[3], (x - s[2]) / s[4]
  local ragged = 1 + 0.08 * math.sin(5 * math.atan(dy, dx) + s[1]) + 0.05 * math.sin(11 * math.atan(dy, dx))
  local distance = math.sqrt(dy * dy + dx * dx) / ragged
  return 1 / (1 + math.exp((distance - 1) * 14))
end

--- The image: 3 x 192 x 256, values 0 to 255.
---@return fovea.Image
function M.image()
  local height, width = 192, 256
  local noise = fovea.normal({ 3, height, width }, { seed = 7 }):values()
  local skin, values = { 0.86, 0.66, 0.56 }, {}
  for c = 1, 3 do
    for y = 1, height do
      for x = 1, width do
        local shade = 1 - 0.25 * (((y - 96) / 96) ^ 2 + ((x - 128) / 128) ^ 2) / 2
        local dark = 0
        for _, s in ipairs(SPOTS) do dark = math.max(dark, s[5] * spot(s, y, x)) end
        local i = ((c - 1) * height + y - 1) * width + x
        local tint = c == 1 and 0.85 or 1.05
        values[i] = 255 * math.max(0, math.min(1, skin[c] * shade * (1 - dark * tint) + 0.012 * noise[i]))
      end
    end
  end
  return fovea.image.new(fovea.tensor({ 3, height, width }, values))
end

--- Convolution kernel O x I x k x k from rows { out, in, fill(y, x) }.
local function kernel(out, channels, k, rows)
  local w = fovea.zeros { out, channels, k, k }
  for _, row in ipairs(rows) do
    for y = 1, k do
      for x = 1, k do w:set(row[1], row[2], y, x, row[3](y, x)) end
    end
  end
  return w
end

local function flat(value) return function() return value end end

local function build(g, x)
  -- same size out; the border is continued, so that it does not look like an edge
  local function conv(src, weights, bias, name, dilation)
    local reach = (weights:shape()[3] - 1) // 2 * (dilation or 1)
    local margin = { 0, 0, reach, reach }
    src = g:pad { src, before = margin, after = margin, mode = "edge", name = name .. ".edge" }
    local y = g:conv { src, g:param(weights, { name = name .. ".weight" }),
      g:param(fovea.tensor(bias), { name = name .. ".bias" }), dilation = dilation or 1, name = name .. ".conv" }
    return g:relu { y, name = name .. ".relu" }
  end
  local size = { x:shape()[3], x:shape()[4] }
  -- darkness, brightness, redness
  local enc1 = conv(x, kernel(3, 3, 3, {
    { 1, 1, flat(-1 / 27) }, { 1, 2, flat(-1 / 27) }, { 1, 3, flat(-1 / 27) },
    { 2, 1, flat(1 / 27) }, { 2, 2, flat(1 / 27) }, { 2, 3, flat(1 / 27) },
    { 3, 1, flat(1 / 9) }, { 3, 2, flat(-1 / 18) }, { 3, 3, flat(-1 / 18) },
  }), { 1, 0, 0 }, "enc1")
  local pool1 = g:avg_pool { enc1, kernel = 4, name = "pool1" }
  -- darker than the ring 12 cells wide around; the opposite; darkness as it is
  local function ring(sign)
    return function(y, x_) return (y == 4 and x_ == 4) and sign * 48 / 49 or -sign / 49 end
  end
  local enc2 = conv(pool1, kernel(3, 3, 7, { { 1, 1, ring(1) }, { 2, 1, ring(-1) },
    { 3, 1, function(y, x_) return (y == 4 and x_ == 4) and 1 or 0 end } }), { 0, 0, 0 },
    "enc2", 4)
  local up = g:resample { enc2, size = size, mode = "linear", name = "up" }
  local joined = g:concat { up, enc1, name = "skip" }
  -- spot: contrast below, darkness here
  local dec = conv(joined, kernel(2, 6, 3, { { 1, 1, flat(1 / 9) }, { 1, 4, flat(0.2 / 9) }, { 2, 2, flat(1 / 9) } }),
    { -0.09, 0 }, "dec")
  return g:conv { dec, g:param(fovea.tensor({ 1, 2, 1, 1 }, { 60, -60 }), { name = "head.weight" }),
    g:param(fovea.tensor { -3 }, { name = "head.bias" }), name = "head" }
end

--- The network.
---@return fovea.Model
function M.model()
  return fovea.model { name = "spots", input = { 1, 3, false, false }, build = build,
    preprocess = { channels = 3, size = { policy = "pad", multiple = 4 } } }
end

return M
