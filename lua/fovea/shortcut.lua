--- Does a heat map show a shortcut? A test with known truth: two networks of one architecture, one trained with planted
--- phantoms (fovea.phantom.shared.shortcut), one with clean ones, are asked about the same clean pictures, in which the
--- marker lies next to the target. Only the first has a reason to look at the marker; how much more of its relevance
--- lies there tells what a method sees at a layer. Whether it does use the marker is asked first, without any map: by
--- taking the marker away, and by laying it next to the other candidate.
local explain = require "fovea.explain"
local lookup = require "fovea.lookup"
local phantom = require "fovea.phantom"

local M = {}

local DEFAULTS = { count = 20, seed = 9001, size = 128, layers = { "candidates" }, methods = { "gradcam", "hirescam" },
  thresholds = { 0.5 }, score = "logit" }
local KEYS = { "with", "without", "phantom", "count", "seed", "size", "layers", "methods", "thresholds", "score",
  "focus" }

--- Ranks of the absolute differences, doubled so that those of ties are whole; zeros are left out.
local function ranked(differences)
  local list, sum = {}, 0
  for _, d in ipairs(differences) do
    if d ~= 0 then list[#list + 1] = { size = math.abs(d), positive = d > 0 } end
  end
  table.sort(list, function(a, b) return a.size < b.size end)
  local first = 1
  while first <= #list do
    local last = first
    while list[last + 1] and list[last + 1].size == list[first].size do last = last + 1 end
    for i = first, last do
      list[i].rank = first + last
      if list[i].positive then sum = sum + list[i].rank end
    end
    first = last + 1
  end
  return list, sum
end

--- Exact one-sided signed-rank test (Wilcoxon 1945) of paired differences: the probability of ranks of positive
--- differences as high as these, if either sign were as likely. Zeros are left out, ties share their ranks; 1 when
--- nothing is left.
---@param differences number[]
---@return number p
function M.signed_rank(differences)
  local list, observed = ranked(differences)
  local share, most = { [0] = 1 }, 0
  for _, item in ipairs(list) do
    most = most + item.rank
    for sum = most, 0, -1 do
      share[sum] = 0.5 * (share[sum] or 0) + 0.5 * (sum >= item.rank and share[sum - item.rank] or 0)
    end
  end
  local p = 0
  for sum = observed, most do p = p + share[sum] end
  return #list == 0 and 1 or math.min(1, p)
end

--- Part of a candidate that a network takes for the target.
local function found(map, candidate)
  local shape = candidate:shape()
  local taken = map:at_image(map.probability, "nearest"):reshape(shape):gt(0.5)
  return (taken & candidate):sum() / math.max(1, candidate:sum())
end

--- Relevance on the marker: part of the positive map; a map without anything positive has none there.
local function mass(map, ground)
  local part = map:energy_inside(ground)
  return part == part and part or 0
end

local function maps_of(model, made, options)
  return assert(explain.explain_all(model, made.image, { layers = options.layers, methods = options.methods,
    thresholds = options.focus and { made.parts.candidate1 } or options.thresholds, score = options.score }))
end

--- Adds one picture with the marker next to the target to the masses, by layer and method.
local function add_masses(rows, which, maps, made, chance)
  for i, map in ipairs(maps) do
    local row = rows[i] or { layer = map.layer, method = map.method, threshold = map.threshold, with = {}, without = {},
      chance = {} }
    rows[i] = row
    row[which][#row[which] + 1] = mass(map, made.parts.shortcut)
    if which == "with" then row.chance[#row.chance + 1] = chance end
  end
end

local function mean(list)
  local sum = 0
  for _, value in ipairs(list) do sum = sum + value end
  return sum / #list
end

local function summarised(row)
  local differences = {}
  for i, value in ipairs(row.with) do differences[i] = value - row.without[i] end
  return { layer = row.layer, method = row.method, threshold = row.threshold, with = mean(row.with),
    without = mean(row.without), chance = mean(row.chance), p = M.signed_rank(differences), n = #differences }
end

---@class fovea.ShortcutOptions
---@field with fovea.Model trained with planted phantoms
---@field without fovea.Model trained with clean ones
---@field phantom string
---@field count integer? pictures; default 20
---@field seed integer? of the first picture; default 9001
---@field size integer? default 128
---@field layers string[]? default: the model's candidates
---@field methods string[]? default: gradcam and hirescam
---@field thresholds any[]? default: 0.5
---@field score string? default: logit
---@field focus boolean? explain the candidate that the marker is about instead of what `thresholds` pick

---@class fovea.ShortcutRow
---@field layer string
---@field method string
---@field threshold string
---@field with number mean part of the relevance that lies on the marker, network trained with the shortcut
---@field without number the same of the other network
---@field chance number the part that a uniform map would have there
---@field p number probability of so clear a difference by chance
---@field n integer pictures

--- Compares a network trained with a shortcut with one trained without.
---@param options fovea.ShortcutOptions
---@return fovea.ShortcutRow[] rows one per layer, threshold and method
---@return table<string, table<string, number>> use `use.with.none`: part of the target found without the marker ...
function M.compare(options)
  lookup.check_keys(options, KEYS, "shortcut.compare")
  local all = setmetatable({}, { __index = function(_, key)
    if options[key] ~= nil then return options[key] end
    return DEFAULTS[key]
  end })
  local rows, use = {}, { with = {}, without = {} }
  for i = 0, all.count - 1 do
    for _, marker in ipairs { "target", "none", "other" } do
      local made = phantom.make(all.phantom, { seed = all.seed + i, size = all.size, decoy = true, marker = marker })
      for which, network in pairs { with = all.with, without = all.without } do
        local maps = maps_of(network, made, all)
        use[which][marker] = (use[which][marker] or 0) + found(maps[1], made.parts.candidate1) / all.count
        if marker == "target" then add_masses(rows, which, maps, made, made.parts.shortcut:mean()) end
      end
    end
  end
  for i, row in ipairs(rows) do rows[i] = summarised(row) end
  return rows, use
end

return M
