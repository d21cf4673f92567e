--- Naive normalisation for the specs of the norm ops.
local nd = require "support.nd"

local M = {}

--- Mean and biased variance of the elements of src over sets: set_of(index) names the set of an element.
function M.statistics(src, set_of)
  local sum, square, count = {}, {}, {}
  local i = 0
  for index in nd.indices(src.shape) do
    i = i + 1
    local set = set_of(index)
    sum[set] = (sum[set] or 0) + src.data[i]
    count[set] = (count[set] or 0) + 1
  end
  for set, s in pairs(sum) do sum[set] = s / count[set] end
  i = 0
  for index in nd.indices(src.shape) do
    i = i + 1
    local set = set_of(index)
    square[set] = (square[set] or 0) + (src.data[i] - sum[set]) ^ 2
  end
  for set, s in pairs(square) do square[set] = s / count[set] end
  return sum, square
end

--- scale[at(index)] (src - mean[set]) / sqrt(variance[set] + epsilon) + shift[at(index)]; scale and shift are nd arrays
--- or nil.
function M.apply(src, set_of, mean, variance, epsilon, at, scale, shift)
  local i = 0
  return nd.build(src.shape, function(index)
    i = i + 1
    local set, k = set_of(index), at(index)
    local hat = (src.data[i] - mean[set]) / math.sqrt(variance[set] + epsilon)
    return hat * (scale and scale.data[k] or 1) + (shift and shift.data[k] or 0)
  end)
end

--- Channel of an element.
function M.channel(index) return index[2] end

return M
