-- The engine on its own: a graph, a forward and a backward pass, gradients of any node.
-- usage: fovea examples/05_autodiff.lua
local fovea = require "fovea"

local g = fovea.graph()
local x = g:input({ 1, 3, 8, 8 }, { name = "x" })
local w = g:param(fovea.uniform({ 4, 3, 3, 3 }, { seed = 1, min = -0.3, max = 0.3 }), { name = "w" })
local y = g:sigmoid { g:conv { x, w, pad = 1, name = "conv" }, name = "y" }

local plan = assert(g:plan { mode = "explain", taps = { y }, seeds = { y }, gradients = { x, w } })
plan:set_input(x, fovea.uniform({ 1, 3, 8, 8 }, { seed = 2 }))
plan:forward()
plan:set_seed(y, fovea.full({ 1, 4, 8, 8 }, 1))
plan:backward()
print("y", plan:value(y))
print("dS/dw", plan:gradient(w))
print("largest |dS/dx|", plan:gradient(x):abs():max())
