--- Adam (Kingma and Ba 2015), as PyTorch and Keras define it: w = w - rate m' / (sqrt(v') + epsilon), m' and v' being
--- the moments corrected for their start at 0.
local core = require "fovea.core"

return {
  doc = "Adam",
  options = {
    { name = "rate", default = 1e-3, min = 0, doc = "learning rate" },
    { name = "beta1", default = 0.9, min = 0, max = 1, doc = "decay of the first moment" },
    { name = "beta2", default = 0.999, min = 0, max = 1, doc = "decay of the second moment" },
    { name = "epsilon", default = 1e-8, min = 0, doc = "added to the root (Keras: 1e-7)" },
    { name = "decay", default = 0, min = 0, doc = "weight decay, added to the gradient" },
  },
  slots = function() return { "mean", "square" } end,
  settings = function(options, at)
    return { beta1 = options.beta1, beta2 = options.beta2, epsilon = options.epsilon, scale = at.scale,
      decay = options.decay, rate_m = at.rate / (1 - options.beta1 ^ at.step),
      root = 1 / math.sqrt(1 - options.beta2 ^ at.step) }
  end,
  update = function(weights, gradient, slots, settings)
    return core.train.adam(weights, gradient, slots.mean, slots.square, settings)
  end,
}
