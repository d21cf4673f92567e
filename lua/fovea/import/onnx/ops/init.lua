--- Operator name -> function(c) that lowers one node and returns its output values. One file per topic.
local M = {}

local topics = {
  "conv", "norm", "activation", "arithmetic", "reduce", "matmul", "shape", "move", "sequence", "resize",
}

for _, topic in ipairs(topics) do
  for name, lower in pairs(require("fovea.import.onnx.ops." .. topic)) do M[name] = lower end
end
for name, lower in pairs(require("fovea.import.onnx.ops.constant").ops) do M[name] = lower end

--- A branch is chosen when the graph is built: its condition must be known by then.
---@param c fovea.onnx.Context
function M.If(c)
  local condition = c:optional(1)
  if not condition or condition.kind ~= "ints" or #condition.ints ~= 1 then
    c:fail("a branch that depends on activations is not supported")
  end
  local branch = c:attr(condition.ints[1] ~= 0 and "then_branch" or "else_branch")
  if not branch or not branch.nodes then c:fail("the branch is missing") end
  return table.unpack(c:run_branch(branch))
end

return M
