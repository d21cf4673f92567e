-- What happens when parts of an image are taken away: an occlusion map, and how well two maps say which parts count.
-- usage: fovea examples/07_perturbation.lua
package.path = "examples/?.lua;" .. package.path
local fovea = require "fovea"
local scene = require "scene"
local model, image = scene.model(), scene.image()

-- One engine for one image and target: all that follows shares it.
local engine = assert(fovea.perturb.new(model, image, { threshold = 0.5, score = "probability", baseline = "mean" }))

-- Windows in a grid. Only what a window can reach is computed again.
local occlusion = assert(engine:occlusion { window = 16, stride = 8 })
print(occlusion)
print(("%d windows, %.0f %% of the work of whole passes"):format(engine.rate.images, 100 * engine.rate.share))

-- Deletion: the score should fall soon when a good map says what goes first.
local gradcam = assert(fovea.explain(model, image, { layer = "enc2.relu" }))
for _, heat in ipairs { occlusion, gradcam } do
  local curve = assert(engine:deletion(heat, { steps = 10 }))
  local other = assert(engine:insertion(heat, { steps = 10 }))
  print(("%-10s deletion %.3f, insertion %.3f"):format(heat.method, curve.auc, other.auc))
end

-- Channels of an inner layer, taken away one at a time; only what comes after the layer runs.
local channels = model:layer("enc2.relu").shape[2]
local factors = assert(fovea.full({ channels, channels }, 1))
for k = 1, channels do factors:set(k, k, 0) end
for k, score in ipairs(assert(engine:channels("enc2.relu", factors))) do
  print(("without channel %d of enc2.relu: %+.3f"):format(k, score - engine.score))
end
