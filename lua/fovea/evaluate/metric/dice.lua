--- Dice coefficient, 2 TP / (2 TP + FP + FN), the same as F1. Two empty masks agree: 1. One empty mask: 0.
return {
  name = "dice", label = "Dice", summary = "overlap, 2 TP / (2 TP + FP + FN)", order = 1,
  compute = function(view)
    local c = view:counts()
    return view:both_empty() and 1 or 2 * c.tp / (2 * c.tp + c.fp + c.fn)
  end,
}
