--- Binary cross-entropy of each channel, from logits: the mean over all elements.
local core = require "fovea.core"

return {
  doc = "binary cross-entropy of each channel, with the sigmoid of the logits",
  options = {
    { name = "positive", default = 1, min = 0, doc = "weight of the foreground" },
    { name = "weights", kind = "table", doc = "weight of each channel" },
  },
  activation = "sigmoid",
  value = function(logits, target, options)
    return core.train.cross_entropy(logits, target, { positive = options.positive, weights = options.weights })
  end,
}
