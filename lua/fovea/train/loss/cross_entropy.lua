--- Cross-entropy of classes that exclude each other, from logits: the mean over the pixels, weighted by class.
local core = require "fovea.core"

return {
  doc = "cross-entropy of classes that exclude each other, with the softmax of the logits",
  options = { { name = "weights", kind = "table", doc = "weight of each class" } },
  activation = "softmax",
  value = function(logits, target, options)
    return core.train.cross_entropy(logits, target, { softmax = true, weights = options.weights })
  end,
}
