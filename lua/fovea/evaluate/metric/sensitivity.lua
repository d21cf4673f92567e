--- Sensitivity (recall), TP / (TP + FN). NaN when the true mask is empty.
return {
  name = "sensitivity", label = "sensitivity", summary = "part of the true mask that is found, TP / (TP + FN)",
  order = 3,
  compute = function(view)
    local c = view:counts()
    return c.tp / (c.tp + c.fn)
  end,
}
