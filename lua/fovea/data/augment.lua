--- Random changes of a sample: from what a loader is asked for to the numbers of one sample. Every number depends on
--- the key of the sample alone, and each on a draw of its own, so that switching one change on leaves the others alone.
---
---     flip        true: both axes; "horizontal" (left and right change places), "vertical"; each with probability 1/2
---     quarter     true: by 0, 90, 180 or 270 degrees (0 or 180 where the sample's height and width differ)
---     rotate      most degrees to either side
---     scale       s: magnified by a factor between 1 / (1 + s) and 1 + s; { low, high }: between these
---     shift       most displacement along each axis, in parts of the sample's height and width
---     elastic     standard deviation of the displacement of control points in pixels; spacing = 32: between them
---     brightness  b: between -b and b is added; 1 is the way from black to white
---     contrast    c: factor between 1 / (1 + c) and 1 + c about the mean of the sample; { low, high }
---     gamma       g: exponent between 1 / (1 + g) and 1 + g; { low, high }
---     blur        most standard deviation of a Gaussian in pixels
---     noise       most standard deviation of normal noise, where 1 is the way from black to white
---
--- Instead of a number, { number, probability = p } (or { low, high, probability = p }) leaves a sample alone with
--- probability 1 - p. Geometry comes before intensity: see src/tensor/augment.h.
local lookup = require "fovea.lookup"
local random = require("fovea.core").random

local M = {}

-- How a single number is understood: between -a and a, between 0 and a, or as a factor.
local AMOUNTS = { rotate = "both", scale = "factor", shift = "both", elastic = "up", brightness = "both",
  contrast = "factor", gamma = "factor", blur = "up", noise = "up" }

local KEYS = { "flip", "quarter", "rotate", "scale", "shift", "elastic", "brightness", "contrast", "gamma", "blur",
  "noise" }

-- Number of the draw of each key; the draw of its probability comes right after, a second value after that.
local DRAW = {}
for i, key in ipairs(KEYS) do DRAW[key] = 100 * i end

local FLIPS = { [true] = { true, true }, horizontal = { false, true }, vertical = { true, false } }

local function number(value, key)
  if type(value) ~= "number" or value ~= value or math.abs(value) == math.huge then
    error(("augment: %s must be a number, not %s"):format(key, tostring(value)), 0)
  end
  return value
end

-- Lowest and highest value of an amount.
local function range(kind, given, key)
  local a, b = number(given[1], key), given[2] and number(given[2], key)
  if kind == "factor" then
    if (b and a <= 0) or a < 0 then error(("augment: %s must be positive"):format(key), 0) end
    if not b then a, b = 1 / (1 + a), 1 + a end
  elseif not b then
    if a < 0 then error(("augment: %s must not be negative"):format(key), 0) end
    a, b = kind == "both" and -a or kind == "up" and key == "elastic" and a or 0, a
  end
  if a > b or (kind == "up" and a < 0) then error(("augment: %s from %g to %g"):format(key, a, b), 0) end
  return a, b
end

local function amount(given, key)
  if given == nil or given == false then return nil end
  given = type(given) == "table" and given or { given }
  for name in pairs(given) do
    local known = name == 1 or name == 2 or name == "probability" or (name == "spacing" and key == "elastic")
    if not known then error(("augment: %s has no option '%s'"):format(key, tostring(name)), 0) end
  end
  local low, high = range(AMOUNTS[key], given, key)
  local probability, spacing = number(given.probability or 1, key), number(given.spacing or 32, key)
  if probability < 0 or probability > 1 then error(("augment: probability of %s must be in 0..1"):format(key), 0) end
  if spacing < 1 then error "augment: spacing must be at least 1 pixel" end
  return { low = low, high = high, probability = probability, spacing = spacing, factor = AMOUNTS[key] == "factor" }
end

local function record_of(options)
  lookup.check_keys(options, KEYS, "augment", -2)
  local record = {}
  for key in pairs(AMOUNTS) do record[key] = amount(options[key], key) end
  if options.flip then
    record.flip = FLIPS[options.flip] or
      error(lookup.unknown("augment: unknown flip", options.flip, { "horizontal", "vertical", "true" }), 0)
  end
  record.quarter = options.quarter or nil
  return record
end

--- A complete record of options; raises for anything that is not understood.
---@param options? table see the top of this module
---@return table record
function M.record(options)
  local ok, result = pcall(record_of, options or {})
  if not ok then error(result, 2) end
  return result
end

--- Draw `index` of the sample with that key, in [0, 1).
---@param key integer
---@param index integer
---@return number
function M.draw(key, index) return random.uniform(key, index, 0) end

-- The value of a change for this sample: nil where it is left alone.
local function value_of(record, name, key, second)
  local rule = record[name]
  if not rule then return nil end
  local at = DRAW[name]
  if rule.probability < 1 and M.draw(key, at + 1) >= rule.probability then return nil end
  local u = M.draw(key, at + (second and 2 or 0))
  if rule.factor then return rule.low * (rule.high / rule.low) ^ u end -- as often above 1 as below
  return rule.low + (rule.high - rule.low) * u
end

local QUARTERS = { [0] = { 1, 0 }, { 0, 1 }, { -1, 0 }, { 0, -1 } } -- cosine and sine, exact

-- Offsets of the source from those of the sample, (y, x) both: turned anticlockwise, magnified, flipped.
local function matrix(record, key, square)
  local cos, sin = 1, 0
  if record.quarter then
    local turn = math.floor(4 * M.draw(key, DRAW.quarter))
    cos, sin = table.unpack(QUARTERS[square and turn or turn // 2 * 2])
  end
  local angle, factor = value_of(record, "rotate", key), value_of(record, "scale", key) or 1
  if angle then
    local c, s = math.cos(math.rad(angle)), math.sin(math.rad(angle))
    cos, sin = cos * c - sin * s, sin * c + cos * s
  end
  local down = record.flip and record.flip[1] and M.draw(key, DRAW.flip) < 0.5 and -1 or 1
  local right = record.flip and record.flip[2] and M.draw(key, DRAW.flip + 2) < 0.5 and -1 or 1
  return { down * cos / factor, right * sin / factor, -down * sin / factor, right * cos / factor }
end

--- Where the pixels of a sample lie in an image, for core.augment.batch.
---@param record table
---@param key integer of the sample
---@param top integer first row of the patch in the image, from 0
---@param left integer
---@param height integer of the patch
---@param width integer
---@return number[] place
function M.place(record, key, top, left, height, width)
  local m = matrix(record, key, height == width)
  local y, x = (height - 1) / 2, (width - 1) / 2
  local down = (value_of(record, "shift", key) or 0) * height
  local right = (value_of(record, "shift", key, true) or 0) * width
  return { m[1], m[2], top + y + down - (m[1] * y + m[2] * x), m[3], m[4], left + x + right - (m[3] * y + m[4] * x) }
end

--- Sets the fields of a sample for core.augment.batch that are not neutral.
---@param record table
---@param key integer
---@param sample table
---@return table sample
function M.tones(record, key, sample)
  for _, name in ipairs { "elastic", "brightness", "contrast", "gamma", "blur", "noise" } do
    sample[name] = value_of(record, name, key)
  end
  sample.spacing, sample.seed = record.elastic and record.elastic.spacing, key
  return sample
end

return M
