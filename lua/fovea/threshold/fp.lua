--- T9: false positives, in the prediction and not in the ground truth.
return require("fovea.strategy.error_set").definition("fp", "in the prediction, not in the ground truth",
  function(p, r) return p:land(r:lnot()) end)
