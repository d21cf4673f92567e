-- A method is a table with a function of activation and gradient: Grad-CAM with positive weights only.
-- usage: fovea examples/04_own_method.lua
package.path = "examples/?.lua;" .. package.path
local fovea = require "fovea"
local scene = require "scene"

local positive_gradcam = {
  name = "positive_gradcam",
  map = function(activation, gradient)
    local weights = gradient:mean { "height", "width", keep_dims = true }:relu()
    return (activation * weights):sum { "channel", keep_dims = true }
  end,
}

for _, heat in ipairs(assert(fovea.explain_all(scene.model(), scene.image(), {
  layer = "enc2.relu", methods = { "gradcam", positive_gradcam },
}))) do
  print(heat)
end
