--- The rate is multiplied by `factor` every `every` epochs, or at the epochs that are named.
return {
  doc = "the rate times a factor every few epochs, or at named ones",
  options = {
    { name = "every", default = 30, min = 1, doc = "epochs" },
    { name = "at", kind = "table", doc = "epochs after which it happens, instead of `every`" },
    { name = "factor", default = 0.1, min = 0, max = 1, doc = "of the rate" },
  },
  factor = function(options, at)
    local times = (at.epoch - 1) // options.every
    if options.at then
      times = 0
      for _, epoch in ipairs(options.at) do times = times + (at.epoch > epoch and 1 or 0) end
    end
    return options.factor ^ times
  end,
}
