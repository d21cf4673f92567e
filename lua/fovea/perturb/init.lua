--- Perturbation: how the score of a target changes when parts of the image, or of a layer, are taken away. Batches run
--- through one plan, and only what a change can reach is computed again.
---
---     local engine = assert(fovea.perturb.new(model, image, { threshold = 0.5, baseline = "mean" }))
---     engine:boxes { { at = { 1, 1 }, size = { 16, 16 } } }     -- scores with boxes replaced
---     engine:masks(masks)                                      -- with masks
---     engine:channels("encoder.4", factors)                    -- with channels of a layer scaled
---     print(engine.score, engine.rate.images_per_second)
---
---     fovea.perturb.occlusion(model, image, { window = 16 })   -- a heat map (P1); rise (P2) is another
---     fovea.perturb.deletion(model, image, map)                -- a curve and its area (F1); insertion (F2)
local engine = require "fovea.perturb.engine"

local M = {}

---@class fovea.PerturbOptions
---@field batch integer? images at once (16, fewer of large images); fewer where memory does not suffice
---@field memory string|integer|nil the most it may take, as for fovea.load: "2G"; default: as the model says
---@field baseline number|string|fovea.Tensor|nil what replaces parts of the input: a number (0, after preprocessing),
--- "mean" of each channel, "blur" or "blur:SIGMA", or a tensor
---@field threshold any strategy on the unchanged image that picks what is scored (0.5); it stays the same throughout
---@field weights fovea.Tensor? instead: a factor for each logit
---@field score "logit"|"probability"|nil default "logit"
---@field reduction "sum"|"mean"|nil default "mean"
---@field output string|integer|nil as for fovea.explain, like class, activation, preprocess, ground_truth,
--- ground_truth_label, spacing and exact
---@field class integer?
---@field reuse boolean? false: whole passes only

--- An engine for one image.
---@param model fovea.Model
---@param image fovea.Image|fovea.Tensor an image, or a tensor 1 x C x [D] x H x W that is already preprocessed
---@param options? fovea.PerturbOptions
---@return fovea.perturb.Engine? engine
---@return string? message
---@return string? code
function M.new(model, image, options)
  local results = table.pack(pcall(engine.new, model, image, options or {}))
  if not results[1] then error(results[2], 2) end
  return table.unpack(results, 2, results.n)
end

return M
