--- F1 and F2, deletion and insertion: the score while the elements of the input are replaced by the baseline, or put
--- back, in the order of a map (1806.07421).
local core = require "fovea.core"
local lookup = require "fovea.lookup"
local normalise = require "fovea.normalise"
local result = require "fovea.perturb.result"
local status = require "fovea.status"
local tensor = require "fovea.tensor"

local M = {}

local NAN = 0 / 0

---@class fovea.perturb.Curve
---@field auc number area under the curve; NaN when there is no order or no target
---@field scores number[] for each step
---@field fractions number[] of the elements
---@field status string
---@field statuses string[]
---@field rate table? images per second, see fovea.perturb.Engine
---@field seconds number

local DOMAINS = { "all", "context", "inside" }

--- The map on the grid of the input: as given, or the positive part of a heat map.
local function map_of(given, size)
  if type(given) == "userdata" then
    if given:count() ~= tensor.zeros(size):count() then
      error(("curve: the map is %s, the input %s"):format(table.concat(given:shape(), "x"),
        table.concat(size, "x")), 0)
    end
    return given:reshape(size)
  end
  local raw = normalise.sign(given.raw, "positive")
  local shape = raw:shape()
  return raw:reshape { 1, 1, table.unpack(shape) }:resize { mode = "linear", table.unpack(size) }:reshape(size)
end

--- The map with everything outside of a domain below the rest, and how many elements lie inside.
local function within(engine, map, domain, size)
  if domain == "all" then return map, map:count() end
  local mask = engine.target.mask:ne(0)
  local shape = mask:shape()
  mask = mask:reshape { 1, 1, table.unpack(shape, #shape - #size + 1) }:resize { mode = "nearest", table.unpack(size) }
    :reshape(size)
  if domain == "context" then mask = mask:eq(0) end
  return mask:where(map, map:min() - 1), mask:count_nonzero()
end

--- The masks of the elements picked at each step.
local function steps_of(map, n, steps)
  local masks, fractions = {}, {}
  for t = 0, steps do
    fractions[t + 1] = t / steps
    masks[t + 1] = (map:top_k(math.floor(t / steps * n + 0.5))):reshape { 1, table.unpack(map:shape()) }
  end
  return assert(tensor.concat(masks, 1)), fractions
end

local function area(scores)
  local sum = 0
  for t = 1, #scores - 1 do sum = sum + (scores[t] + scores[t + 1]) / 2 end
  return sum / (#scores - 1)
end

local function is_constant(map, domain_map, n)
  if n == 0 then return true end
  local top = domain_map:top_k(n)
  return map:max() == map:min() or top:where(map, map:max()):min() == top:where(map, map:min()):max()
end

local function run(engine, given, options, is_insertion)
  lookup.check_keys(options, { "steps", "domain" }, "curve", -2)
  options = options or {}
  local size, steps, domain, start = result.size(engine), options.steps or 20, options.domain or "all", core.clock()
  if math.type(steps) ~= "integer" or steps < 1 then
    error(("curve: option 'steps' must be a positive integer, not %s"):format(tostring(steps)), 0)
  end
  if not (domain == "all" or domain == "context" or domain == "inside") then
    error(lookup.unknown("curve: unknown domain", domain, DOMAINS), 0)
  end
  local map, statuses = map_of(given, size), result.statuses(engine)
  local curve = { auc = NAN, scores = {}, fractions = {}, seconds = 0 }
  local ordered, n = within(engine, map, domain, size)
  if not map:is_finite() then statuses[#statuses + 1] = "NONFINITE" end
  if is_constant(map, ordered, n) then statuses[#statuses + 1] = "TIES" end
  curve.status, curve.statuses = status.summary(statuses)
  if curve.status ~= "OK" then return curve end
  local picked, message, code
  picked, curve.fractions = steps_of(ordered, n, steps)
  curve.scores, message, code = engine:masks(is_insertion and picked or 1 - picked)
  if not curve.scores then return nil, message, code end
  curve.auc, curve.rate, curve.seconds = area(curve.scores), engine.rate, core.clock() - start
  return curve
end

--- Deletion: the elements with the largest values of the map are replaced first; a good map has a small area.
---@param engine fovea.perturb.Engine
---@param map fovea.Tensor|fovea.Heatmap on the grid of the input, or a heat map (of which the positive part counts)
---@param options? { steps: integer?, domain: string? } steps (20); domain: "all" elements, those outside of the target
--- ("context") or inside it ("inside")
---@return fovea.perturb.Curve? curve
---@return string? message
---@return string? code
function M.deletion(engine, map, options) return run(engine, map, options, false) end

--- Insertion: from the baseline alone, the elements with the largest values are put back first; a good map has a large
--- area.
---@param engine fovea.perturb.Engine
---@param map fovea.Tensor|fovea.Heatmap
---@param options? { steps: integer?, domain: string? }
---@return fovea.perturb.Curve? curve
---@return string? message
---@return string? code
function M.insertion(engine, map, options) return run(engine, map, options, true) end

return M
