--- Small helpers of strategies that compare with levels.
local M = {}

--- A number rounded to single precision, as the elements of maps are.
---@param value number
---@return number
function M.single(value) return (string.unpack("f", string.pack("f", value))) end

--- The map of a class out of all classes, shaped like u.
---@param all fovea.Tensor K x [D] x H x W
---@param u fovea.Tensor
---@param class integer
---@return fovea.Tensor
function M.class_map(all, u, class)
  local map = all:count() == u:count() and all or all:select(1, class)
  return map:reshape(u:shape())
end

return M
