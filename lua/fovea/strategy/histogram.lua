--- Histogram rules: the bins of a map, and the threshold that maximises a criterion over them.
local M = {}

M.BINS = { name = "bins", default = 256, doc = "equal bins of [min, max]" }

local TIE = 1e-12 -- relative to the range of the criterion: values this close are one maximum

--- Complaint about a number of bins, or nil.
---@param p table
---@return string?
function M.check(p)
  if p.bins < 2 or p.bins > 65536 or p.bins ~= math.floor(p.bins) then
    return ("bins must be a whole number in 2..65536, not %g"):format(p.bins)
  end
end

---@class fovea.Bins
---@field counts number[]
---@field centres number[]
---@field low number
---@field width number

--- Bins of a map that is not constant.
---@param u fovea.Tensor
---@param bins integer
---@return fovea.Bins
function M.of(u, bins)
  local low, high = u:min(), u:max()
  local width, centres = (high - low) / bins, {}
  for i = 1, bins do centres[i] = low + (i - 0.5) * width end
  return { counts = u:histogram({ bins = bins, min = low, max = high }):values(), centres = centres, low = low,
    width = width }
end

--- The threshold of the largest criterion; of several maxima the mean of their thresholds.
---@param n integer number of splits
---@param criterion fun(i: integer): number? of the split after group i; nil where there is none
---@param threshold_after fun(i: integer): number
---@return number
function M.best(n, criterion, threshold_after)
  local values, low, high = {}, math.huge, -math.huge
  for i = 1, n do
    local value = criterion(i)
    values[i] = value or false
    if value then low, high = math.min(low, value), math.max(high, value) end
  end
  local sum, count, cut = 0, 0, high - TIE * (high - low)
  for i, value in ipairs(values) do
    if value and value >= cut then sum, count = sum + threshold_after(i), count + 1 end
  end
  return sum / count
end

--- A strategy's select: the entries above the threshold of a rule; a constant map selects nothing (CONSTANT).
---@param rule fun(bins: fovea.Bins, n: integer): number
---@return fun(u: fovea.Tensor, p: table): fovea.Tensor, table
function M.select(rule)
  return function(u, p)
    local high = u:max()
    if u:min() == high then return u:gt(high), { flags = { "CONSTANT" } } end
    local value = rule(M.of(u, p.bins), math.tointeger(p.bins))
    return u:gt(value), { value = value }
  end
end

--- Criterion over the splits of bins into those up to i and those above: f(weight, moment, ...) of both sides.
---@param bins fovea.Bins
---@param n integer
---@param f fun(below: number, below_moment: number, above: number, above_moment: number): number
---@param options? { origin: number?, after: (fun(i: integer): number)? } from where moments count (0); the threshold
--- after bin i (its upper edge)
---@return number threshold
function M.split(bins, n, f, options)
  options = options or {}
  local origin = options.origin or 0
  local after = options.after or function(i) return bins.low + i * bins.width end
  local total, moment, below, below_moment = 0, 0, 0, 0
  for i, w in ipairs(bins.counts) do
    total, moment = total + w, moment + w * (bins.centres[i] - origin)
  end
  return M.best(n - 1, function(i)
    local w = bins.counts[i]
    below, below_moment = below + w, below_moment + w * (bins.centres[i] - origin)
    if below > 0 and below < total then return f(below, below_moment, total - below, moment - below_moment) end
  end, after)
end

return M
