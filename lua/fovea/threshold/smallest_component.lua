--- T7: the smallest component of a mask; short for component:smallest.
return {
  name = "smallest_component", id = "T7", doc = "the smallest component of a mask", of = "fixed:0.5",
  alias = { "component", which = "smallest" },
  parameters = { { name = "min_size", default = 1 }, require("fovea.strategy.components").CONNECTIVITY },
}
