--- Average symmetric surface distance: the sum of all distances from the surface elements of each mask to the nearest
--- surface element of the other, over their number; surfaces and units as in hd95. Two empty masks: 0. One empty mask:
--- NaN.
return {
  name = "assd", label = "ASSD", summary = "average symmetric surface distance", order = 10, is_distance = true,
  compute = function(view)
    if view:both_empty() then return 0 end
    local surfaces = view:surfaces()
    if not surfaces then return 0 / 0 end
    local a, b = surfaces.to_truth, surfaces.to_prediction
    return (a:sum() + b:sum()) / (a:count() + b:count())
  end,
}
