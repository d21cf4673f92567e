--- AdamW (Loshchilov and Hutter 2019), as PyTorch defines it: Adam, with weights that shrink by rate x decay beside the
--- step instead of a decay in the gradient.
local adam = require "fovea.train.optimiser.adam"

return {
  doc = "Adam with decoupled weight decay",
  options = {
    { name = "rate", default = 1e-3, min = 0, doc = "learning rate" },
    { name = "beta1", default = 0.9, min = 0, max = 1, doc = "decay of the first moment" },
    { name = "beta2", default = 0.999, min = 0, max = 1, doc = "decay of the second moment" },
    { name = "epsilon", default = 1e-8, min = 0, doc = "added to the root" },
    { name = "decay", default = 0.01, min = 0, doc = "weight decay" },
  },
  slots = adam.slots,
  settings = function(options, at)
    return { beta1 = options.beta1, beta2 = options.beta2, epsilon = options.epsilon, scale = at.scale,
      keep = 1 - at.rate * options.decay, rate_m = at.rate / (1 - options.beta1 ^ at.step),
      root = 1 / math.sqrt(1 - options.beta2 ^ at.step) }
  end,
  update = adam.update,
}
