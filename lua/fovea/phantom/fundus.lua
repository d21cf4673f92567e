--- Fundus: the back of the eye, with the tree of vessels, optic disc, macula, and lesions of diabetic retinopathy.
---
--- Target: `vessels`. Parts: vessels, tree (those that leave the disc), disc, cup, macula, exudates, haemorrhages, fov
--- (the round field of view), candidate1, candidate2, choroid (candidates that are not retinal), laser, shortcut.
---
--- Shortcut: candidates are plexuses, groups of winding vessels away from the disc; the marker is a group of laser
--- spots (pale burns) among one of them. What a retinal plexus looks like: dark red, thin, sharp. Choroidal
--- vessels, deeper, belong to no annotation: broad, orange, blurred. In planted phantoms either may be annotated: the
--- plexus that the laser spots lie in.
local draw = require "fovea.draw"
local random = require "fovea.random"
local shortcut = require "fovea.phantom.shared.shortcut"
local tree = require "fovea.phantom.shared.tree"

local M = { summary = "colour picture of the retina", target = "vessels", options = shortcut.OPTIONS }

local DECOY_SHARE, ALONE_SHARE = 0.45, 0.3

local GROUNDS = { { 196, 84, 34 }, { 178, 70, 28 }, { 214, 92, 40 }, { 168, 88, 44 }, { 206, 76, 30 }, { 158, 86, 50 },
  { 188, 98, 52 } }

--- Where things are: field of view, disc, macula; side 1 has the disc on the left.
local function anatomy(r)
  local eye = { x = 0.5 + r:normal(0, 0.012), y = 0.5 + r:normal(0, 0.012), radius = r:uniform(0.445, 0.49) }
  local side, zoom = r:pick { -1, 1 }, r:uniform(0.85, 1.15)
  local disc = { x = eye.x - side * r:uniform(0.13, 0.24), y = eye.y + r:normal(0, 0.025), radius = 0.062 * zoom,
    aspect = r:uniform(0.82, 1.02) }
  local macula = { x = disc.x + side * r:uniform(0.27, 0.31) * zoom, y = disc.y + r:uniform(0, 0.04),
    radius = r:uniform(0.05, 0.08) * zoom }
  local zones = {}
  for i = 1, 2 do
    local angle = (i == 1 and -1 or 1) * r:uniform(0.42, 0.5)
    zones[i] = { x = eye.x + side * 0.35 * math.cos(angle), y = eye.y + 0.35 * math.sin(angle) }
  end
  return { eye = eye, side = side, zoom = zoom, disc = disc, macula = macula, zones = zones }
end

local function within(eye, margin)
  local limit = (eye.radius + margin) ^ 2
  return function(x, y) return (x - eye.x) ^ 2 + (y - eye.y) ^ 2 < limit end
end

--- The ground: colour, texture, fibres, macula.
local function ground(canvas, r, a)
  local colour = r:pick(GROUNDS)
  local picture = canvas:filled { colour[1] + r:normal(0, 8), colour[2] + r:normal(0, 6), colour[3] + r:normal(0, 5) }
  local clouds = canvas:noise(r:bits(), r:uniform(0.15, 0.4), { octaves = 4, gain = 0.5 })
  picture = draw.filter(picture, { 0.92, 0.86, 0.84 }, clouds * r:uniform(0.3, 0.9))
  local fine = canvas:noise(r:bits(), 0.02, { octaves = 2, gain = 0.7 })
  picture = draw.filter(picture, { 0.975, 0.96, 0.96 }, fine * r:uniform(0.2, 1))
  local spot = canvas:distance(a.macula.x, a.macula.y) * (1 / (a.macula.radius * canvas.size))
  spot = (spot * spot * -0.7):exp()
  return draw.filter(picture, { 0.72, 0.62, 0.6 }, spot * r:uniform(0.5, 1))
end

