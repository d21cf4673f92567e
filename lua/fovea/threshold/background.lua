--- T15: the background. With one class: v = -z on {y <= tau}. With several: the background's own class on
--- {y_b >= 1 - tau}, which is the same for two classes.
local levels = require "fovea.strategy.levels"

return {
  name = "background", id = "T15", doc = "what speaks against any object",
  parameters = {
    { name = "tau", default = 0.5, doc = "largest probability of an object" },
    { name = "class", default = 1, doc = "the background's, of several" },
  },
  check = function(p)
    if not (p.tau >= 0 and p.tau <= 1) then return ("tau lies in 0..1, not %g"):format(p.tau) end
    if p.class < 1 or p.class ~= math.floor(p.class) then return ("class counts from 1, not %g"):format(p.class) end
  end,
  select = function(u, p, context)
    local all = context.probability
    local classes = all and all:shape()[1] or 1
    if classes == 1 then
      local mask = u:le(levels.single(p.tau))
      return mask, { value = p.tau, terms = { { weights = -mask } } }
    end
    local class = math.tointeger(p.class)
    if class > classes then
      error(("threshold 'background': class %d of %d does not exist"):format(class, classes), 0)
    end
    local mask = levels.class_map(all, u, class):ge(levels.single(1 - p.tau))
    return mask, { value = p.tau, terms = { { weights = mask, class = class } } }
  end,
}
