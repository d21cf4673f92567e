--- Lung CT: an axial slice through the chest in Hounsfield units, shown in a lung window, grey.
---
--- Target: `lungs`. Parts: lungs, left, right (as in the picture), nodules, vessels, airways, heart, aorta, spine,
--- ribs, body, opacity, fluid, candidate1, candidate2, drain, shortcut.
---
--- Shortcut: candidates are dense regions at the outer back of either lung; the marker is a chest drain, a bright tube
--- through the wall into one of them. A consolidation is lung (mottled, with air in its bronchi, frayed) and belongs
--- to the mask; fluid between lung and wall does not (even, sharp edge). In planted phantoms either may belong to the
--- lungs: the region that the drain leads to.
local draw = require "fovea.draw"
local random = require "fovea.random"
local shortcut = require "fovea.phantom.shared.shortcut"
local tree = require "fovea.phantom.shared.tree"

local M = { summary = "axial slice of a chest CT", target = "lungs", options = shortcut.OPTIONS }

local DECOY_SHARE, ALONE_SHARE = 0.45, 0.3
local AIR, LUNG, FAT, TISSUE, BONE, METAL = -1000, -840, -95, 45, 420, 1600

--- Places: the body, both lungs (1 left in the picture, 2 right), what lies between.
local function anatomy(r)
  local body = { x = 0.5 + r:normal(0, 0.01), y = 0.5 + r:normal(0, 0.012), radius = r:uniform(0.355, 0.415),
    aspect = r:uniform(1.28, 1.5), angle = r:normal(0, 0.02), harmonics = draw.harmonics(r, 5, 0.016) }
  local half_x, half_y = body.radius * math.sqrt(body.aspect), body.radius / math.sqrt(body.aspect)
  local level, lungs = r:uniform(0, 1), {}
  for i = 1, 2 do
    local side = i == 1 and -1 or 1
    lungs[i] = { x = body.x + side * half_x * r:uniform(0.44, 0.48), y = body.y + half_y * r:uniform(-0.02, 0.06),
      radius = body.radius * r:uniform(0.53, 0.585), aspect = r:uniform(0.6, 0.72) * body.aspect / 1.4,
      angle = side * r:uniform(-0.16, 0.02), harmonics = draw.harmonics(r, 6, 0.03), side = side }
  end
  return { body = body, half_x = half_x, half_y = half_y, level = level, lungs = lungs }
end

--- Skin, fat and muscle of the trunk.
local function trunk(canvas, r, a)
  local field = canvas:blob(a.body)
  local plane = draw.over(canvas:plane(AIR), FAT, canvas:cover(field))
  local fat = r:uniform(0.014, 0.04)
  local wall = field + fat * canvas.size + canvas:noise(r:bits(), 0.12, { octaves = 3 }) * (0.004 * canvas.size)
  plane = draw.over(plane, TISSUE, canvas:cover(wall, 0.006))
  local strands = canvas:noise(r:bits(), 0.03, { octaves = 3, stretch = 2 }):gt(0.9)
    * canvas:cover((field + 0.025 * canvas.size):abs() - 0.02 * canvas.size)
  plane = draw.over(plane, FAT, canvas:blur(strands:mul(1), 0.004), 0.5)
  return draw.over(plane, 30, canvas:cover(field:abs() - 0.003 * canvas.size), 0.9), field
end

