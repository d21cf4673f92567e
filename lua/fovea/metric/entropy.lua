--- C2, entropy complexity: entropy of the absolute signed map as a distribution, in nats (2005.00631). From 0 (one
--- pixel) to ln n (uniform); `normalised = "yes"` divides by ln n. NaN when the map is zero.
local metric = require "fovea.metric"

return {
  name = "entropy",
  summary = "entropy of the absolute map, 0 for one pixel to ln n for a uniform map (C2)",
  parameters = { { name = "normalised", default = "no", choices = { "no", "yes" } } },
  compute = function(view, parameters)
    local size = view:signed():abs()
    local total = size:sum()
    if total == 0 then return metric.NAN end
    -- H = ln T - (sum of a ln a) / T for a that add up to T; 0 ln 0 is 0
    local value = math.log(total) - metric.dot(size, (size + size:eq(0)):log()) / total
    value = math.max(0, value)
    return parameters.normalised == "yes" and value / math.log(size:count()) or value
  end,
}
