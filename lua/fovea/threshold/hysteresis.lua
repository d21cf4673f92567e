--- T6: the components of {u > low} in which some u > high. With low = high this is fixed.
local components = require "fovea.strategy.components"
local single = require("fovea.strategy.levels").single

return {
  name = "hysteresis", id = "T6", doc = "components above low that reach above high",
  parameters = { { name = "low", default = 0.3 }, { name = "high", default = 0.6 }, components.CONNECTIVITY },
  check = function(p)
    if not (p.low <= p.high) then return ("low (%g) must not be above high (%g)"):format(p.low, p.high) end
  end,
  select = function(u, p, context)
    local labels, n, _, connectivity = components.of(u:gt(single(p.low)), p.connectivity, context)
    local keep, high = labels:max_by_label(u, n), single(p.high)
    for i, largest in ipairs(keep) do keep[i] = largest > high end
    return labels:keep_labels(keep), { value = p.low, detail = { connectivity = connectivity } }
  end,
}
