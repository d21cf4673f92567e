--- Entries above mean + k standard deviations (of the population) of the map. A constant map selects nothing.
return {
  name = "mean_sigma", id = "histogram rule", doc = "above mean + k standard deviations",
  parameters = { { name = "k", default = 2.0 } },
  select = function(u, p)
    if u:min() == u:max() then return u:gt(u:max()), { flags = { "CONSTANT" } } end
    local value = u:mean() + p.k * u:std()
    return u:gt(value), { value = value, detail = { mean = u:mean(), sigma = u:std() } }
  end,
}
