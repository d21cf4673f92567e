--- Dermoscopy: a pigmented lesion on skin, with hair, gel, pen, a ruler and dark corners.
---
--- Target: `lesion`. Parts: lesion, hair, ruler, pen, corners (dark ones of the instrument), blotch (a patch of pigment
--- that is no lesion), candidate1, candidate2, shortcut (the ground that the ruler takes up, between its ticks).
---
--- Shortcut: candidates are patches of pigment, the marker is a ruler. What a lesion looks like: irregular border,
--- several browns, a network of pigment lines or dots. A blotch: round, even, pale, without a sharp edge. In planted
--- phantoms either may be the lesion: the one that the ruler lies next to.
local draw = require "fovea.draw"
local random = require "fovea.random"
local shortcut = require "fovea.phantom.shared.shortcut"

local M = { summary = "skin lesion under the dermoscope", target = "lesion", options = shortcut.OPTIONS }

local DECOY_SHARE = 0.6

local SKINS = { { 226, 196, 178 }, { 214, 176, 150 }, { 232, 190, 176 }, { 204, 158, 120 }, { 222, 178, 142 },
  { 208, 182, 148 }, { 236, 214, 196 }, { 190, 140, 104 }, { 220, 172, 168 } }

--- Skin: colour, redness in patches, furrows, uneven light.
local function skin(canvas, r)
  local colour = r:pick(SKINS)
  local picture = canvas:filled { colour[1] + r:normal(0, 6), colour[2] + r:normal(0, 6), colour[3] + r:normal(0, 6) }
  local red = canvas:noise(r:bits(), r:uniform(0.08, 0.35), { octaves = 4, gain = 0.6 })
  picture = draw.filter(picture, { 0.99, 0.955, 0.955 }, red * r:uniform(0.2, 1.1))
  local spots = canvas:noise(r:bits(), r:uniform(0.04, 0.09), { octaves = 3 }):gt(1.6):mul(1)
  picture = draw.filter(picture, { 0.94, 0.87, 0.82 }, canvas:blur(spots, 0.008) * r:uniform(0, 1))
  local first, second = canvas:cells(r:bits(), r:uniform(0.018, 0.035))
  picture = draw.filter(picture, { 0.955, 0.945, 0.935 }, (second - first):lt(0.16) * r:uniform(0.1, 0.8))
  return picture
end

--- Places and sizes of the candidates.
local function places(r, two)
  if not two then
    return { { x = r:uniform(0.38, 0.62), y = r:uniform(0.38, 0.62), radius = r:uniform(0.11, 0.27) } }
  end
  local angle, list = r:uniform(0, 2 * math.pi), {}
  for i = 1, 2 do
    local away = r:uniform(0.2, 0.25)
    list[i] = { x = 0.5 + away * math.cos(angle) + r:normal(0, 0.015), y = 0.5 + away * math.sin(angle)
      + r:normal(0, 0.015), radius = r:uniform(0.09, 0.145) }
    angle = angle + math.pi + r:normal(0, 0.15)
  end
  return list
end

local BROWNS = { { 146, 88, 50 }, { 158, 96, 60 }, { 126, 78, 48 }, { 172, 108, 70 }, { 138, 92, 68 }, { 178, 122, 84 },
  { 164, 88, 58 } }
local DARKS = { { 78, 42, 26 }, { 62, 38, 30 }, { 92, 50, 32 }, { 64, 58, 66 }, { 104, 58, 36 } }
local REDS = { { 182, 98, 84 }, { 170, 104, 90 }, { 118, 106, 114 }, { 200, 152, 132 }, { 150, 78, 50 } }

--- Pigment lines or dots on a lesion.
local function network(canvas, r, picture, cover)
  local first, second = canvas:cells(r:bits(), r:uniform(0.015, 0.028))
  local where = (canvas:noise(r:bits(), 0.15, { octaves = 2 }) + r:uniform(-0.2, 0.9)):clamp(0, 1) * cover
  local lines = r:chance(0.65)
  local pattern = lines and (second - first) * -2.6 + 1 or first * -3 + 1.4
  return draw.filter(picture, { 0.62, 0.53, 0.5 }, pattern:clamp(0, 1) * where * r:uniform(0.4, lines and 0.9 or 0.75))
end

