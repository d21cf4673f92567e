--- T1: entries above a value, strictly; on the probability, or on the logit (`on = "logit"`).
--- The value is rounded to single precision first, as the map is, so that an entry that equals it is not selected.
local levels = require "fovea.strategy.levels"

return {
  name = "fixed", id = "T1", doc = "entries above a value",
  parameters = {
    { name = "value", default = 0.5 },
    { name = "on", default = "probability", doc = "or logit" },
  },
  check = function(p)
    if p.on ~= "probability" and p.on ~= "logit" then
      return ("on must be probability or logit, not '%s'"):format(p.on)
    end
    if p.value ~= p.value then return "value is not a number" end
    if p.on == "probability" and (p.value < 0 or p.value > 1) then
      return ("a probability lies in 0..1, not %g; for logits use logit:%g"):format(p.value, p.value)
    end
  end,
  select = function(u, p, context)
    if p.on == "logit" then
      if not context.logit then error("threshold 'fixed' on logits: this output has no logits", 0) end
      u = levels.class_map(context.logit, u, context.class)
    end
    return u:gt(levels.single(p.value)), { value = p.value }
  end,
}
