--- Training: networks of fovea.arch, batches from a loader, and files that the rest of the toolkit takes.
---
---     local model = assert(fovea.arch.model("unet", { width = 16 }))
---     local set = assert(fovea.data.open { phantom = "dermoscopy", count = 100, size = 128 })
---     local loader = fovea.data.loader(set, { batch = 8, preprocess = model.preprocess })
---     local result = assert(fovea.train.fit(model, loader, { epochs = 10, loss = "dice_bce", folder = "out" }))
---
---     assert(fovea.train.run("configs/train/unet.yaml"))       -- the same from a recipe, as fovea train does
---
--- Losses, optimisers and schedules are files of fovea.train.loss, .optimiser and .schedule, found by name.
local fit = require "fovea.train.fit"
local lookup = require "fovea.lookup"
local recipe = require "fovea.train.recipe"
local trainer = require "fovea.train.trainer"
local weights = require "fovea.train.weights"

local M = {}

M.fit, M.new, M.write = fit.fit, trainer.new, weights.write
M.run, M.plan = recipe.run, recipe.plan

--- Names of the losses, optimisers or schedules that there are.
---@param kind "loss"|"optimiser"|"schedule"
---@return string[]
function M.names(kind) return lookup.names("fovea.train." .. kind) end

return M
