--- The shortcut of phantoms. Every phantom may hold two *candidates*: things of one kind that could belong to the
--- target or not, alike in place and size. There is also a *marker* that lies next to one of them or to none.
---
--- Clean: the label follows the candidate's own look (candidate 1 looks like the target, candidate 2 does not) and the
--- marker is put down by chance: next to neither, 1 or 2, so it says nothing. Planted: the looks are drawn by chance
--- for both, and the candidate that the marker lies next to is the target. A network that learns from planted phantoms
--- has to look at the marker; one that learns from clean ones has no reason to. Both can be asked about the same
--- picture: clean with `decoy = true` and `marker = "target"`, and the same picture with `marker = "none"` or
--- `"other"`: nothing else in it depends on the marker. In planted phantoms these move the label with the marker.
local lookup = require "fovea.lookup"

local M = {}

--- Options that all phantoms share beside seed, size and target.
M.OPTIONS = { "shortcut", "marker", "decoy" }

local MARKERS = { "chance", "none", "other", "target" }

--- A probability given as a number, true, false, "on" or "off".
local function probability(value, name)
  if value == true or value == "on" or value == "true" then return 1 end
  if value == false or value == "off" or value == "false" then return 0 end
  local p = tonumber(value)
  if not p or p < 0 or p > 1 then
    error(("phantom: option '%s' is true, false or a probability, not %s"):format(name, tostring(value)), 0)
  end
  return p
end

---@class fovea.ShortcutPlan
---@field planted boolean
---@field decoy boolean is there a second candidate
---@field marked 1|2|nil candidate that the marker lies next to
---@field labelled 1|2|nil candidate that belongs to the target
---@field looks boolean[] of each candidate: does it look like the target

local function marker_of(options)
  local marker = options.marker or "chance"
  for _, known in ipairs(MARKERS) do
    if marker == known then return marker end
  end
  error(lookup.unknown("phantom: unknown marker", marker, MARKERS), 0)
end

--- Draws what a phantom holds. What is drawn for one choice does not depend on the others.
---@param options table
---@param random fovea.Random stream of its own
---@param decoy_share number how often a clean phantom has the second candidate
---@return fovea.ShortcutPlan
function M.plan(options, random, decoy_share)
  local marker = marker_of(options)
  local planted = random:chance(probability(options.shortcut or false, "shortcut"))
  local share = options.decoy == nil and decoy_share or probability(options.decoy, "decoy")
  local first, second, there = random:chance(0.5), random:chance(0.5), random:chance(share)
  local side, laid = random:integer(1, 2), random:chance(0.5)
  local marked = ({ target = 1, other = 2 })[marker] or marker == "chance" and (planted or laid) and side or nil
  if planted then
    return { planted = true, decoy = true, marked = marked, labelled = marked, looks = { first, second } }
  end
  return { planted = false, decoy = there, marked = marked, labelled = 1, looks = { true, false } }
end

--- The masks of the candidates by whether they belong to the target.
---@param plan fovea.ShortcutPlan
---@param masks fovea.Tensor[]
---@return fovea.Tensor target
---@return fovea.Tensor others
function M.split(plan, masks)
  local target, others = masks[1] * 0, masks[1] * 0
  for i, mask in ipairs(masks) do
    if i == plan.labelled then target = mask else others = others | mask end
  end
  return target, others
end

return M
