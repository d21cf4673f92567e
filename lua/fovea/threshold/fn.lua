--- T9: false negatives, in the ground truth and not in the prediction.
return require("fovea.strategy.error_set").definition("fn", "in the ground truth, not in the prediction",
  function(p, r) return p:lnot():land(r) end)
