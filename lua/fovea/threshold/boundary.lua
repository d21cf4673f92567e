--- T10: the band around the boundary of a mask: all within r of a member that has a face neighbour outside (the edge of
--- the grid is none); inside, outside or on both sides; r in pixels (voxels) or mm.
local grid = require "fovea.strategy.grid"

return {
  name = "boundary", id = "T10", doc = "a band around the boundary of a mask", of = "fixed:0.5",
  parameters = {
    { name = "r", default = 1.0, doc = "width to each side" },
    { name = "side", default = "both", choices = { "both", "inner", "outer" }, doc = "both, inner, outer" },
    { name = "unit", default = "pixels", choices = { "pixels", "mm" }, doc = "pixels, mm" },
  },
  check = function(p)
    if not (p.r >= 0 and p.r < math.huge) then return ("r must not be below 0, not %g"):format(p.r) end
  end,
  select = function(_, p, context, base)
    local boundary = grid.boundary(base:reshape(context.shape))
    if boundary:max() == 0 then return base * 0 end
    local band = grid.distance(boundary, p.unit, context):le(p.r * (1 + 1e-6))
    local inside = base:reshape(context.shape):ne(0)
    if p.side == "inner" then band = band:land(inside) end
    if p.side == "outer" then band = band:land(inside:lnot()) end
    return band
  end,
}
