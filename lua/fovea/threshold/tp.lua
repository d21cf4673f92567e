--- T9: true positives, in the prediction and in the ground truth.
return require("fovea.strategy.error_set").definition("tp", "in the prediction and in the ground truth",
  function(p, r) return p:land(r) end)
