--- Spearman's rank correlation of the positive map with a control (definitions 9.1): the predicted probability, the
--- brightness of the image, or a reference mask. A map that only repeats the control comes near 1. Mid-ranks for ties;
--- NaN when one of them is constant.
local metric = require "fovea.metric"

local controls = {
  probability = function(view) return view:probability() end,
  image = function(view) return view.heat.image and view.heat.image:with_channels(1) end,
  target = function(view) return view:reference "target" end,
  ground_truth = function(view) return view:reference "ground_truth" end,
}

return {
  name = "spearman",
  summary = "rank correlation with the probability, the image or a reference (controls of 9.1)",
  parameters = {
    { name = "to", default = "probability", choices = { "probability", "image", "target", "ground_truth" } },
  },
  compute = function(view, parameters)
    local control = controls[parameters.to](view)
    if not control then return metric.NAN end
    return metric.pearson(view:ranks():flatten(), control:flatten():ranks())
  end,
}
