--- Statuses of a heat map: never a silent blank (definitions 8.2, 8.3). A map has one main status and a list of all
--- that apply; "OK" stands alone.
local M = {}

--- All statuses, the gravest first: the first one that applies is the main status.
M.order = {
  "NONFINITE", "EMPTY_TARGET", "ZERO_GRAD", "SATURATED", "ALL_NONPOSITIVE", "CONSTANT", "TAUTOLOGY", "ROUGH", "TIES",
  "OK",
}

--- One line for users on what each status means and what helps.
M.explanation = {
  NONFINITE = "a NaN or an infinity in the input, the activations, the gradients or the score: no map",
  EMPTY_TARGET = "the threshold selects no pixel, so there is nothing to explain: lower it, or choose another class",
  ZERO_GRAD = "the gradient at this layer is zero everywhere: the score does not depend on the layer",
  SATURATED = "the probabilities of the selected pixels are so close to 0 or 1 that their gradient vanishes: "
    .. "use the logit score",
  ALL_NONPOSITIVE = "the map has no positive value, so the displayed map is blank: look at the signed map",
  CONSTANT = "all values are equal: there is nothing to stretch or to split",
  TAUTOLOGY = "the layer is the input of the head: it repeats the logits; choose an earlier layer",
  ROUGH = "made with bfloat16, a preview: how far it is off is in the record (precision)",
  TIES = "equal values at the cut: which of them were selected follows from their order",
  OK = "nothing unusual",
}

local rank = {}
for i, name in ipairs(M.order) do rank[name] = i end

--- The main status of several, and all of them once, the gravest first.
---@param statuses string[] names from `order`; "OK" is ignored beside others
---@return string main
---@return string[] all
function M.summary(statuses)
  local seen, all = {}, {}
  for _, name in ipairs(statuses) do
    if not rank[name] then error(("status: unknown status '%s'"):format(tostring(name)), 2) end
    if name ~= "OK" and not seen[name] then all[#all + 1] = name end
    seen[name] = true
  end
  table.sort(all, function(a, b) return rank[a] < rank[b] end)
  if #all == 0 then all[1] = "OK" end
  return all[1], all
end

return M
