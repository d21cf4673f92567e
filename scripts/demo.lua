--- make demo: the main job on what comes with the project, or on MODEL and IMAGE when those are given.
--- usage: bin/fovea scripts/demo.lua FOLDER [MODEL IMAGE]
package.path = "examples/?.lua;" .. package.path
local fovea = require "fovea"

local folder, model_path, image_path = arg[1], arg[2], arg[3]

local function load()
  if not model_path then
    local scene = require "scene"
    return scene.model(), scene.image(), "spots"
  end
  local model = assert(fovea.load(model_path))
  return model, assert(fovea.image.read(image_path)), (image_path:match "([^/]+)%.%w+$")
end

local model, image, name = load()
assert(require("fovea.cases").make_folder(folder))
print(("model %s: %d parameters; image %dx%d"):format(model.name, (model:size()), image.width, image.height))

local thresholds, methods = { 0.5, "otsu", "quantile:0.99" }, { "gradcam", "hirescam" }
local start = fovea.clock()
local maps = assert(fovea.explain_all(model, image, { thresholds = thresholds, methods = methods }))
print(("%d heat maps from one forward pass in %.2f s"):format(#maps, fovea.clock() - start))
for _, heat in ipairs(maps) do
  print(("  %-24s %-9s %-14s %7d pixels  inside the target %5.1f %%  %s"):format(heat.layer, heat.method,
    heat.threshold, heat.count, 100 * heat:energy_inside(heat:image_mask()), heat.status))
end

local panel = ("%s/%s.png"):format(folder, name)
assert(fovea.image.write(panel, maps[1]:panel()))
local overlays = {}
for i, heat in ipairs(maps) do
  overlays[i] = ("%s/%s.%02d.png"):format(folder, name, i)
  assert(fovea.image.write(overlays[i], heat:overlay { colorbar = true }))
end
print(("open %s (image, target and heat map); %d overlays are beside it"):format(panel, #overlays))
