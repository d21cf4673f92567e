--- Histogram rule of Li and Lee (1993): the threshold with the smallest cross entropy between the map and its two
--- group means, both measured from the smallest value. A constant map selects nothing (CONSTANT).
local histogram = require "fovea.strategy.histogram"

--- Minus the cross entropy, up to what does not depend on the split.
local function entropy(below, below_moment, above, above_moment)
  return below_moment * math.log(below_moment / below) + above_moment * math.log(above_moment / above)
end

return {
  name = "li", id = "histogram rule", doc = "above the threshold of least cross entropy (Li)", brief = true,
  parameters = { histogram.BINS },
  check = histogram.check,
  select = histogram.select(function(bins, n) return histogram.split(bins, n, entropy, { origin = bins.low }) end),
}
