--- L3, energy inside the reference over what a uniform map would have there (1910.09840): 1 is chance. NaN when the map
--- has nothing positive or the reference is empty.
local metric = require "fovea.metric"

return {
  name = "energy_lift",
  summary = "energy inside the reference over that of a uniform map (L3)",
  parameters = { { name = "reference", default = "target", choices = metric.REFERENCES } },
  compute = function(view, parameters)
    local map, reference = view:map(), view:reference(parameters.reference)
    local total, size = map:sum(), reference:sum()
    if total == 0 or size == 0 then return metric.NAN end
    return metric.dot(map, reference) / total * (reference:count() / size)
  end,
}
