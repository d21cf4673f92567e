--- T11: why this class and not another, on the pixels of a base mask: S = sum of z_c - z_d, or of z_c minus the
--- log-sum-exp of all other classes (against = 0). Adding a constant to all logits of a pixel changes nothing.
return {
  name = "contrast", id = "T11", doc = "the class against another (0: against all others) on a mask", of = "fixed:0.5",
  parameters = { { name = "against", default = 0, doc = "class from 1; 0: all others" } },
  check = function(p)
    if p.against < 0 or p.against ~= math.floor(p.against) then
      return ("against is a class from 1, or 0, not %g"):format(p.against)
    end
  end,
  select = function(_, p, context, base)
    local all = context.logit or context.probability
    local classes, against = all and all:shape()[1] or 1, math.tointeger(p.against)
    if classes < 2 then error("threshold 'contrast' needs a model with several classes", 0) end
    if against == context.class then
      error(("threshold 'contrast': class %d cannot be compared with itself"):format(against), 0)
    end
    if against == 0 then return base, { terms = { { weights = base, against = "others" } } } end
    return base, { terms = { { weights = base }, { weights = -base, class = against } } }
  end,
}
