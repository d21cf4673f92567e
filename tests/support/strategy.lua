-- Short ways to write maps and to see what a strategy selects.
local fovea = require "fovea"

local M = {}

--- A map from rows of numbers.
function M.map(rows) return fovea.tensor(rows) end

--- Mask as rows of numbers, and the record.
function M.select(spec, u, context)
  local mask, record = fovea.threshold.apply(spec, u, context)
  return mask:to_table(), record
end

--- The target with its terms.
function M.target(spec, u, context) return fovea.threshold.targets(spec, u, context)[1] end

--- Context of a model with several classes: probabilities and logits from K x H x W logits.
function M.classes(logits, class)
  return { logit = logits, probability = logits:softmax(1), class = class }
end

return M