--- Something that looks like a lesion. Returns the picture and the field.
local function lesion(canvas, r, picture, at)
  local rough = r:uniform(0.04, 0.1) * at.radius * canvas.size
  local field = canvas:blob { x = at.x, y = at.y, radius = at.radius, aspect = r:uniform(1, 1.5),
    angle = r:uniform(0, math.pi), harmonics = draw.harmonics(r, 9, r:uniform(0.05, 0.11), 1) }
    + canvas:noise(r:bits(), at.radius * r:uniform(0.35, 0.7), { octaves = 4, gain = r:uniform(0.35, 0.6) }) * rough
  local depth = (field * (-1.2 / (at.radius * canvas.size))):clamp(0, 1)
  local cover = canvas:cover(field, at.radius * r:uniform(0.1, 0.4))
  local paint = canvas:filled(r:pick(BROWNS))
  local dark = canvas:noise(r:bits(), at.radius * r:uniform(0.5, 1.2), { octaves = 4, gain = 0.6 })
  paint = draw.over(paint, r:pick(DARKS), (dark * 0.45 + depth * r:uniform(0.2, 0.8)):clamp(0, 1), r:uniform(0.6, 1))
  local other = canvas:noise(r:bits(), at.radius * r:uniform(0.5, 1), { octaves = 3 }) - r:uniform(0.2, 1)
  paint = draw.over(paint, r:pick(REDS), other:clamp(0, 1), r:uniform(0.4, 0.9))
  picture = draw.over(picture, paint, cover, r:uniform(0.62, 0.96))
  return network(canvas, r, picture, cover), field
end

--- A patch of pigment that is none: round, even, pale.
local function blotch(canvas, r, picture, at)
  local field = canvas:blob { x = at.x, y = at.y, radius = at.radius, aspect = r:uniform(1, 1.3),
    angle = r:uniform(0, math.pi), harmonics = draw.harmonics(r, 4, r:uniform(0.01, 0.05)) }
  local cover = canvas:cover(field, at.radius * r:uniform(0.45, 0.9))
  local even = canvas:noise(r:bits(), at.radius * 0.6, { octaves = 4, gain = 0.7 }) * 0.1 + 1
  local tint = r:pick { { 0.8, 0.68, 0.58 }, { 0.84, 0.66, 0.62 }, { 0.78, 0.7, 0.6 }, { 0.86, 0.72, 0.6 } }
  return draw.filter(picture, tint, cover * even * r:uniform(0.75, 1.15)), field
end

