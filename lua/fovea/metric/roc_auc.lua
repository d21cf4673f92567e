--- L6, area under the ROC curve of the map as a detector of the reference, by Mann and Whitney with one half for ties:
--- 0.5 is chance. NaN when the reference is empty or everything.
local metric = require "fovea.metric"

return {
  name = "roc_auc",
  summary = "area under the ROC curve against the reference (L6)",
  parameters = { { name = "reference", default = "target", choices = metric.REFERENCES } },
  compute = function(view, parameters)
    local reference = view:reference(parameters.reference)
    local inside, n = reference:sum(), reference:count()
    if inside == 0 or inside == n then return metric.NAN end
    local rank_sum = metric.dot(view:ranks(), reference)
    return (rank_sum - inside * (inside + 1) / 2) / (inside * (n - inside))
  end,
}
