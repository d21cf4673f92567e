--- T3: the entries above the q-quantile (0 <= q <= 1), as the exact top k with k = ceil((1 - q) n): never more, however
--- many entries are equal.
local top_k = require "fovea.threshold.top_k"

local ROUNDING = 1e-9 -- (1 - 0.95) * 100 is a little more than 5

return {
  name = "quantile", id = "T3", doc = "the largest entries, a fraction 1 - q of all",
  parameters = { { name = "q", default = 0.95, doc = "fraction left out" } },
  check = function(p)
    if not (p.q >= 0 and p.q <= 1) then return ("q lies in 0..1 (0.95 for 95 %%), not %g"):format(p.q) end
  end,
  select = function(u, p)
    local n = u:count()
    return top_k.select(u, { k = n - math.floor(p.q * n + ROUNDING * math.max(1, n * 1e-3)) })
  end,
}