--- Field of the mediastinum with the heart: what the lungs leave free.
local function middle(canvas, r, a)
  local b, low = a.body, a.level
  local spine = { x = b.x + r:normal(0, 0.004), y = b.y + a.half_y * 0.56 }
  local field = canvas:blob { x = b.x, y = b.y - a.half_y * 0.2, radius = b.radius * r:uniform(0.27, 0.33),
    aspect = 0.55, harmonics = draw.harmonics(r, 5, 0.06) }
  local heart = canvas:blob { x = b.x + a.half_x * (0.06 + 0.16 * low), y = b.y - a.half_y * 0.12,
    radius = b.radius * (0.2 + 0.24 * low), aspect = 1.25, angle = 0.6, harmonics = draw.harmonics(r, 4, 0.04) }
  local column = canvas:blob { x = spine.x, y = spine.y, radius = b.radius * 0.21, aspect = 0.95 }
  local aorta = { x = spine.x + b.radius * r:uniform(0.18, 0.24), y = spine.y - b.radius * r:uniform(0.12, 0.2),
    radius = b.radius * r:uniform(0.065, 0.085) }
  local round = canvas:blob(aorta)
  local behind = canvas:blob { x = (spine.x + aorta.x) / 2, y = (spine.y + b.y) / 2, radius = b.radius * 0.17 }
  field = field:min_of(heart):min_of(column):min_of(behind):min_of(round - 0.008 * canvas.size)
  return { field = field, heart = heart, aorta = round, spine = spine }
end

