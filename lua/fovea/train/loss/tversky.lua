--- Tversky loss (Salehi et al. 2017): Dice with false positives and false negatives weighted apart.
local core = require "fovea.core"

return {
  doc = "Tversky loss, 1 - (TP + smooth) / (TP + alpha FP + beta FN + smooth)",
  options = {
    { name = "alpha", default = 0.3, min = 0, doc = "weight of false positives" },
    { name = "beta", default = 0.7, min = 0, doc = "weight of false negatives" },
    { name = "smooth", default = 1, min = 0, doc = "added above and below" },
    { name = "per_image", default = false, doc = "of each image, then the mean; otherwise sums over the batch" },
    { name = "weights", kind = "table", doc = "weight of each channel; 0 leaves one out" },
  },
  value = function(logits, target, options, activation)
    return core.train.overlap(logits, target, { softmax = activation == "softmax", alpha = options.alpha,
      beta = options.beta, smooth = options.smooth, per_image = options.per_image, weights = options.weights })
  end,
}
