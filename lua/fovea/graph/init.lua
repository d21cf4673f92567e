--- Graphs: named nodes made of ops, inputs, parameters and constants. Every op of src/ops/README.md is a method that
--- takes its sources and options in one table and returns a node:
---
---     local g = fovea.graph()
---     local x = g:input(fovea.uniform({ 1, 3, 8, 8 }, { seed = 1 }), { name = "image" })
---     local y = g:relu { g:conv { x, g:param(fovea.normal({ 4, 3, 3, 3 }, { seed = 2 })), pad = 1 } }
---     print(y:value())                 -- computed when asked for
---     g:backward(y)                    -- of the sum of y
---     print(x:grad())
---
--- The module adds methods to the classes fovea.core.Graph, Node and Plan: compositions of ops (fovea.graph.compose),
--- values and gradients for the prompt and for examples (fovea.graph.session), and texts (fovea.graph.dump).
---@class fovea.Graph
---@field param fun(self, tensor: fovea.Tensor, options?: {name: string?}): fovea.Node trained; shared, not copied
---@field constant fun(self, tensor: fovea.Tensor, options?: {name: string?}): fovea.Node
---@field nodes fun(self): fovea.Node[] in order, sources before users
---@field node fun(self, name: string): fovea.Node?
---@field plan fun(self, options: fovea.PlanOptions): fovea.Plan?, string?, string?
---@field [string] fun(self, arguments: table): fovea.Node every op: `{ source, ..., option = value, name = ... }`

---@class fovea.Node
---@field name fun(self): string
---@field rename fun(self, name: string): fovea.Node
---@field shape fun(self): integer[]
---@field kind fun(self): string "input", "parameter", "constant" or the op
---@field id fun(self): integer position in the graph
---@field sources fun(self): fovea.Node[]
---@field tensor fun(self): fovea.Tensor? of a parameter or constant; shares its elements
---@field macs fun(self): number multiply-accumulates of a forward pass
---@field graph fun(self): fovea.Graph
---@field again fun(self, source: fovea.Node, name?: string): fovea.Node the same op on another first source

---@class fovea.PlanOptions
---@field mode? "infer"|"explain"|"train" default "infer"
---@field taps? fovea.Node[] whose activations can be read
---@field seeds? fovea.Node[] where a gradient is put in
---@field gradients? fovea.Node[] whose gradients can be read
---@field means? fovea.Node[] of whose gradients the means over the positions can be read
---@field exact? boolean no Winograd convolutions
---@field precision? "f32"|"bf16" of what convolutions read; bf16 is rough, for previews
---@field memory? integer most bytes of it (fovea.PlanMemory.peak): slower ways that need less are taken; when even the
--- least needs more, the result is nil, message, "memory", and the least

---@class fovea.Plan
---@field set_input fun(self, node: fovea.Node, tensor: fovea.Tensor): fovea.Plan?, string?, string?
---@field set_seed fun(self, node: fovea.Node, tensor: fovea.Tensor): fovea.Plan?, string?, string?
---@field forward fun(self): fovea.Plan?, string?, string?
---@field backward fun(self): fovea.Plan?, string?, string?
---@field value fun(self, node: fovea.Node): fovea.Tensor?, string?, string?
---@field gradient fun(self, node: fovea.Node): fovea.Tensor?, string?, string?
---@field gradient_means fun(self, node: fovea.Node): fovea.Tensor?, fovea.Tensor|string, string? the means of the
--- gradient over the positions, N x C x 1 x 1, and those of its magnitude (or the magnitude of the means, where its
--- users tell the sums)
---@field maps fun(self, node: fovea.Node, weights: fovea.Tensor): fovea.Tensor?, string?, string? the sum over the
--- channels of a tap times weights (Q N C of them, for Q questions): Q N x 1 x spatial
---@field steps fun(self): {phase: string, node: string, op: string, implementation: string, seconds: number}[]
---@field memory fun(self): fovea.PlanMemory
---@field close fun(self) gives the memory back at once instead of at the next collection

--- What a plan takes, in bytes; known before it runs, and touched when it does.
---@class fovea.PlanMemory
---@field arena integer activations and gradients: those that are needed at the same time share it
---@field packed integer weights in the layouts that convolutions want
---@field scratchpad integer
---@field weights integer of the graph, and those that folding made of them that steps read
---@field peak integer the most of all this at a time
---@field segments integer of the network whose activations are computed again for the backward pass; 1: none
---@field exact boolean no Winograd convolutions

local core = require "fovea.core"

local M = {}

local parts = {
  Graph = { require "fovea.graph.compose", require("fovea.graph.session").graph, require("fovea.graph.dump").graph },
  Node = { require("fovea.graph.session").node },
  Plan = { require("fovea.graph.dump").plan },
}
for class, tables in pairs(parts) do
  for _, methods in ipairs(tables) do
    for name, method in pairs(methods) do core[class][name] = method end
  end
end

--- An empty graph.
---@type fun(): fovea.Graph
M.new = core.graph

return M
