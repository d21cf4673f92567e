--- The rate stays as it is, after a linear warm-up if one is asked for.
return {
  doc = "the same rate all the time",
  options = { { name = "warmup", default = 0, min = 0, doc = "epochs during which the rate grows from 0" } },
  factor = function(options, at)
    local warm = options.warmup * at.steps_per_epoch
    return at.step <= warm and at.step / warm or 1
  end,
}