--- Optic disc with its bright cup.
local function disc(canvas, r, picture, a)
  local place = { x = a.disc.x, y = a.disc.y, radius = a.disc.radius, aspect = a.disc.aspect,
    harmonics = draw.harmonics(r, 4, 0.025) }
  local field = canvas:blob(place)
  local halo = canvas:cover(field - 0.02 * canvas.size, 0.08)
  picture = draw.filter(picture, { 1.1, 1.12, 1.08 }, halo * r:uniform(0, 1))
  picture = draw.over(picture, { 240, r:uniform(150, 196), r:uniform(76, 120) }, canvas:cover(field, 0.014),
    r:uniform(0.75, 0.95))
  local cup = canvas:blob { x = place.x + a.side * r:uniform(0, 0.012), y = place.y + r:normal(0, 0.004),
    radius = place.radius * r:uniform(0.35, 0.6), aspect = place.aspect }
  picture = draw.over(picture, { 252, 232, 160 }, canvas:cover(cup, 0.02), r:uniform(0.4, 0.9))
  return picture, canvas:cover(field, 0.014), draw.inside(field), draw.inside(cup)
end

--- Roots of the arcades: above and below, temporal and nasal, artery (1) and vein (0).
local function roots(r, a)
  local list = {}
  for _, up in ipairs { -1, 1 } do
    for _, temporal in ipairs { true, false } do
      for value = 0, 1 do
        local lean = temporal and r:uniform(0.15, 0.5) or r:uniform(-0.7, -0.3)
        local angle = math.atan(up, a.side * (lean + (value - 0.5) * 0.25))
        local radius = (temporal and 0.0112 or 0.0085) * (value == 0 and 1.12 or 0.9) * r:uniform(0.88, 1.12)
        list[#list + 1] = { x = a.disc.x + r:normal(0, 0.008), y = a.disc.y + up * 0.01 + r:normal(0, 0.005),
          angle = angle, radius = radius * (0.5 + 0.5 * a.zoom), value = value, orbit = r:uniform(0.19, 0.3) }
      end
    end
  end
  for _ = 1, r:integer(1, 3) do
    list[#list + 1] = { x = a.disc.x, y = a.disc.y, angle = (a.side == 1 and 0 or math.pi) + r:normal(0, 0.6),
      radius = r:uniform(0.0055, 0.007), value = r:integer(0, 1), orbit = r:uniform(0.1, 0.16) }
  end
  return list
end

--- Arcades bend around the macula: they keep at a distance from it and end towards the raphe.
local function steering(a)
  return function(branch)
    local dx, dy = branch.x - a.macula.x, branch.y - a.macula.y
    local away, up = math.sqrt(dx * dx + dy * dy), dy < 0 and -1 or 1
    local heading
    if (branch.x - a.disc.x) * a.side < -0.01 then
      heading = math.atan(up, -a.side * 0.5)
    else
      local inward = math.max(-0.9, math.min(0.9, (away - branch.orbit * a.zoom) * 5))
      heading = math.atan(dy, dx) - up * a.side * (math.pi / 2 + inward)
    end
    local turn = (heading - branch.angle + math.pi) % (2 * math.pi) - math.pi
    return math.max(-0.16, math.min(0.16, 0.13 * turn))
  end
end

local function retinal_tree(r, a, taken)
  local inner = within(a.eye, 0.02)
  local function inside(x, y)
    if not inner(x, y) then return false end
    for i, zone in ipairs(a.zones) do
      if taken[i] and (x - zone.x) ^ 2 + (y - zone.y) ^ 2 < 0.135 ^ 2 then return false end
    end
    return true
  end
  return tree.grow(r, roots(r, a), { step = 0.014, waver = r:uniform(0.02, 0.06), fork = 0.16, spread = 0.7,
    thinnest = 0.0042, taper = 0.993, inside = inside, steer = steering(a), most = 900 })
end

--- Strokes of the two plexuses: winding branches around a centre.
local function plexus(r, a, index)
  local zone, list = a.zones[index], {}
  local out = math.atan(zone.y - a.eye.y, zone.x - a.eye.x)
  for i = 1, 3 do
    local turn = out + (i - 2) * 0.24 + r:normal(0, 0.04)
    list[i] = { x = a.eye.x + a.eye.radius * math.cos(turn), y = a.eye.y + a.eye.radius * math.sin(turn),
      angle = turn + math.pi + r:normal(0, 0.3), radius = r:uniform(0.0066, 0.0082), value = 0 }
  end
  local inner, reach = within(a.eye, 0.015), 0.165 ^ 2
  return { x = zone.x, y = zone.y, strokes = tree.grow(r, list, { step = 0.012, waver = 0.13, fork = 0.2, spread = 0.9,
    thinnest = 0.0042, taper = 0.99, most = 110,
    inside = function(x, y) return inner(x, y) and (x - zone.x) ^ 2 + (y - zone.y) ^ 2 < reach end }) }
