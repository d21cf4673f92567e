--- What a case needs from disk: the image, and its ground truth and field of view at the image's resolution.
local input_file = require "fovea.input_file"
local truth = require "fovea.data.truth"

local M = {}

--- Reads an image of a plan and its masks.
---@param source fovea.Source
---@param label? number value of the foreground in the mask; default: what the set of images says, or all but 0
---@return { given: fovea.Image|fovea.Tensor, truth: fovea.Tensor?, fov: fovea.Tensor? }? inputs masks: 0 and 1, of the
--- image's size
---@return string? message
---@return string? code
function M.read(source, label)
  local given, message, code = input_file.read(source.path)
  if not given then return nil, message, code end
  local inputs = { given = given }
  local size = type(given) == "userdata" and { table.unpack(given:shape(), 3) } or { given.height, given.width }
  if source.mask then
    inputs.truth, message, code = truth.read(source.mask, size, label and { foreground = label } or source.rule or {})
    if not inputs.truth then return nil, message, code end
  end
  if source.fov then
    inputs.fov, message, code = truth.read(source.fov, size, {})
    if not inputs.fov then return nil, message, code end
  end
  return inputs
end

return M
