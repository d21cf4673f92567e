--- Targets as the loss of an output wants them: one channel per logit, of the size of the logits.
local tensor = require "fovea.tensor"

local M = {}

local function text(shape) return table.concat(shape, "x") end

--- The share of each class in the pixels that a coarser output stands for; nearest pixels where sizes do not divide.
local function resized(target, height, width)
  local shape = target:shape()
  local h, w = shape[3], shape[4]
  if h == height and w == width then return target end
  if h % height == 0 and w % width == 0 then
    return target:reshape { shape[1], shape[2], height, h // height, width, w // width }:mean { 4, 6 }
  end
  return target:resize { height, width, mode = "nearest" }
end

--- The target for logits: a mask N 1 H W also serves two classes of a softmax, background and foreground.
---@param target fovea.Tensor N K H W
---@param shape integer[] of the logits
---@param activation string "sigmoid" or "softmax"
---@return fovea.Tensor
function M.of(target, shape, activation)
  local own = target:shape()
  if #own == 4 and #shape == 4 then target = resized(target, shape[3], shape[4]) end
  if activation == "softmax" and shape[2] == 2 and own[2] == 1 then
    target = assert(tensor.concat({ 1 - target, target }, 2))
  end
  if text(target:shape()) ~= text(shape) then
    error(("train: a target of %s does not fit logits of %s (%s)"):format(text(own), text(shape), activation), 0)
  end
  return target
end

return M
