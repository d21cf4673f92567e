--- T3 in per cent: percentile:95 is quantile:0.95.
local quantile = require "fovea.threshold.quantile"

return {
  name = "percentile", id = "T3", doc = "the largest entries, (100 - p) % of all",
  parameters = { { name = "p", default = 95.0, doc = "per cent left out" } },
  check = function(p)
    if not (p.p >= 0 and p.p <= 100) then return ("p lies in 0..100, not %g"):format(p.p) end
  end,
  select = function(u, p) return quantile.select(u, { q = p.p / 100 }) end,
}
