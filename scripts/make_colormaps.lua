-- Writes lua/fovea/colormap_tables.lua: the colour maps as 256 sRGB colours each.
--
--   lua5.4 scripts/make_colormaps.lua > lua/fovea/colormap_tables.lua
--
-- viridis and inferno are approximations of the published maps of those names: a monotone cubic curve through a dozen
-- stops in sRGB, read off the published curve. At places between the stops they differ from it by at most 2/255.
-- grey and jet are formulas. diverging is built in CIELAB: blue, white and red with one lightness and chroma profile
-- on both sides; its two middle entries are white, so that zero is white.

local ENTRIES = 256
local clamp = function(x, low, high) return math.max(low, math.min(high, x)) end

-- --- curves through stops ---

-- Tangents of Fritsch and Carlson (SIAM J. Numer. Anal. 17, 1980): the curve never leaves the range of its stops.
local function tangents(x, y)
  local n, slope, d = #x, {}, {}
  for i = 1, n - 1 do slope[i] = (y[i + 1] - y[i]) / (x[i + 1] - x[i]) end
  d[1], d[n] = slope[1], slope[n - 1]
  for i = 2, n - 1 do
    local a, b = slope[i - 1], slope[i]
    local h, k = x[i] - x[i - 1], x[i + 1] - x[i]
    d[i] = a * b <= 0 and 0 or 3 * (h + k) / ((2 * k + h) / a + (k + 2 * h) / b)
  end
  return d
end

local function curve(x, y)
  local d = tangents(x, y)
  return function(t)
    local i = 1
    while i < #x - 1 and t > x[i + 1] do i = i + 1 end
    local h = x[i + 1] - x[i]
    local s = (t - x[i]) / h
    local r = 1 - s
    return (1 + 2 * s) * r * r * y[i] + s * r * r * h * d[i] + s * s * (3 - 2 * s) * y[i + 1] - s * s * r * h * d[i + 1]
  end
end

-- stops: {t, r, g, b}, 0..1
local function through(stops)
  local x, channels = {}, { {}, {}, {} }
  for i, stop in ipairs(stops) do
    x[i] = stop[1]
    for c = 1, 3 do channels[c][i] = stop[c + 1] end
  end
  local r, g, b = curve(x, channels[1]), curve(x, channels[2]), curve(x, channels[3])
  return function(t) return { r(t), g(t), b(t) } end
end

local viridis = through {
  { 0.00, 0.267, 0.005, 0.329 }, { 0.05, 0.281, 0.078, 0.401 }, { 0.10, 0.283, 0.143, 0.460 },
  { 0.20, 0.254, 0.265, 0.530 }, { 0.30, 0.206, 0.374, 0.553 }, { 0.40, 0.164, 0.471, 0.558 },
  { 0.50, 0.128, 0.565, 0.551 }, { 0.55, 0.120, 0.613, 0.538 }, { 0.60, 0.135, 0.659, 0.518 },
  { 0.65, 0.180, 0.702, 0.487 }, { 0.70, 0.263, 0.747, 0.443 }, { 0.80, 0.478, 0.821, 0.318 },
  { 0.90, 0.736, 0.873, 0.153 }, { 0.95, 0.869, 0.890, 0.096 }, { 0.975, 0.932, 0.898, 0.107 },
  { 1.00, 0.993, 0.906, 0.144 },
}

local inferno = through {
  { 0.00, 0.001, 0.000, 0.014 }, { 0.05, 0.028, 0.021, 0.113 }, { 0.10, 0.090, 0.045, 0.230 },
  { 0.15, 0.174, 0.042, 0.345 }, { 0.20, 0.258, 0.039, 0.407 }, { 0.30, 0.419, 0.091, 0.433 },
  { 0.40, 0.578, 0.148, 0.404 }, { 0.50, 0.733, 0.214, 0.332 }, { 0.60, 0.865, 0.317, 0.226 },
  { 0.70, 0.953, 0.466, 0.103 }, { 0.75, 0.978, 0.553, 0.037 }, { 0.78, 0.985, 0.605, 0.024 },
  { 0.80, 0.988, 0.645, 0.040 }, { 0.90, 0.965, 0.840, 0.268 }, { 0.95, 0.946, 0.931, 0.446 },
  { 1.00, 0.988, 0.998, 0.645 },
}

-- --- formulas ---

local function grey(t) return { t, t, t } end

local function jet(t)
  local function hat(centre) return clamp(1.5 - math.abs(4 * t - centre), 0, 1) end
  return { hat(3), hat(2), hat(1) }
end

-- CIELAB (D65) to linear RGB.
local function lab_to_rgb(lightness, a, b)
  local function inverse(f) return f > 6 / 29 and f ^ 3 or 3 * (6 / 29) ^ 2 * (f - 4 / 29) end
  local fy = (lightness + 16) / 116
  local x, y, z = 0.95047 * inverse(fy + a / 500), inverse(fy), 1.08883 * inverse(fy - b / 200)
  return 3.2404542 * x - 1.5371385 * y - 0.4985314 * z, -0.9692660 * x + 1.8760108 * y + 0.0415560 * z,
    0.0556434 * x - 0.2040259 * y + 1.0572252 * z
end

local function companded(v)
  v = clamp(v, 0, 1)
  return v <= 0.0031308 and 12.92 * v or 1.055 * v ^ (1 / 2.4) - 0.055
end

-- One arm: distance 0 (white) to 1 (dark and saturated). The chroma stays inside of sRGB at both hues, so that the
-- lightness holds.
local function arm(distance, hue)
  local lightness = 100 - 68 * distance ^ 1.1
  local chroma, angle = 47 * math.sin(0.66 * math.pi * distance ^ 1.15), math.rad(hue)
  local red, green, blue = lab_to_rgb(lightness, chroma * math.cos(angle), chroma * math.sin(angle))
  return { companded(red), companded(green), companded(blue) }
end

local function diverging(t)
  local offset = 2 * (ENTRIES - 1) * (t - 0.5) -- -255, -253 ... -1, 1 ... 255
  local distance = (math.abs(offset) - 1) / (ENTRIES - 2)
  return arm(clamp(distance, 0, 1), offset < 0 and 278 or 33)
end

-- --- output ---

local maps = { { "viridis", viridis }, { "inferno", inferno }, { "jet", jet }, { "grey", grey },
  { "diverging", diverging } }

local function hex(colour)
  local byte = {}
  for c = 1, 3 do byte[c] = string.format("%02x", math.floor(clamp(colour[c], 0, 1) * 255 + 0.5)) end
  return table.concat(byte)
end

local out = { "-- Colour maps, 256 sRGB colours each as rrggbb. Written by scripts/make_colormaps.lua.", "return {" }
for _, map in ipairs(maps) do
  out[#out + 1] = "  " .. map[1] .. " = table.concat {"
  for row = 0, ENTRIES / 16 - 1 do
    local cells = {}
    for i = 0, 15 do cells[i + 1] = hex(map[2]((row * 16 + i) / (ENTRIES - 1))) end
    out[#out + 1] = '    "' .. table.concat(cells) .. '",'
  end
  out[#out + 1] = "  },"
end
out[#out + 1] = "}"
print(table.concat(out, "\n"))
