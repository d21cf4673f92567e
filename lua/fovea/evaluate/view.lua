--- What a segmentation metric may look at: the predicted mask and the true one, the probabilities, and the quantities
--- that several metrics share, each computed when it is first asked for.
local core = require "fovea.core"

local M = {}

---@class fovea.EvaluateView
---@field prediction fovea.Tensor mask, 0 and 1; 0 outside of the field of view
---@field truth fovea.Tensor mask, 0 and 1; 0 outside of the field of view
---@field probability fovea.Tensor? nil when only a mask was given
---@field fov fovea.Tensor? mask; elements outside of it do not count
---@field spacing number[]? size of a pixel (voxel) along each axis
local View = {}
View.__index = View

--- A view.
---@param fields { prediction: fovea.Tensor, truth: fovea.Tensor, probability: fovea.Tensor?, fov: fovea.Tensor?,
---  spacing: number[]? }
---@return fovea.EvaluateView
function M.new(fields) return setmetatable(fields, View) end

--- Numbers of true and false positives and negatives; `n` elements count.
---@return { tp: integer, fp: integer, fn: integer, tn: integer, n: integer }
function View:counts()
  if not self.counted then
    local n = self.fov and self.fov:count_nonzero() or self.truth:count()
    local tp = (self.prediction * self.truth):count_nonzero()
    local fp, fn = self.prediction:count_nonzero() - tp, self.truth:count_nonzero() - tp
    self.counted = { tp = tp, fp = fp, fn = fn, tn = n - tp - fp - fn, n = n }
  end
  return self.counted
end

--- Areas under the ROC and the precision-recall curve; NaN without probabilities.
---@return number roc
---@return number precision
function View:detection()
  if not self.probability then return 0 / 0, 0 / 0 end
  if not self.detected then self.detected = { self.probability:detection(self.truth, self.fov) } end
  return self.detected[1], self.detected[2]
end

--- The mask moved by one element along an axis; what comes in from the edge is 0.
local function moved(mask, axis, forward)
  local shape = mask:shape()
  local n = shape[axis]
  shape[axis] = 1
  local edge = assert(core.zeros(shape))
  if n == 1 then return edge end
  if forward then return assert(core.concat({ edge, mask:slice(axis, 1, n - 1) }, axis)) end
  return assert(core.concat({ mask:slice(axis, 2, n), edge }, axis))
end

--- Members of a mask that have a face neighbour outside of it, or lie at the edge of the image.
---@param mask fovea.Tensor
---@return fovea.Tensor
function M.surface(mask)
  local inner = mask
  for axis = 1, mask:rank() do
    inner = inner * moved(mask, axis, true) * moved(mask, axis, false)
  end
  return mask - inner
end

local ABOVE_ALL = 3e38 -- more than any distance

--- Distances from the elements of one surface to another one, in ascending order.
local function distances(from, to, spacing)
  local away = to:distance(spacing and { spacing = spacing } or nil)
  return from:where(away, ABOVE_ALL):sort():slice(1, 1, from:count_nonzero())
end

--- Distances of the surface of the prediction to that of the truth, and the other way; nil when a mask is empty.
---@return { to_truth: fovea.Tensor, to_prediction: fovea.Tensor }?
function View:surfaces()
  if self.measured == nil then
    self.measured = false
    if self.prediction:any() and self.truth:any() then
      local ours, theirs = M.surface(self.prediction), M.surface(self.truth)
      self.measured = { to_truth = distances(ours, theirs, self.spacing),
        to_prediction = distances(theirs, ours, self.spacing) }
    end
  end
  return self.measured or nil
end

--- Whether both masks are empty.
---@return boolean
function View:both_empty()
  local c = self:counts()
  return c.tp + c.fp + c.fn == 0
end

return M
