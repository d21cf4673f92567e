--- Nadam (Dozat 2016): Adam with Nesterov's momentum, which grows as mu(t) = beta1 (1 - 0.96^(t d) / 2).
---
--- w = w - rate [(1 - mu(t)) / (1 - P(t)) g + mu(t+1) / (1 - P(t+1)) m] / (sqrt(v') + epsilon), P(t) = mu(1) ... mu(t)
---
--- With d = momentum_decay = 0.004 this is PyTorch's NAdam and the Nadam of Keras 1 and 2 (whose epsilon is 1e-7); from
--- version 2.11 on TensorFlow's Keras, and Keras 3, have d = 1.
local adam = require "fovea.train.optimiser.adam"

local function mu(options, t) return options.beta1 * (1 - 0.5 * 0.96 ^ (t * options.momentum_decay)) end

--- The product of mu(1) to mu(t), always multiplied in this order.
local function product(options, t)
  local value = 1.0
  for i = 1, t do
    value = value * mu(options, i)
    if value < 1e-300 then return 0.0 end
  end
  return value
end

return {
  doc = "Adam with Nesterov's momentum",
  options = {
    { name = "rate", default = 2e-3, min = 0, doc = "learning rate" },
    { name = "beta1", default = 0.9, min = 0, max = 1, doc = "decay of the first moment" },
    { name = "beta2", default = 0.999, min = 0, max = 1, doc = "decay of the second moment" },
    { name = "epsilon", default = 1e-8, min = 0, doc = "added to the root (Keras: 1e-7)" },
    { name = "decay", default = 0, min = 0, doc = "weight decay, added to the gradient" },
    { name = "momentum_decay", default = 4e-3, min = 0, doc = "d: 0.004 as PyTorch and Keras 1 and 2, 1 as Keras 3" },
  },
  slots = adam.slots,
  settings = function(options, at)
    local now, ahead = mu(options, at.step), mu(options, at.step + 1)
    local past, future = product(options, at.step), product(options, at.step + 1)
    return { beta1 = options.beta1, beta2 = options.beta2, epsilon = options.epsilon, scale = at.scale,
      decay = options.decay, rate_g = at.rate * (1 - now) / (1 - past), rate_m = at.rate * ahead / (1 - future),
      root = 1 / math.sqrt(1 - options.beta2 ^ at.step) }
  end,
  update = adam.update,
}
