--- Connected components of masks, for strategies.
local M = {}

M.CONNECTIVITY = { name = "connectivity", default = 0, doc = "4, 8 or 6, 18, 26; 0: 8 or 26" }

--- Labels of the components of a mask, in scan order.
---@param mask fovea.Tensor
---@param connectivity integer 0: all neighbours
---@param context table
---@return fovea.Tensor labels
---@return integer n
---@return integer[] sizes
---@return integer connectivity the one used
function M.of(mask, connectivity, context)
  local flat = 2 -- axes that count
  if #context.shape > 2 and mask:count() ~= context.shape[#context.shape] * context.shape[#context.shape - 1] then
    flat = 3
  end
  local used = connectivity == 0 and (flat == 2 and 8 or 26) or math.tointeger(connectivity)
  local labels, n, sizes = mask:components { connectivity = used }
  return labels, n, sizes, used
end

return M
