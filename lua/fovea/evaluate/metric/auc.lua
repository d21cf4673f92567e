--- Area under the ROC curve of the probabilities over all thresholds (Mann and Whitney, ties one half). NaN when the
--- true mask is empty or everything.
return {
  name = "auc", label = "AUC", summary = "area under the ROC curve of the probabilities", order = 7,
  compute = function(view) return (view:detection()) end,
}
