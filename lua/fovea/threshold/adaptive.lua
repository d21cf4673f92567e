--- Entries above the mean of the window around them, plus an offset. At the edge the window holds what is there.
return {
  name = "adaptive", id = "histogram rule", doc = "above the local mean + offset",
  parameters = {
    { name = "size", default = 51, doc = "side of the window, odd" },
    { name = "offset", default = 0.05, doc = "above the local mean" },
  },
  check = function(p)
    if p.size < 1 or p.size % 2 ~= 1 then return ("size must be an odd whole number, not %g"):format(p.size) end
    if p.offset ~= p.offset then return "offset is not a number" end
  end,
  select = function(u, p, context)
    return u:gt(u:local_mean(math.tointeger(p.size), math.min(3, #context.shape)) + p.offset)
  end,
}
