--- Half a cosine from the rate down to `floor` of it, step by step (Loshchilov and Hutter 2017), after a linear
--- warm-up.
return {
  doc = "half a cosine down to a floor, after a linear warm-up",
  options = {
    { name = "warmup", default = 0, min = 0, doc = "epochs during which the rate grows from 0" },
    { name = "floor", default = 0, min = 0, max = 1, doc = "share of the rate at the end" },
  },
  factor = function(options, at)
    local warm, total = options.warmup * at.steps_per_epoch, at.steps
    if at.step <= warm then return at.step / warm end
    local part = math.min(1, (at.step - 1 - warm) / math.max(1, total - warm))
    return options.floor + (1 - options.floor) * 0.5 * (1 + math.cos(math.pi * part))
  end,
}
