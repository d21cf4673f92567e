--- What a case needs from disk: the image, and its ground truth at the image's resolution.
local input_file = require "fovea.input_file"
local mask_file = require "fovea.mask_file"

local M = {}

local function extent(shape)
  return table.concat({ table.unpack(shape, math.max(1, #shape - 1)) }, "x")
end

--- Drops leading axes of one element: N C H W of a single map becomes H x W.
local function squeezed(mask, rank)
  local shape = mask:shape()
  while #shape > rank and shape[1] == 1 do table.remove(shape, 1) end
  return mask:reshape(shape)
end

--- Reads an image of a plan and its mask.
---@param source fovea.Source
---@param label? number value of the foreground in the mask; default: all but 0
---@return { given: fovea.Image|fovea.Tensor, truth: fovea.Tensor? }? inputs truth: 0 and 1, of the image's size
---@return string? message
---@return string? code
function M.read(source, label)
  local given, message, code = input_file.read(source.path)
  if not given then return nil, message, code end
  local inputs = { given = given }
  if not source.mask then return inputs end
  local values, problem, kind = mask_file.read(source.mask)
  if not values then return nil, problem, kind end
  local size = type(given) == "userdata" and { table.unpack(given:shape(), 3) } or { given.height, given.width }
  inputs.truth = squeezed(label and values:eq(label) or values:ne(0), #size)
  if table.concat(inputs.truth:shape(), "x") ~= table.concat(size, "x") then
    return nil, ("%s: the mask is %s, the image %s"):format(source.mask, extent(inputs.truth:shape()), extent(size)),
      "mismatch"
  end
  return inputs
end

return M
