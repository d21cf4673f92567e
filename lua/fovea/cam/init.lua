--- Methods that turn activations and gradients into a raw map, one per file of this folder, found by name:
---
---     return {
---       name = "gradcam",
---       first_order = true,                        -- linear in the seed: maps of disjoint masks add
---       means = false,                             -- map is sum_k mean(G_k) A_k: plans then take the means
---       map = function(activation, gradient) return raw_map end,
---     }
---
--- activation and gradient are N x C x [D] H x W; the raw map is N x 1 x [D] H x W, signed and not normalised.
local lookup = require "fovea.lookup"

local M = {}

---@class fovea.Method
---@field name string
---@field first_order boolean
---@field means boolean?
---@field map fun(activation: fovea.Tensor, gradient: fovea.Tensor): fovea.Tensor

--- The method of that name; a method table passes through. Raises with the known names when there is none.
---@param name string|fovea.Method
---@return fovea.Method
function M.method(name)
  if type(name) == "table" and type(name.map) == "function" then return name end
  return lookup.load("fovea.cam", name, "cam: unknown method")
end

--- Names of the methods that are there.
---@return string[]
function M.names() return lookup.names "fovea.cam" end

return M
