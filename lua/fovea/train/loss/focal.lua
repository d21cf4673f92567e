--- Focal loss (Lin et al. 2017): cross-entropy in which pixels that are right already count little.
local core = require "fovea.core"

return {
  doc = "focal loss, -(1 - p)^gamma log p; the mean over all elements (sigmoid) or pixels (softmax)",
  options = {
    { name = "gamma", default = 2, min = 0, doc = "exponent; 0: cross-entropy" },
    { name = "alpha", default = 0.25, min = 0, max = 1,
      doc = "weight of the foreground, 1 - alpha that of the background (sigmoid only)" },
    { name = "weights", kind = "table", doc = "weight of each channel" },
  },
  value = function(logits, target, options, activation)
    if activation == "softmax" then
      return core.train.cross_entropy(logits, target, { softmax = true, gamma = options.gamma,
        weights = options.weights })
    end
    return core.train.cross_entropy(logits, target, { gamma = options.gamma, positive = options.alpha,
      negative = 1 - options.alpha, weights = options.weights })
  end,
}
