-- Compares tensors with lists of numbers within a tolerance.
local M = {}

--- Asserts that a tensor has these values, in row-major order.
---@param wanted number[]
---@param tensor fovea.Tensor
---@param tolerance number? absolute, relative above 1; 1e-6 by default
function M.values(wanted, tensor, tolerance)
  local got = tensor:values()
  assert(#wanted == #got, ("%d values wanted, got %d"):format(#wanted, #got))
  for i, x in ipairs(wanted) do M.number(x, got[i], tolerance, ("value %d"):format(i)) end
end

--- Asserts that two numbers agree; NaN agrees with NaN.
function M.number(wanted, got, tolerance, what)
  local limit = (tolerance or 1e-6) * math.max(1, math.abs(wanted))
  local same = wanted == got or math.abs(wanted - got) <= limit or (wanted ~= wanted and got ~= got)
  if not same then error(("%s: %.9g wanted, got %.9g"):format(what or "number", wanted, got), 2) end
end

return M
