--- Area under the precision-recall curve as average precision: the sum of (step of recall) x precision over the
--- distinct probabilities, no trapezoids (they are too kind); equal probabilities are one threshold. 1 when the true
--- mask is everything, NaN when it is empty. Chance is the part of the image that the true mask takes.
return {
  name = "auprc", label = "AUPRC", summary = "average precision of the probabilities", order = 8,
  compute = function(view) return (select(2, view:detection())) end,
}
