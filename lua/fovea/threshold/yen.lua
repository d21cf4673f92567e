--- Histogram rule of Yen, Chang and Chang (1995): the threshold of the largest correlation of both groups,
--- 2 ln(P (1 - P)) - ln(sum of p^2 below) - ln(sum of p^2 above). A constant map selects nothing (CONSTANT).
local histogram = require "fovea.strategy.histogram"

local function threshold(bins, n)
  local total, squares, below, below_squares = 0, 0, 0, 0
  for _, w in ipairs(bins.counts) do total, squares = total + w, squares + w * w end
  return histogram.best(n - 1, function(i)
    local w = bins.counts[i]
    below, below_squares = below + w, below_squares + w * w
    if below > 0 and below < total then
      return 2 * math.log(below / total * (1 - below / total)) - math.log(below_squares / total ^ 2)
        - math.log((squares - below_squares) / total ^ 2)
    end
  end, function(i) return bins.low + i * bins.width end)
end

return {
  name = "yen", id = "histogram rule", doc = "above the threshold of largest correlation (Yen)", brief = true,
  parameters = { histogram.BINS },
  check = histogram.check,
  select = histogram.select(threshold),
}
