--- What less precision costs: maps whose convolutions read bfloat16 beside those of float32. It is measured on the
--- first image of a model and grid, which so costs both; later images are told the worst that was seen.
local lookup = require "fovea.lookup"

local M = {}

M.CHOICES = { "f32", "bf16" }

---@class fovea.Roughness
---@field kind "bf16"
---@field map number greatest difference to the map of float32, relative to the largest magnitude there
---@field correlation number? with that map (Pearson); none for constant maps
---@field pixels integer of the explained mask that differ
---@field measured boolean on this image; otherwise the worst of those that were

--- Whether an option asks for less; raises when it is neither nil nor one of the choices.
---@param precision string?
---@return boolean
function M.is_rough(precision)
  if precision ~= nil and precision ~= "f32" and precision ~= "bf16" then
    error(lookup.unknown("explain: unknown precision", precision, M.CHOICES), 0)
  end
  return precision == "bf16"
end

local function correlation(a, b)
  local x, y = a - a:mean(), b - b:mean()
  local scale = math.sqrt((x * x):sum() * (y * y):sum())
  return scale > 0 and (x * y):sum() / scale or nil
end

--- How far a map is off.
---@param rough fovea.Heatmap
---@param exact fovea.Heatmap? that of float32; nil: the strategy has no such target there
---@return fovea.Roughness
function M.compare(rough, exact)
  if not exact then return { kind = "bf16", map = 1, correlation = 0, pixels = rough.count, measured = true } end
  local scale, off = exact.raw:abs():max(), (rough.raw - exact.raw):abs():max()
  return { kind = "bf16", map = scale > 0 and off / scale or (off > 0 and 1 or 0),
    correlation = correlation(rough.raw, exact.raw), pixels = math.tointeger(rough.mask:ne(exact.mask):sum()),
    measured = true }
end

--- The worst of two.
local function worse(a, b)
  if not a then return b end
  return { kind = "bf16", map = math.max(a.map, b.map), pixels = math.max(a.pixels, b.pixels), measured = false,
    correlation = a.correlation and b.correlation and math.min(a.correlation, b.correlation) or a.correlation
      or b.correlation }
end

--- Maps by what they answer; a strategy with several targets has several of each.
local function by_question(maps)
  local found = {}
  for _, heat in ipairs(maps) do
    local key = table.concat({ heat.threshold, heat.layer, heat.method }, "\n")
    found[key] = found[key] or { taken = 0 }
    table.insert(found[key], heat)
  end
  return function(heat)
    local list = found[table.concat({ heat.threshold, heat.layer, heat.method }, "\n")]
    if not list then return nil end
    list.taken = list.taken + 1
    return list[list.taken]
  end
end

local seen = setmetatable({}, { __mode = "k" }) -- the worst, by model and grid

--- Gives each map the field `precision`.
---@param model fovea.Model
---@param maps fovea.Heatmap[] of one image
---@param again fun(): fovea.Heatmap[]?, string?, string? makes the same with float32
---@return fovea.Heatmap[]? maps
---@return string? message
---@return string? code
function M.judge(model, maps, again)
  if not maps[1] then return maps end
  local grid = table.concat(maps[1].mask:shape(), "x")
  seen[model] = seen[model] or {}
  local known = seen[model][grid]
  if known then
    for _, heat in ipairs(maps) do heat.precision = known end
    return maps
  end
  local others, message, code = again()
  if not others then return nil, message, code end
  local other_of = by_question(others)
  for _, heat in ipairs(maps) do
    heat.precision = M.compare(heat, other_of(heat))
    known = worse(known, heat.precision)
  end
  seen[model][grid] = worse(known, known)
  return maps
end

--- What to tell about maps that were measured; nil when they were not.
---@param maps fovea.Heatmap[]
---@return string?
function M.text(maps)
  local all
  for _, heat in ipairs(maps) do
    if heat.precision and heat.precision.measured then all = worse(all, heat.precision) end
  end
  if not all then return nil end
  return ("convolutions of bfloat16: maps are off by up to %.2g %% of their maximum, %d pixels of the mask differ, "
    .. "correlation %.5f with those of float32"):format(100 * all.map, all.pixels, all.correlation or 1)
end

return M
