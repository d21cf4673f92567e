-- Many questions, one forward pass: all layers, two methods; how much of each map lies on the prediction.
-- usage: fovea examples/03_layer_sweep.lua
package.path = "examples/?.lua;" .. package.path
local fovea = require "fovea"
local scene = require "scene"

local model, image = scene.model(), scene.image()
print(model)
for _, heat in ipairs(assert(fovea.explain_all(model, image, {
  layers = model:layers "*.relu", methods = { "gradcam", "hirescam" },
}))) do
  print(("%-10s %-9s %-16s inside the prediction: %5.1f %%"):format(heat.layer, heat.method, heat.status,
    100 * heat:energy_inside(heat:image_mask())))
end