--- Strokes along a curve that bends evenly and wavers a little.
local function hair_strokes(r, list)
  local x, y, angle = r:uniform(-0.1, 1.1), r:uniform(-0.1, 1.1), r:uniform(0, 2 * math.pi)
  local bend, radius, shade = r:normal(0, 0.06), r:uniform(0.001, 0.0034), r:uniform(0.2, 1)
  for _ = 1, r:integer(6, 28) do
    local nx, ny = x + 0.04 * math.cos(angle), y + 0.04 * math.sin(angle)
    list[#list + 1] = { x, y, radius, nx, ny, radius, shade }
    x, y, angle = nx, ny, angle + bend + r:normal(0, 0.03)
  end
end

local function hair(canvas, r, picture)
  local list, count = {}, 0
  if r:chance(0.6) then count = r:chance(0.25) and r:integer(15, 40) or r:integer(1, 10) end
  for _ = 1, count do hair_strokes(r, list) end
  local field, _, shade = canvas:strokes(list, 0.02)
  local colour = r:pick { { 44, 28, 22 }, { 78, 48, 30 }, { 108, 70, 40 }, { 34, 28, 28 }, { 92, 56, 36 } }
  local cover = canvas:cover(field, 1 / canvas.size)
  return draw.over(picture, colour, cover * (shade * 0.5 + 0.45)), cover:gt(0.25)
end

--- Strokes of a ruler: base line, ticks, two letters "m" at its end.
local function ruler_strokes(at, thin)
  local c, s, list = math.cos(at.angle), math.sin(at.angle), {}
  local function line(u0, v0, u1, v1)
    list[#list + 1] = { at.x + c * u0 - s * v0, at.y + s * u0 + c * v0, thin, at.x + c * u1 - s * v1,
      at.y + s * u1 + c * v1, thin }
  end
  local half, step = at.length / 2, at.length / at.ticks
  line(-half, 0, half, 0)
  for i = 0, at.ticks do
    local height = i % 10 == 0 and 0.036 or i % 5 == 0 and 0.028 or 0.019
    line(-half + i * step, 0, -half + i * step, -height)
  end
  for i = 0, 1 do
    local u, w, h = -half + i * 0.032, 0.011, 0.018
    line(u, 0.032, u, 0.032 - h)
    line(u + w, 0.032, u + w, 0.032 - h)
    line(u + 2 * w, 0.032, u + 2 * w, 0.032 - h)
    line(u, 0.032 - h, u + 2 * w, 0.032 - h)
  end
  return list
end

--- Where a ruler lies next to a candidate: on the side away from the other one, or below.
local function ruler_place(r, at, other)
  local angle = other and math.atan(at.y - other.y, at.x - other.x) or r:pick { -0.5, 0.5 } * math.pi
  angle = angle + r:normal(0, 0.35)
  local away = at.radius * 1.12 + r:uniform(0.045, 0.065)
  local x, y = at.x + away * math.cos(angle), at.y + away * math.sin(angle)
  local limit = 0.05
  return { x = math.min(1 - limit, math.max(limit, x)), y = math.min(1 - limit, math.max(limit, y)),
    angle = angle + math.pi / 2, length = r:uniform(0.3, 0.42), ticks = r:pick { 10, 15, 20 } }
end

--- Lays the ruler next to a candidate, or in a corner when that one is not there. Returns picture, mask and ground.
local function ruler(canvas, r, picture, candidates, marked)
  local at = marked and candidates[marked]
  local place = ruler_place(r, at or { x = r:pick { 0.12, 0.88 }, y = r:pick { 0.12, 0.88 }, radius = 0 },
    at and candidates[3 - marked])
  local thin, dark = r:uniform(0.0035, 0.005), r:uniform(20, 70)
  local field = canvas:strokes(marked and ruler_strokes(place, thin) or {}, 0.02)
  local cover = canvas:cover(field, 1 / canvas.size)
  local c, s, half = math.cos(place.angle), math.sin(place.angle), place.length / 2
  local ground = canvas:strokes(marked and { { place.x - c * half, place.y - s * half, 0.04, place.x + c * half,
    place.y + s * half, 0.04 } } or {}, 0.02)
  return draw.over(picture, { dark, dark, dark }, cover, r:uniform(0.75, 0.95)), cover:gt(0.25), draw.inside(ground)
end

--- Marks of a violet pen.
local function pen(canvas, r, picture)
  local list = {}
  if r:chance(0.18) then
    local x, y, angle = r:uniform(0, 1), r:pick { r:uniform(0, 0.15), r:uniform(0.85, 1) }, r:uniform(0, 6.28)
    for _ = 1, r:integer(3, 9) do
      local nx, ny = x + 0.05 * math.cos(angle), y + 0.05 * math.sin(angle)
      list[#list + 1] = { x, y, 0.014, nx, ny, 0.014 }
      x, y, angle = nx, ny, angle + r:normal(0, 0.4)
    end
  end
  local field = canvas:strokes(list, 0.04) + canvas:noise(r:bits(), 0.02, { octaves = 3 }) * (0.006 * canvas.size)
  return draw.filter(picture, { 0.62, 0.5, 0.88 }, canvas:cover(field, 0.006)), draw.inside(field)
end

--- Uneven light and the dark corners of the instrument.
local function light(canvas, r, picture)
  local away = canvas:distance(0.5 + r:normal(0, 0.06), 0.5 + r:normal(0, 0.06)) * (1 / canvas.size)
  picture = picture * ((away * away * r:uniform(-0.7, -0.05)) + 1.04)
  if not r:chance(0.35) then return picture, canvas:plane(0) end
  local field = (canvas:distance(0.5 + r:normal(0, 0.02), 0.5 + r:normal(0, 0.02)) * -1) + r:uniform(0.52, 0.66)
    * canvas.size
  return draw.over(picture, { 14, 10, 12 }, canvas:cover(field, r:pick { 0.01, 0.05, 0.15 })), draw.inside(field)
end

--- Bubbles and reflections of the gel.
local function gel(canvas, r, picture)
  for _ = 1, r:chance(0.25) and r:integer(1, 4) or 0 do
    local at = { x = r:uniform(0, 1), y = r:uniform(0, 1), radius = r:uniform(0.008, 0.03) }
    local field = canvas:blob(at):abs() - 0.004 * canvas.size
    picture = draw.over(picture, { 250, 246, 240 }, canvas:cover(field, 0.006), r:uniform(0.25, 0.7))
  end
  return picture
end

--- Camera: blur and noise.
local function camera(canvas, r, picture)
  picture = canvas:blur(picture, r:uniform(0.0012, 0.0045))
  return (picture + canvas:grain(r:bits(), 3) * r:uniform(1.5, 5)) * r:uniform(0.86, 1.08)
end

--- Draws one.
---@param seed integer
---@param size integer
---@param options table
---@return fovea.Tensor picture
---@return table<string, fovea.Tensor> parts
---@return boolean planted
function M.draw(seed, size, options)
  local function stream(name) return random.new(seed, "dermoscopy." .. name) end
  local canvas, plan = draw.canvas(size), shortcut.plan(options, stream "plan", DECOY_SHARE)
  local picture, parts, fields = skin(canvas, stream "skin"), {}, {}
  local at = places(stream "places", plan.decoy)
  for i, place in ipairs(at) do
    picture, fields[i] = (plan.looks[i] and lesion or blotch)(canvas, stream("candidate" .. i), picture, place)
  end
  local none = canvas:plane(0)
  parts.candidate1, parts.candidate2 = draw.inside(fields[1]), fields[2] and draw.inside(fields[2]) or none
  parts.lesion, parts.blotch = shortcut.split(plan, { parts.candidate1, parts.candidate2 })
  picture, parts.pen = pen(canvas, stream "pen", picture)
  picture, parts.ruler, parts.shortcut = ruler(canvas, stream "marker", picture, at, plan.marked)
  picture, parts.hair = hair(canvas, stream "hair", picture)
  picture = gel(canvas, stream "gel", picture)
  picture, parts.corners = light(canvas, stream "light", picture)
  return camera(canvas, stream "camera", picture), parts, plan.planted
end

return M
