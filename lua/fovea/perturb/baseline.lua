--- What takes the place of removed parts of an input (definitions 9.1): a number, the mean of each channel, the blurred
--- input, or any tensor.
local core = require "fovea.core"
local tensor = require "fovea.tensor"

local M = {}

--- Weights of a Gaussian, cut at 3 sigma, that add up to 1.
local function gaussian(sigma)
  local radius, values, sum = math.ceil(3 * sigma), {}, 0
  for i = -radius, radius do
    values[#values + 1] = math.exp(-i * i / (2 * sigma * sigma))
    sum = sum + values[#values]
  end
  for i, value in ipairs(values) do values[i] = value / sum end
  return values
end

--- Blurs along each axis in turn; beyond the border the last element goes on.
---@param input fovea.Tensor 1 x C x [D] x H x W
---@param sigma number in elements
---@return fovea.Tensor
function M.blur(input, sigma)
  local graph, shape, weights = assert(core.graph()), input:shape(), gaussian(sigma)
  local x = graph:input(shape)
  local node, radius = x, (#weights - 1) // 2
  for axis = 3, #shape do
    local kernel, before = { shape[2], 1 }, {}
    for i = 1, #shape do
      before[i] = i == axis and radius or 0
      if i > 2 then kernel[i] = i == axis and #weights or 1 end
    end
    local all = assert(tensor.tensor({ 1, 1, table.unpack(kernel, 3) }, weights)):expand(kernel)
    node = graph:conv { graph:pad { node, before = before, after = before, mode = "edge" }, graph:constant(all:copy()),
      groups = shape[2] }
  end
  local plan = assert(graph:plan { taps = { node }, exact = true })
  plan:set_input(x, input)
  plan:forward()
  return assert(plan:value(node))
end

--- Blur when no strength is given: this part of the shorter side.
local PART_OF_SIDE = 24

local function blurred(input, text)
  local shape, side = input:shape(), math.huge
  for axis = 3, #shape do side = math.min(side, shape[axis]) end
  local sigma = text == "" and side / PART_OF_SIDE or tonumber(text)
  if not sigma or not (sigma > 0) or sigma > 1000 then
    error(("perturb: the strength of a blur is a positive number of pixels, not '%s'"):format(text), 0)
  end
  return M.blur(input, sigma)
end

--- The baseline that is meant, shaped like the input.
---@param input fovea.Tensor 1 x C x [D] x H x W
---@param spec number|string|fovea.Tensor|nil a number (default 0), "mean" (of each channel), "blur" or "blur:SIGMA" (in
--- pixels; default 1/24 of the shorter side), or a tensor that stretches to the input
---@return fovea.Tensor
function M.make(input, spec)
  local shape, axes = input:shape(), {}
  if type(spec or 0) == "number" then return assert(tensor.full(shape, spec or 0)) end
  if type(spec) == "userdata" then return spec:expand(shape):copy() end
  if spec == "mean" then
    for axis = 3, #shape do axes[#axes + 1] = axis end
    axes.keep_dims = true
    return input:mean(axes):expand(shape):copy()
  end
  local strength = type(spec) == "string" and spec:match "^blur:?(.*)$"
  if not strength then
    error(("perturb: a baseline is a number, \"mean\", \"blur\" or a tensor, not %s"):format(tostring(spec)), 0)
  end
  return blurred(input, strength)
end

return M