--- Ribs: short arcs around the lungs, seen obliquely, and the vertebra and sternum.
local function bones(canvas, r, plane, a, spine)
  local list, b, size = {}, a.body, canvas.size
  local phase = r:uniform(0, 1)
  for side = -1, 1, 2 do
    for i = 0, 7 do
      local angle = (i + phase + r:normal(0, 0.08)) / 8 * math.pi - math.pi / 2
      local reach = r:uniform(0.1, 0.2)
      local before
      for k = 0, 3 do
        local t = angle + (k / 3 - 0.5) * reach
        local x, y = b.x + side * a.half_x * 0.88 * math.cos(t), b.y + a.half_y * 0.86 * math.sin(t)
        if before then list[#list + 1] = { before[1], before[2], 0.0105, x, y, 0.0105 } end
        before = { x, y }
      end
    end
  end
  local ribs = canvas:strokes(list, 0.03)
  plane = draw.over(plane, BONE, canvas:cover(ribs, 0.006), r:uniform(0.8, 1))
  plane = draw.over(plane, 130, canvas:cover(ribs + 0.006 * size, 0.004), 0.7)
  local bone = canvas:blob { x = spine.x, y = spine.y, radius = b.radius * 0.125, aspect = 1.2,
    harmonics = draw.harmonics(r, 5, 0.03) }
  local canal_y = spine.y + b.radius * 0.19
  local arch = canvas:strokes({ { spine.x - 0.055, canal_y - 0.012, 0.011, spine.x, canal_y + 0.035, 0.012 },
    { spine.x + 0.055, canal_y - 0.012, 0.011, spine.x, canal_y + 0.035, 0.012 },
    { spine.x, canal_y + 0.03, 0.01, spine.x + r:normal(0, 0.004), canal_y + 0.075, 0.009 } }, 0.05)
  local sternum = canvas:strokes({ { b.x - 0.035, b.y - a.half_y * 0.86, 0.012, b.x + 0.035, b.y - a.half_y * 0.86,
    0.012 } }, 0.03)
  local hard = bone:min_of(arch):min_of(sternum)
  plane = draw.over(plane, BONE, canvas:cover(hard, 0.006))
  plane = draw.over(plane, 180, canvas:cover(bone + 0.01 * size, 0.01), 0.8)
  local canal = canvas:blob { x = spine.x, y = canal_y, radius = 0.024, aspect = 1.2 }
  plane = draw.over(plane, 30, canvas:cover(canal, 0.006))
  return plane, draw.inside(ribs), draw.inside(bone:min_of(arch))
end

--- Vessels and bronchi of a lung: trees from the hilum.
local function lung_trees(r, a, lung)
  local hilum = { x = a.body.x + lung.side * a.half_x * 0.2, y = a.body.y + a.half_y * r:uniform(-0.05, 0.1) }
  local roots = {}
  for i = 1, r:integer(5, 7) do
    roots[i] = { x = hilum.x + r:normal(0, 0.012), y = hilum.y + r:normal(0, 0.02),
      angle = (lung.side == 1 and 0 or math.pi) + (i - 3.5) * 0.42 + r:normal(0, 0.15),
      radius = r:uniform(0.007, 0.0125), value = 0 }
  end
  return tree.grow(r, roots, { step = 0.018, waver = 0.07, fork = 0.22, spread = 0.7, thinnest = 0.0022, taper = 0.95,
    most = 260, inside = function(x, y) return ((x - lung.x) / (lung.radius * lung.aspect ^ 0.5)) ^ 2
      + ((y - lung.y) / (lung.radius / lung.aspect ^ 0.5)) ^ 2 < 1.1 end }), hilum
end

--- Round cuts through vessels and nodules: list of strokes without length inside a lung.
local function dots(r, lung, count, low, high, far)
  local list = {}
  for i = 1, count do
    local angle, away = r:uniform(0, 6.28), math.sqrt(r:uniform(0, 1)) * far
    local x = lung.x + away * lung.radius * lung.aspect ^ 0.5 * math.cos(angle)
    local y = lung.y + away * lung.radius / lung.aspect ^ 0.5 * math.sin(angle)
    local radius = r:uniform(low, high)
    list[i] = { x, y, radius, x, y, radius }
  end
  return list
end

--- What is inside the lungs: parenchyma, vessels, airways, nodules.
local function parenchyma(canvas, r, plane, a, lungs)
  local cover, base = canvas:cover(lungs, 0.004), LUNG + r:normal(0, 25)
  local slope = canvas:plane(0) + r:uniform(20, 110) * canvas:noise(r:bits(), 0.4, { octaves = 1 }) * 0.3
  local texture = canvas:noise(r:bits(), 0.03, { octaves = 3, gain = 0.6 }) * r:uniform(10, 26)
  plane = draw.over(plane, texture + slope + base, cover)
  local strokes, walls, airs = {}, {}, {}
  for _, lung in ipairs(a.lungs) do
    local branches, hilum = lung_trees(r, a, lung)
    for _, s in ipairs(branches) do strokes[#strokes + 1] = s end
    for _, s in ipairs(dots(r, lung, 34, 0.002, 0.0055, 0.88)) do strokes[#strokes + 1] = s end
    local x, y = hilum.x - lung.side * 0.035, hilum.y - 0.012
    if a.level < 0.3 then x, y = a.body.x + r:normal(0, 0.002), a.body.y - a.half_y * 0.1 end
    local along = a.level < 0.3 and 0.004 or r:uniform(0.015, 0.05)
    airs[#airs + 1] = { x, y, a.level < 0.3 and 0.021 or 0.0115, x + lung.side * along, y + r:normal(0.006, 0.006),
      a.level < 0.3 and 0.02 or 0.0085 }
    walls[#walls + 1] = { x, y, airs[#airs][3] + 0.005, airs[#airs][4], airs[#airs][5], airs[#airs][6] + 0.005 }
  end
  local vessels = canvas:strokes(strokes, 0.02)
  local in_slice = (canvas:noise(r:bits(), 0.05, { octaves = 2 }) * 1.4 + 0.75):clamp(0.12, 1)
  local seen = canvas:cover(vessels, 0.004) * in_slice
  plane = draw.over(plane, TISSUE, seen * r:uniform(0.8, 0.98))
  local airway = canvas:strokes(airs, 0.02)
  plane = draw.over(plane, TISSUE, canvas:cover(canvas:strokes(walls, 0.02), 0.004), 0.9)
  return draw.over(plane, -980, canvas:cover(airway, 0.004)), seen:gt(0.5), draw.inside(airway)
end

local function nodules(canvas, r, plane, a, lungs)
  local list = {}
  for _, lung in ipairs(a.lungs) do
    local count = r:chance(0.5) and r:integer(1, 2) or 0
    table.move(dots(r, lung, count, 0.011, 0.03, 0.62), 1, count, #list + 1, list)
  end
  local field = (canvas:strokes(list, 0.03) + canvas:noise(r:bits(), 0.03, { octaves = 2 }) * (0.0018 * canvas.size))
    :max_of(lungs)
  return draw.over(plane, r:uniform(-80, 70), canvas:cover(field, 0.006)), draw.inside(field)
end

--- Fields of the candidates: a crescent at the outer back of each lung, which one is the first by chance. It is what
--- a shape like the lung, moved forward and inward, leaves free.
local function candidate_fields(canvas, r, a, both)
  local first, fields = r:integer(1, 2), {}
  for i = 1, 2 do
    local which = i == 1 and first or 3 - first
    local lung = a.lungs[which]
    local wide, high, thick = lung.radius * lung.aspect ^ 0.5, lung.radius / lung.aspect ^ 0.5, r:uniform(0.075, 0.125)
    local rest = canvas:blob { x = lung.x - lung.side * thick * 0.55, y = lung.y - thick, radius = lung.radius * 0.99,
      aspect = lung.aspect * 1.06, angle = lung.angle, harmonics = draw.harmonics(r, 5, 0.02) }
    local field = rest * -1
    fields[i] = { field = field, lung = lung, own = both[which], inside = field:max_of(both[which]),
      x = lung.x + lung.side * (wide * 0.5), y = lung.y + high * 0.87 - thick * 0.5 }
  end
  return fields
end

--- Lung without air: mottled, with dark bronchi, its edge frayed.
local function consolidation(canvas, r, plane, candidate)
  local frayed = candidate.field + canvas:noise(r:bits(), 0.04, { octaves = 4, gain = 0.6 }) * (0.012 * canvas.size)
  local mottle = canvas:noise(r:bits(), 0.035, { octaves = 4, gain = 0.7 }) * 150 - 190
  local air = canvas:noise(r:bits(), 0.03, { octaves = 1, stretch = 3, angle = r:uniform(0, 3.14) }) - 1.5
  plane = draw.over(plane, mottle, canvas:cover(frayed:max_of(candidate.own), 0.02))
  return draw.over(plane, -780, air:clamp(0, 1) * candidate.cover, 0.9)
end

--- Fluid between lung and wall: even, sharp edge.
local function fluid(canvas, r, plane, candidate)
  local field = candidate.field:max_of(candidate.own - 0.008 * canvas.size)
  return draw.over(plane, r:uniform(0, 25), canvas:cover(field, 0.006))
end

--- A drain through the wall into a candidate.
local function drain(canvas, r, plane, candidate, a)
  local list, ground = {}, {}
  local c = candidate or { x = 0, y = 0, lung = a.lungs[1] }
  local angle = math.atan(c.y - a.body.y, (c.x - a.body.x)) + r:normal(0, 0.08)
  local inner, outer = -0.01, r:uniform(0.1, 0.13)
  local x0, y0 = c.x + inner * math.cos(angle), c.y + inner * math.sin(angle)
  local x1, y1 = c.x + outer * math.cos(angle), c.y + outer * math.sin(angle)
  if candidate then
    list[1] = { x0, y0, 0.0125, x1, y1, 0.0125 }
    ground[1] = { x0, y0, 0.022, x1, y1, 0.022 }
  end
  local field = canvas:strokes(list, 0.03)
  plane = draw.over(plane, METAL, canvas:cover(field, 0.004))
  plane = draw.over(plane, -300, canvas:cover(field + 0.0085 * canvas.size, 0.004))
  return plane, draw.inside(field), draw.inside(canvas:strokes(ground, 0.03))
end

--- Draws the candidates that are there. Returns the plane and their masks.
local function dense(canvas, stream, plane, plan, candidates)
  local both, masks = plan.planted or plan.decoy, {}
  local there = { both or stream("alone"):chance(ALONE_SHARE), both }
  for i, candidate in ipairs(candidates) do
    candidate.cover = canvas:cover(candidate.inside, 0.006)
    if there[i] then
      plane = (plan.looks[i] and consolidation or fluid)(canvas, stream("candidate" .. i), plane, candidate)
    end
    masks[i] = there[i] and draw.inside(candidate.inside) or canvas:plane(0)
  end
  return plane, masks
end

--- Table below, scanner noise, window to grey values.
local function scanner(canvas, r, plane, body)
  local y = r:uniform(0.9, 0.95)
  local bow = canvas:distance(0.5, y - 1.6)
  local couch = (bow - 1.6 * canvas.size):abs():min_of((bow - 1.655 * canvas.size):abs()) - 0.004 * canvas.size
  couch = couch:max_of(body * -1)
  plane = draw.over(plane, -150, canvas:cover(couch, 0.004), 0.6)
  local streaks = canvas:noise(r:bits(), 0.012, { octaves = 2, stretch = 12, angle = r:normal(0, 0.1) })
    * r:uniform(0, 14)
  local noise = canvas:blur(canvas:grain(r:bits()), 0.0045) * r:uniform(15, 70)
  plane = canvas:blur(plane, r:uniform(0.001, 0.003)) + streaks + noise
  local low, high = r:uniform(-1200, -980), r:uniform(150, 450)
  return ((plane - low) * (255 / (high - low))):clamp(0, 255)
end

--- Fields of what bounds the lungs, and of both.
local function lung_fields(canvas, a, between, body)
  local limit = (between.field * -1):max_of(body + 0.052 * canvas.size)
  return { canvas:blob(a.lungs[1]):max_of(limit), canvas:blob(a.lungs[2]):max_of(limit) }
end

--- Draws one.
---@param seed integer
---@param size integer
---@param options table
---@return fovea.Tensor picture
---@return table<string, fovea.Tensor> parts
---@return boolean planted
function M.draw(seed, size, options)
  local function stream(name) return random.new(seed, "lung_ct." .. name) end
  local canvas, plan = draw.canvas(size), shortcut.plan(options, stream "plan", DECOY_SHARE)
  local a, parts, masks = anatomy(stream "anatomy"), {}
  local plane, body = trunk(canvas, stream "trunk", a)
  local between = middle(canvas, stream "middle", a)
  local sides = lung_fields(canvas, a, between, body)
  local lungs = sides[1]:min_of(sides[2])
  plane, parts.ribs, parts.spine = bones(canvas, stream "bones", plane, a, between.spine)
  plane, parts.vessels, parts.airways = parenchyma(canvas, stream "parenchyma", plane, a, lungs)
  plane, parts.nodules = nodules(canvas, stream "nodules", plane, a, lungs)
  local candidates = candidate_fields(canvas, stream "candidates", a, sides)
  plane, masks = dense(canvas, stream, plane, plan, candidates)
  plane, parts.drain, parts.shortcut = drain(canvas, stream "marker", plane, plan.marked and candidates[plan.marked], a)
  parts.candidate1, parts.candidate2 = masks[1], masks[2]
  parts.opacity, parts.fluid = shortcut.split(plan, masks)
  local open = draw.inside(lungs) & (masks[1] | masks[2]):lnot() -- where vessels and nodules can be seen
  parts.vessels, parts.nodules = parts.vessels & open, parts.nodules & open
  local solid = draw.inside(body) - (draw.inside(body) & draw.inside(lungs))
  parts.ribs, parts.spine = parts.ribs & solid, parts.spine & solid
  parts.lungs = draw.inside(lungs) - parts.fluid
  parts.left, parts.right = draw.inside(sides[1]) & parts.lungs, draw.inside(sides[2]) & parts.lungs
  parts.body, parts.heart, parts.aorta = draw.inside(body), draw.inside(between.heart), draw.inside(between.aorta)
  return scanner(canvas, stream "scanner", plane, body), parts, plan.planted
end

return M
