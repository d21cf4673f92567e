--- Accuracy, (TP + TN) / all elements that count. NaN when none does (an empty field of view). Small structures hardly
--- matter to it.
return {
  name = "accuracy", label = "accuracy", summary = "part of the elements that are right, (TP + TN) / n", order = 6,
  compute = function(view)
    local c = view:counts()
    return (c.tp + c.tn) / c.n
  end,
}
