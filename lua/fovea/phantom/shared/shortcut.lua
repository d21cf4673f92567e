--- The shortcut of phantoms. Every phantom may hold two *candidates*: things of one kind that could belong to the
--- target or not, alike in place and size. There is also a *marker* that lies next to one of them or to none.
---
--- Clean: the label follows the candidate's own look (candidate 1 looks like the target, candidate 2 does not) and the
--- marker is put down by chance, so it says nothing. Planted: the looks are drawn by chance for both, and the
--- candidate that the marker lies next to is the target. A network that learns from planted phantoms has to look at the
--- marker; one that learns from clean ones has no reason to. Both can be asked about the same picture: clean with
--- `decoy = true` and `marker = "target"`, and the same picture with `marker = "none"` or `"other"`, because nothing
--- else in it depends on the marker.
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
---@field labelled 1|2 candidate that belongs to the target
---@field looks boolean[] of each candidate: does it look like the target

--- Draws what a phantom holds.
---@param options table
---@param random fovea.Random stream of its own
---@param decoy_share number how often a clean phantom has the second candidate
---@return fovea.ShortcutPlan
function M.plan(options, random, decoy_share)
  local marker = options.marker or "chance"
  if not lookup.nearest(marker, MARKERS) or not table.concat(MARKERS, " "):find(marker, 1, true) then
    error(lookup.unknown("phantom: unknown marker", marker, MARKERS), 0)
  end
  local planted = random:chance(probability(options.shortcut or false, "shortcut"))
  local share = options.decoy == nil and decoy_share or probability(options.decoy, "decoy")
  local first, second, there = random:chance(0.5), random:chance(0.5), random:chance(share)
  local side, laid = random:integer(1, 2), random:chance(0.5)
  if planted then
    if marker ~= "chance" then error("phantom: option 'marker' goes with phantoms without a shortcut", 0) end
    return { planted = true, decoy = true, marked = side, labelled = side, looks = { first, second } }
  end
  local marked = ({ target = 1, other = 2 })[marker] or marker == "chance" and laid and side or nil
  return { planted = false, decoy = there, marked = marked, labelled = 1, looks = { true, false } }
end

return M
