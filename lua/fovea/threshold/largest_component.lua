--- T7: the largest component of a mask; short for component:largest.
return {
  name = "largest_component", id = "T7", doc = "the largest component of a mask", of = "fixed:0.5",
  alias = { "component", which = "largest" },
  parameters = { { name = "min_size", default = 1 }, require("fovea.strategy.components").CONNECTIVITY },
}
