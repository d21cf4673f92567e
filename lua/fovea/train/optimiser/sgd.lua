--- Stochastic gradient descent with momentum, as PyTorch defines it: m = momentum m + g, w = w - rate m; with Nesterov
--- w = w - rate (g + momentum m).
local core = require "fovea.core"

return {
  doc = "stochastic gradient descent with momentum",
  options = {
    { name = "rate", default = 0.01, min = 0, doc = "learning rate" },
    { name = "momentum", default = 0.9, min = 0, max = 1, doc = "0: none" },
    { name = "nesterov", default = false, doc = "looks one step ahead" },
    { name = "decay", default = 0, min = 0, doc = "weight decay, added to the gradient" },
  },
  slots = function(options) return options.momentum > 0 and { "momentum" } or {} end,
  settings = function(options, at)
    return { rate = at.rate, momentum = options.momentum, nesterov = options.nesterov and options.momentum > 0,
      decay = options.decay, scale = at.scale }
  end,
  update = function(weights, gradient, slots, settings)
    return core.train.sgd(weights, gradient, slots.momentum, settings)
  end,
}
