--- L2, energy pointing or relevance mass: part of the positive map inside the reference (1910.01279, 2003.07258). A
--- uniform map has the part that the reference has of the image; NaN when the map has nothing positive.
local metric = require "fovea.metric"

return {
  name = "energy_inside",
  summary = "part of the positive map inside the reference (L2)",
  parameters = { { name = "reference", default = "target", choices = metric.REFERENCES } },
  compute = function(view, parameters)
    local map, total = view:map(), view:map():sum()
    if total == 0 then return metric.NAN end
    return metric.dot(map, view:reference(parameters.reference)) / total
  end,
}
