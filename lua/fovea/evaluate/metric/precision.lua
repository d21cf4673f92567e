--- Precision (positive predictive value), TP / (TP + FP). NaN when nothing is predicted.
return {
  name = "precision", label = "precision", summary = "part of the prediction that is right, TP / (TP + FP)", order = 5,
  compute = function(view)
    local c = view:counts()
    return c.tp / (c.tp + c.fp)
  end,
}
