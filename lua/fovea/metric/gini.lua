--- C1, Gini index of the absolute signed map (1810.06583): 0 for a uniform map, (n - 1) / n for one pixel. NaN when the
--- map is zero.
local metric = require "fovea.metric"

return {
  name = "gini",
  summary = "Gini index of the absolute map, 0 for a uniform map to nearly 1 for one pixel (C1)",
  compute = function(view)
    local size = view:signed():abs()
    local total, n = size:sum(), size:count()
    if total == 0 then return metric.NAN end
    -- sum of (2 i - n - 1) a_(i) over the sorted values; mid-ranks give ties the same sum
    return metric.dot(size:ranks() * 2 - (n + 1), size) / (n * total)
  end,
}
