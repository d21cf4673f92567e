--- Hausdorff distance at 95 %: the larger of the two directed 95th percentiles (linear interpolation) of the distances
--- from the surface elements of one mask to the nearest surface element of the other, in mm with a spacing, else in
--- pixels. A surface element has a face neighbour outside of its mask; the edge of the image counts as outside. Two
--- empty masks: 0. One empty mask: NaN, there is no distance.
return {
  name = "hd95", label = "HD95", summary = "95 % Hausdorff distance of the surfaces", order = 9, is_distance = true,
  compute = function(view)
    if view:both_empty() then return 0 end
    local surfaces = view:surfaces()
    if not surfaces then return 0 / 0 end
    return math.max(surfaces.to_truth:quantile(0.95), surfaces.to_prediction:quantile(0.95))
  end,
}
