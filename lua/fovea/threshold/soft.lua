--- T12: all entries with a weight that rises from 0 to 1 around tau: w = sigmoid((u - tau) / temperature). The weights
--- are frozen: the gradient does not pass through them.
return {
  name = "soft", id = "T12", doc = "weights sigmoid((u - tau) / temperature)",
  parameters = { { name = "tau", default = 0.5 }, { name = "temperature", default = 0.1 } },
  check = function(p)
    if not (p.temperature > 0) then return ("temperature must be above 0, not %g"):format(p.temperature) end
    if p.tau ~= p.tau then return "tau is not a number" end
  end,
  select = function(u, p) return ((u - p.tau) / p.temperature):sigmoid(), { value = p.tau } end,
}
