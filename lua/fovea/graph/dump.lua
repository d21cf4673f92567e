--- Graphs and plans as text.
local summary = require "fovea.summary"

---@class fovea.Graph
local Graph = {}
---@class fovea.Plan
local Plan = {}
local M = { graph = Graph, plan = Plan }

local function shape_text(shape) return #shape == 0 and "scalar" or table.concat(shape, "x") end

--- One line per node: number, name, kind, shape, sources.
---@return string
function Graph:dump()
  local rows = { { "", "node", "kind", "shape", "sources" } }
  for i, node in ipairs(self:nodes()) do
    local sources = {}
    for k, source in ipairs(node:sources()) do sources[k] = source:name() end
    rows[i + 1] = { tostring(i), node:name(), node:kind(), shape_text(node:shape()), table.concat(sources, " ") }
  end
  return summary.columns(rows, { true })
end

--- One line per step: phase, node, op, implementation, shape, milliseconds of the last run; then memory in MiB.
---@return string
function Plan:dump()
  local rows, total = { { "phase", "node", "op", "implementation", "shape", "ms" } }, 0
  for i, step in ipairs(self:steps()) do
    rows[i + 1] = { step.phase, step.node, step.op, step.implementation, shape_text(step.shape),
      ("%.3f"):format(1e3 * step.seconds) }
    total = total + step.seconds
  end
  local memory, mebi = self:memory(), 1 / (1 << 20)
  return ("%s\n%d steps, %.3f ms; MiB: %.2f activations and gradients, %.2f packed weights, %.2f scratchpad"):format(
    summary.columns(rows, { [6] = true }), #rows - 1, 1e3 * total, memory.arena * mebi, memory.packed * mebi,
    memory.scratchpad * mebi)
end

return M
