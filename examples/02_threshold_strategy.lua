-- A threshold strategy is a function: the column vector of the class in, a mask out.
-- usage: fovea examples/02_threshold_strategy.lua
package.path = "examples/?.lua;" .. package.path
local fovea = require "fovea"
local scene = require "scene"

local model, image = scene.model(), scene.image()

--- The component of the prediction that is largest.
local function largest_component(u)
  local labels, n = u:gt(0.5):components { connectivity = 8 }
  local best, most = 0, 0
  for i = 1, n do
    local size = labels:eq(i):sum()
    if size > most then best, most = i, size end
  end
  return labels:eq(best)
end

local maps = assert(fovea.explain_all(model, image, {
  layer = "enc2.relu",
  thresholds = { 0.5, "otsu", "quantile:0.99", { name = "largest component", select = largest_component } },
}))
for _, heat in ipairs(maps) do
  print(("%-20s %6d pixels  score %10.2f  map %g .. %g  %s"):format(heat.threshold, heat.count, heat.score.value,
    heat.range.min, heat.range.max, heat.status))
end
