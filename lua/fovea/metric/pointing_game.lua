--- L1, pointing game: 1 when the highest value lies in the reference, or within `tolerance` pixels of it, else 0
--- (1608.00507). Of several highest values the first one counts, with status TIES. A constant map and an empty
--- reference give NaN.
local metric = require "fovea.metric"

return {
  name = "pointing_game",
  summary = "whether the highest value lies in the reference (L1)",
  parameters = {
    { name = "reference", default = "target", choices = metric.REFERENCES },
    { name = "tolerance", default = 0 },
  },
  compute = function(view, parameters)
    local map, reference = view:map(), view:reference(parameters.reference)
    local highest = map:max()
    if highest == map:min() or reference:sum() == 0 then return metric.NAN, "TIES" end
    local status = map:eq(highest):sum() > 1 and "TIES" or nil
    local near = parameters.tolerance > 0 and reference:distance():le(parameters.tolerance) or reference
    return near:flatten():get((map:argmax())), status
  end,
}
