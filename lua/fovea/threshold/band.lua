--- T13: entries in a band of levels, low < u <= high. Disjoint bands add up exactly for first-order methods
--- (oracle 10).
local single = require("fovea.strategy.levels").single

return {
  name = "band", id = "T13", doc = "entries above low, up to high",
  parameters = { { name = "low", default = 0.0 }, { name = "high", default = 1.0 } },
  check = function(p)
    if not (p.low <= p.high) then return ("low (%g) must not be above high (%g)"):format(p.low, p.high) end
  end,
  select = function(u, p)
    return u:gt(single(p.low)):land(u:le(single(p.high))), { value = p.low }
  end,
}