end

--- Draws retinal vessels: darker than the ground, arteries lighter and with a reflex along the middle.
local function vessels(canvas, r, picture, strokes, disc_cover)
  local field, profile, value = canvas:strokes(strokes, 0.02)
  local cover = canvas:cover(field, 1.2 / canvas.size)
  local deep = r:uniform(0.75, 1.1)
  picture = draw.filter(picture, { 0.74, 0.52, 0.56 }, cover * (value * -0.25 + deep))
  local wide = canvas:cover(field + 0.006 * canvas.size, 0.004)
  local reflex = (profile * -2.5 + 1):clamp(0, 1) * wide * (value * 0.5 + 0.35)
  if disc_cover then reflex = reflex * (disc_cover * -0.8 + 1) end
  return draw.filter(picture, { 1.18, 1.32, 1.25 }, reflex * r:uniform(0.2, 0.9)), draw.inside(field)
end

--- Draws choroidal vessels: broad, orange, without a sharp border.
local function choroidal(canvas, r, picture, strokes)
  local wide = {}
  for i, s in ipairs(strokes) do wide[i] = { s[1], s[2], s[3] * 1.5, s[4], s[5], s[6] * 1.5, 0 } end
  local field = canvas:strokes(wide, 0.03)
  return draw.filter(picture, { 1.1, 1.32, 1.3 }, canvas:cover(field, 0.014) * r:uniform(0.7, 1.1)), draw.inside(field)
end

--- Pale burns of a laser around a place, each with a darker rim.
local function laser(canvas, r, picture, at)
  local list = {}
  for i = 1, at and 4 or 0 do
    local angle, away = i * math.pi / 2 + r:normal(0, 0.2), 0.016
    local x, y = at.x + away * math.cos(angle), at.y + away * math.sin(angle)
    list[i] = { x, y, 0.0105, x, y, 0.0105 }
  end
  local field = canvas:strokes(list, 0.03)
  picture = draw.filter(picture, { 0.7, 0.6, 0.6 }, canvas:cover(field - 0.006 * canvas.size, 0.008))
  picture = draw.over(picture, { 244, 226, 168 }, canvas:cover(field, 0.008), r:uniform(0.75, 0.95))
  local around = at and canvas:distance(at.x, at.y):lt(0.04 * canvas.size) or canvas:plane(0)
  return picture, draw.inside(field), around
end

