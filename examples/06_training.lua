-- Training: a small U-Net on generated images with a loss of one's own, then what it looks at.
-- usage: fovea examples/06_training.lua [OUT.png]
local fovea = require "fovea"

-- A loss is a function of logits and target: its value, and the gradient with respect to the logits.
local function squared_error(logits, target)
  local p = logits:sigmoid()
  local difference, count = p - target, target:count()
  return (difference * difference):sum() / count, difference * p * (1 - p) * (2 / count)
end

local model = assert(fovea.arch.model("unet", { width = 8, depth = 3 }))
local set = assert(fovea.data.open { phantom = "dermoscopy", count = 32, size = 48 })
local loader = fovea.data.loader(set, { batch = 8, preprocess = model.preprocess, augment = { flip = true } })
local result = assert(fovea.train.fit(model, loader, {
  epochs = 12, loss = squared_error, optimiser = { name = "adam", rate = 0.01 }, schedule = "cosine",
}))
print(("loss %.4f, then %.4f"):format(result.history[1].loss, result.history[12].loss))

local unseen = fovea.phantom.make("dermoscopy", { seed = 1000, size = 48 })
local heat = assert(fovea.explain(model, unseen.image))
print(heat, ("energy inside the lesion: %.2f"):format(heat:energy_inside(unseen.mask)))
assert(fovea.image.write(arg[1] or os.tmpname(), heat:overlay()))
