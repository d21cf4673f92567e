--- T14: border pattern: +1 just inside and -1 just outside along the border of a mask; the score is the mean over both.
--- What makes the border lie where it lies, instead of what makes the object.
local grid = require "fovea.strategy.grid"

return {
  name = "border", id = "T14", doc = "inside minus outside along the border of a mask", of = "fixed:0.5",
  parameters = {
    { name = "width", default = 1.0, doc = "of each side" },
    { name = "unit", default = "pixels", choices = { "pixels", "mm" }, doc = "pixels, mm" },
  },
  check = function(p)
    if not (p.width > 0 and p.width < math.huge) then return ("width must be above 0, not %g"):format(p.width) end
  end,
  select = function(_, p, context, base)
    local inside = base:reshape(context.shape):ne(0)
    local outside, reach = inside:lnot(), p.width * (1 + 1e-6)
    local inner = grid.distance(outside, p.unit, context):le(reach):land(inside)
    local outer = grid.distance(inside, p.unit, context):le(reach):land(outside)
    return inner + outer, { mean = true, terms = { { weights = inner - outer } } }
  end,
}
