--- Soft Dice loss: 1 - (2 sum(p t) + smooth) / (sum(p) + sum(t) + smooth), the mean over channels.
local core = require "fovea.core"

return {
  doc = "soft Dice loss, 1 - (2 sum(p t) + smooth) / (sum(p) + sum(t) + smooth)",
  options = {
    { name = "smooth", default = 1, min = 0, doc = "added above and below: empty masks then have loss 0" },
    { name = "per_image", default = false, doc = "of each image, then the mean; otherwise sums over the batch" },
    { name = "weights", kind = "table", doc = "weight of each channel; 0 leaves one out" },
  },
  value = function(logits, target, options, activation)
    return core.train.overlap(logits, target, { softmax = activation == "softmax", smooth = options.smooth / 2,
      per_image = options.per_image, weights = options.weights })
  end,
}
