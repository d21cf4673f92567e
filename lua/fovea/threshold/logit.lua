--- T1 on the logit: entries whose logit is above a value, strictly. Short for fixed with on=logit.
local fixed = require "fovea.threshold.fixed"

return {
  name = "logit", id = "T1", doc = "entries whose logit is above a value",
  parameters = { { name = "value", default = 0.0 } },
  check = function(p) return fixed.check { value = p.value, on = "logit" } end,
  select = function(u, p, context) return fixed.select(u, { value = p.value, on = "logit" }, context) end,
}
