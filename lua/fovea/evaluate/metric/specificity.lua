--- Specificity, TN / (TN + FP). NaN when the true mask is everything (no negatives).
return {
  name = "specificity", label = "specificity", summary = "part of the background left alone, TN / (TN + FP)", order = 4,
  compute = function(view)
    local c = view:counts()
    return c.tn / (c.tn + c.fp)
  end,
}
