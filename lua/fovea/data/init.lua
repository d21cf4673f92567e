--- Data sets for training and evaluation: where images and masks come from, and batches of them.
---
---     local set = assert(fovea.data.open { data_set = "chase_db1", root = "CHASE_DB1", split = "train" })
---     local loader = fovea.data.loader(set, { batch = 8, patch = { 128, 128 }, augment = { flip = true } })
---     for step = 1, loader:steps() do
---       local input, target = assert(loader:batch(1, step)) -- epoch 1
---     end
local lookup = require "fovea.lookup"
local source = require "fovea.data.source"
local data_set = require "fovea.data.set"

local M = {}

---@class fovea.DataSpec exactly one of files, manifest, data_set, phantom
---@field files? string|string[] image files or patterns; FILE.tif#* are all pages of a TIFF file
---@field masks? string with `files`: path or pattern; {name} stands for the image's name, {page} for its page
---@field exclude? string[] with `files`: patterns of file names to leave out
---@field manifest? string CSV file with the columns image, and mask, name, fov, split as wanted
---@field data_set? string name of a published layout, see fovea.data.layouts()
---@field root? string with `data_set`: its folder
---@field observer? integer with `data_set`: whose masks, where there are several observers
---@field structure? string with `data_set`: which structure is the foreground, where there are several
---@field phantom? string name of a phantom; other keys than those listed are its options
---@field count? integer with `phantom`: number of items; item i has the seed `seed` + i - 1
---@field seed? integer with `phantom`: default 1
---@field part? string with `phantom`: the part that is the mask
---@field split? string only the items of that split
---@field first? integer first item taken, from 1, in natural order of the names
---@field last? integer last item taken
---@field limit? integer most items taken
---@field foreground? number mask value of the foreground; default: all but 0
---@field threshold? number mask values above it are foreground; needed for masks that are JPEG files
---@field classes? integer|number[] number of classes (mask values 0, 1, ...) or the mask value of each class

local KEYS = { "files", "masks", "exclude", "manifest", "data_set", "root", "observer", "structure", "phantom", "count",
  "seed", "part", "split", "first", "last", "limit", "foreground", "threshold", "classes" }

local function positive(spec, key)
  local value = spec[key]
  if value ~= nil and (math.type(value) ~= "integer" or value < 1) then
    error(("data.open: '%s' must be a whole number from 1 on, not %s"):format(key, tostring(value)), 3)
  end
end

local function check_spec(spec)
  if type(spec) ~= "table" then error("data.open: expected a table, not a " .. type(spec), 3) end
  if not spec.phantom then lookup.check_keys(spec, KEYS, "data.open", 2) end
  for _, key in ipairs { "first", "last", "limit" } do positive(spec, key) end
  if spec.classes and (spec.foreground or spec.threshold) then
    error("data.open: 'classes' goes without 'foreground' and 'threshold'", 3)
  end
  if spec.foreground and spec.threshold then
    error("data.open: either 'foreground' or 'threshold', not both", 3)
  end
end

--- Opens a data set. Misuse raises; a file or folder that is not there gives nil and a message.
---@param spec fovea.DataSpec
---@return fovea.DataSet? set
---@return string? message
---@return string? code
function M.open(spec)
  check_spec(spec)
  local function refuse(_, code, text, ...) error { code = code, message = text:format(...) } end
  local ok, items = pcall(function()
    local found = source.items(spec, refuse)
    source.check_masks(found, refuse)
    return found
  end)
  if not ok and type(items) ~= "table" then error(items, 0) end
  if not ok and items.code == "argument" then error("data.open: " .. items.message, 2) end
  if not ok then return nil, items.message, items.code end
  return data_set.new(items, { foreground = spec.foreground, threshold = spec.threshold, classes = spec.classes })
end

--- The published layouts that are known.
---@return { name: string, summary: string, splits: string[]?, wanted: string }[] wanted: names of its files
function M.layouts()
  local list = {}
  for i, name in ipairs(lookup.names "fovea.data.layout") do
    local layout = require("fovea.data.layout." .. name)
    list[i] = { name = name, summary = layout.summary, splits = layout.splits, wanted = layout.wanted }
  end
  return list
end

--- Batches of a data set; see fovea.data.loader.
M.loader = require("fovea.data.loader").new

return M