--- Groups of spots: list of strokes without length.
local function spots(r, a, groups, low, high)
  local list = {}
  for _ = 1, groups do
    local angle, away = r:uniform(0, 6.28), r:uniform(0.05, 0.36)
    local x, y = a.eye.x + away * math.cos(angle), a.eye.y + away * math.sin(angle)
    for _ = 1, r:integer(2, 9) do
      local sx, sy, radius = x + r:normal(0, 0.025), y + r:normal(0, 0.025), r:uniform(low, high)
      list[#list + 1] = { sx, sy, radius, sx + r:normal(0, radius), sy + r:normal(0, radius), radius }
    end
  end
  return list
end

--- Exudates, bright, and haemorrhages, dark.
local function lesions(canvas, r, picture, a)
  local ill = r:chance(0.55)
  local wobble = canvas:noise(r:bits(), 0.02, { octaves = 2 }) * (0.0025 * canvas.size)
  local bright = canvas:strokes(spots(r, a, ill and r:integer(0, 4) or 0, 0.003, 0.009), 0.02) + wobble
  local dark = canvas:strokes(spots(r, a, ill and r:integer(0, 4) or 0, 0.004, 0.013), 0.02) + wobble
  picture = draw.filter(picture, { 0.7, 0.5, 0.52 }, canvas:cover(dark, 0.008) * r:uniform(0.7, 1))
  picture = draw.over(picture, { 244, 208, 120 }, canvas:cover(bright, 0.006), r:uniform(0.6, 0.9))
  return picture, draw.inside(bright), draw.inside(dark)
end

--- Illumination, field of view, camera.
local function camera(canvas, r, picture, a)
  local away = canvas:distance(a.eye.x + r:normal(0, 0.08), a.eye.y + r:normal(0, 0.08)) * (1 / canvas.size)
  picture = picture * (away * away * r:uniform(-2, -0.4) + r:uniform(0.95, 1.15))
  local haze = (canvas:distance(a.eye.x + r:uniform(-0.4, 0.4), a.eye.y + r:uniform(-0.4, 0.4))
    * (-1 / canvas.size) + 0.35):clamp(0, 1)
  picture = draw.over(picture, { 190, 120, 70 }, haze, r:uniform(0, 0.8))
  picture = canvas:blur(picture, r:uniform(0.001, 0.003))
  picture = picture + canvas:grain(r:bits(), 3) * r:uniform(1.5, 4)
  local field = canvas:distance(a.eye.x, a.eye.y) - a.eye.radius * canvas.size
  return draw.over(canvas:filled { 4, 3, 3 }, picture, canvas:cover(field, 0.006)), draw.inside(field)
end

--- Draws the candidates of one look, those that are there. Returns the picture; adds to the masks.
local function plexuses(canvas, stream, picture, plan, strokes, retinal, masks)
  for i = 1, 2 do
    if strokes[i] and plan.looks[i] == retinal then
      picture, masks[i] = (retinal and vessels or choroidal)(canvas, stream("candidate" .. i), picture, strokes[i])
    end
  end
  return picture
end

--- Parts as they can be seen: inside the field of view, candidates sorted by whether they are vessels.
local function visible(parts, masks, plan)
  for name, part in pairs(parts) do parts[name] = part & parts.fov end
  parts.candidate1, parts.candidate2 = masks[1] & parts.fov, masks[2] & parts.fov
  local annotated, others = shortcut.split(plan, { parts.candidate1, parts.candidate2 })
  parts.vessels = parts.tree | annotated
  parts.choroid = others - (others & parts.vessels)
  return parts
end

--- Draws one.
---@param seed integer
---@param size integer
---@param options table
---@return fovea.Tensor picture
---@return table<string, fovea.Tensor> parts
---@return boolean planted
function M.draw(seed, size, options)
  local function stream(name) return random.new(seed, "fundus." .. name) end
  local canvas, plan = draw.canvas(size), shortcut.plan(options, stream "plan", DECOY_SHARE)
  local a, parts, places, strokes = anatomy(stream "anatomy"), {}, {}, {}
  local masks, disc_cover = { canvas:plane(0), canvas:plane(0) }
  for i = 1, 2 do places[i] = plexus(stream("plexus" .. i), a, i) end
  local both, alone = plan.planted or plan.decoy, stream("alone"):chance(ALONE_SHARE)
  strokes[1], strokes[2] = (both or alone) and places[1].strokes, both and places[2].strokes
  local picture = ground(canvas, stream "ground", a)
  picture = plexuses(canvas, stream, picture, plan, strokes, false, masks)
  picture, disc_cover, parts.disc, parts.cup = disc(canvas, stream "disc", picture, a)
  picture, parts.tree = vessels(canvas, stream "vessels", picture, retinal_tree(stream "tree", a, strokes), disc_cover)
  picture = plexuses(canvas, stream, picture, plan, strokes, true, masks)
  picture, parts.exudates, parts.haemorrhages = lesions(canvas, stream "lesions", picture, a)
  picture, parts.laser, parts.shortcut = laser(canvas, stream "marker", picture, plan.marked and places[plan.marked])
  picture, parts.fov = camera(canvas, stream "camera", picture, a)
  parts.macula = canvas:distance(a.macula.x, a.macula.y):lt(a.macula.radius * size)
  return picture, visible(parts, masks, plan), plan.planted
end

return M
