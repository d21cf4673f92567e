--- T5: entries above the threshold that separates two groups best, by the variance between them (Otsu 1979): over
--- equal bins of [min, max] with the means of bin centres, or exactly over the sorted values (`exact`). Of several
--- maxima the mean threshold is taken. A constant map selects nothing (CONSTANT).
local histogram = require "fovea.strategy.histogram"

local function between(below, below_moment, above, above_moment)
  local gap = below_moment / below - above_moment / above
  return below * above * gap * gap
end

--- The distinct values of a map as bins of their own, and the thresholds half-way between them.
local function exact(u)
  local counts, values, last = {}, {}, 0
  for _, v in ipairs(u:flatten():sort():values()) do
    if last > 0 and values[last] == v then
      counts[last] = counts[last] + 1
    else
      last = last + 1
      counts[last], values[last] = 1, v
    end
  end
  return histogram.split({ counts = counts, centres = values }, last, between,
    { after = function(i) return (values[i] + values[i + 1]) / 2 end })
end

return {
  name = "otsu", id = "T5", doc = "above the best split into two groups (Otsu)",
  brief = true, -- the text form leaves out the number of bins when it is the usual one
  parameters = { histogram.BINS, { name = "exact", default = false, doc = "over all values instead of bins" } },
  check = histogram.check,
  select = function(u, p)
    local low, high = u:min(), u:max()
    if low == high then return u:gt(high), { flags = { "CONSTANT" } } end
    local value = p.exact and exact(u) or histogram.split(histogram.of(u, p.bins), p.bins, between)
    return u:gt(value), { value = value }
  end,
}
