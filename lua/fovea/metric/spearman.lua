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

-- Ranks of what several maps are compared with, as long as it lives.
local known = setmetatable({}, { __mode = "k" })

local function ranks_of(view, name)
  local key = name == "probability" and view.heat.probability or nil
  if key and known[key] then return known[key] end
  local control = controls[name](view)
  local ranks = control and control:flatten():ranks()
  if key then known[key] = ranks end
  return ranks
end

return {
  name = "spearman",
  summary = "rank correlation with the probability, the image or a reference (controls of 9.1)",
  parameters = {
    { name = "to", default = "probability", choices = { "probability", "image", "target", "ground_truth" } },
  },
  compute = function(view, parameters)
    local ranks = ranks_of(view, parameters.to)
    return ranks and metric.pearson(view:ranks():flatten(), ranks) or metric.NAN
  end,
}
