--- T2: pixels where the chosen class has the largest logit of all classes; ties go to the lowest index. With one class
--- this is the probability above 0.5.
return {
  name = "argmax", id = "T2", doc = "where the class wins",
  parameters = {},
  select = function(u, _, context)
    local all = context.logit or context.probability
    if not all then error("threshold 'argmax' needs the logits or probabilities of all classes in its context", 0) end
    if all:count() == u:count() then return u:gt(0.5), { value = 0.5 } end
    return all:argmax(1):eq(context.class)
  end,
}
