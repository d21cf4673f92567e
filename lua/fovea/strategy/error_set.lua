--- T9: where a prediction P and the reference R agree or not. For FN the score is usually small or negative: look at
--- the signed map; "why not this class" is contrast(fn).
local M = {}

--- A definition: pick(prediction, reference) gives the mask.
---@param name string
---@param doc string
---@param pick fun(prediction: fovea.Tensor, reference: fovea.Tensor): fovea.Tensor
---@return table
function M.definition(name, doc, pick)
  return {
    name = name, id = "T9", doc = doc, of = "fixed:0.5", parameters = {},
    select = function(_, _, context, prediction)
      local reference = context.ground_truth
      if not reference then
        error(("threshold '%s' needs the ground truth (option ground_truth, --ground-truth)"):format(name), 0)
      end
      return pick(prediction:ne(0), reference:reshape(prediction:shape()):ne(0))
    end,
  }
end

return M
