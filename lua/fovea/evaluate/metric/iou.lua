--- Intersection over union (Jaccard index), TP / (TP + FP + FN). Two empty masks agree: 1. One empty mask: 0.
return {
  name = "iou", label = "IoU", summary = "intersection over union, TP / (TP + FP + FN)", order = 2,
  compute = function(view)
    local c = view:counts()
    return view:both_empty() and 1 or c.tp / (c.tp + c.fp + c.fn)
  end,
}
