--- The rate is multiplied by `factor` when the watched metric has not improved for `patience` epochs, as PyTorch's
--- ReduceLROnPlateau with an absolute threshold.
return {
  doc = "the rate times a factor when the metric stops improving",
  options = {
    { name = "factor", default = 0.5, min = 0, max = 1, doc = "of the rate" },
    { name = "patience", default = 5, min = 0, doc = "epochs without improvement that are put up with" },
    { name = "least", default = 1e-4, min = 0, doc = "smallest change that counts as an improvement" },
    { name = "floor", default = 0, min = 0, max = 1, doc = "smallest share of the rate" },
  },
  state = function() return { factor = 1, waited = 0 } end,
  factor = function(_, at) return at.state.factor end,
  --- After an epoch; better(a, b): whether metric a is better than b by more than a margin.
  observe = function(options, state, metric, better)
    if state.best == nil or better(metric, state.best, options.least) then
      state.best, state.waited = metric, 0
      return
    end
    state.waited = state.waited + 1
    if state.waited > options.patience then
      state.factor, state.waited = math.max(options.floor, state.factor * options.factor), 0
    end
  end,
}
