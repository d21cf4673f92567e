--- Soft Dice loss plus cross-entropy (binary, or of classes with a softmax), each with a factor.
local core = require "fovea.core"
local dice = require "fovea.train.loss.dice"

return {
  doc = "dice x the soft Dice loss + bce x the cross-entropy",
  options = {
    { name = "dice", default = 1, min = 0, doc = "factor of the Dice loss" },
    { name = "bce", default = 1, min = 0, doc = "factor of the cross-entropy" },
    { name = "positive", default = 1, min = 0, doc = "weight of the foreground in the cross-entropy (sigmoid only)" },
    { name = "smooth", default = 1, min = 0, doc = "of the Dice loss" },
    { name = "per_image", default = false, doc = "of the Dice loss: of each image, or over the batch" },
    { name = "weights", kind = "table", doc = "weight of each channel" },
  },
  value = function(logits, target, options, activation)
    local softmax = activation == "softmax"
    local overlap, slope = dice.value(logits, target, options, activation)
    local entropy, more = core.train.cross_entropy(logits, target,
      { softmax = softmax, positive = softmax and 1 or options.positive, weights = options.weights })
    return options.dice * overlap + options.bce * entropy, slope * options.dice + more * options.bce
  end,
}
