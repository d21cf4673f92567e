--- Ground truth of an item: mask files to 0 and 1, or to class numbers, at the image's size.
local mask_file = require "fovea.mask_file"

local M = {}

---@class fovea.TruthRule
---@field foreground? number mask value of the foreground; default: all but 0
---@field threshold? number mask values above it are foreground
---@field fit? boolean masks of another size are resized (nearest neighbours)
---@field classes? integer|number[] number of classes, or the mask value of each: the result holds 0, 1, ...

local function extent(shape) return table.concat(shape, "x", math.max(1, #shape - 1)) end

-- Drops leading axes of one element: N C H W of a single map becomes H x W.
local function squeezed(mask, rank)
  local shape = mask:shape()
  while #shape > rank and shape[1] == 1 do table.remove(shape, 1) end
  return mask:reshape(shape)
end

-- Class numbers 0, 1, ... of mask values; nil when there are others.
local function class_numbers(values, classes)
  local numbers, known
  for i = 1, type(classes) == "table" and #classes or classes do
    local one = values:eq(type(classes) == "table" and classes[i] or i - 1)
    numbers = numbers and numbers + one * (i - 1) or one * 0
    known = known and known + one or one
  end
  return known:min() > 0 and numbers or nil
end

--- The rule of an item in a set with a rule of its own.
---@param item fovea.DataItem
---@param rule fovea.TruthRule
---@return fovea.TruthRule
function M.rule(item, rule)
  local own = { foreground = rule.foreground, threshold = rule.threshold, classes = rule.classes, fit = item.fit }
  if not rule.foreground and not rule.threshold then own.threshold = item.threshold end
  return own
end

--- What mask values mean.
---@param values fovea.Tensor
---@param rule fovea.TruthRule
---@param path string for the message
---@return fovea.Tensor?
---@return string? message
---@return string? code
function M.of(values, rule, path)
  if rule.classes then
    local numbers = class_numbers(values, rule.classes)
    if numbers then return numbers end
    return nil, ("%s: the mask has values of no class"):format(path), "mismatch"
  end
  if rule.threshold then return values:gt(rule.threshold) end
  return rule.foreground and values:eq(rule.foreground) or values:ne(0)
end

-- One mask file as truth of the image's size.
local function read_one(path, size, rule)
  local values, message, code = mask_file.read(path, { threshold = rule.threshold })
  if not values then return nil, message, code end
  values = squeezed(values, #size)
  if rule.fit and #values:shape() == 2 and #size == 2 then
    values = values:resize { size[1], size[2], mode = "nearest" }
  end
  if table.concat(values:shape(), "x") ~= table.concat(size, "x") then
    return nil, ("%s: the mask is %s, the image %s"):format(path, extent(values:shape()), extent(size)), "mismatch"
  end
  return M.of(values, rule, path)
end

--- The truth of mask files; of several, what any of them marks.
---@param mask string|string[]
---@param size integer[] of the image: height, width
---@param rule fovea.TruthRule
---@return fovea.Tensor? truth
---@return string? message
---@return string? code
function M.read(mask, size, rule)
  if type(mask) ~= "table" then return read_one(mask, size, rule) end
  local union
  for _, path in ipairs(mask) do
    local truth, message, code = read_one(path, size, rule)
    if not truth then return nil, message, code end
    union = union and union:max_of(truth) or truth
  end
  return union
end

return M
