--- Perturbation: how the score of a target changes when parts of the image, or of a layer, are taken away. Batches run
--- through one plan, and only what a change can reach is computed again.
---
---     local engine = assert(fovea.perturb.new(model, image, { threshold = 0.5, baseline = "mean" }))
---     engine:boxes { { at = { 1, 1 }, size = { 16, 16 } } }     -- scores with boxes replaced
---     engine:masks(masks)                                      -- with masks
---     engine:channels("encoder.4", factors)                    -- with channels of a layer scaled
---     print(engine.score, engine.rate.images_per_second)
---
---     fovea.perturb.occlusion(model, image, { window = 16 })   -- a heat map (P1); also rise (P2), score_cam (M12)
---     fovea.perturb.deletion(model, image, map)                -- a curve and its area (F1); insertion (F2)
---     engine:occlusion { window = 16 }                         -- each of them on an engine that is there
local curve = require "fovea.perturb.curve"
local engine = require "fovea.perturb.engine"
local occlusion = require "fovea.perturb.occlusion"
local rise = require "fovea.perturb.rise"
local score_cam = require "fovea.perturb.score_cam"

local M = {}

---@class fovea.PerturbOptions
---@field batch integer? images at once (16, fewer of large images, one for each thread at least); fewer where memory
--- does not suffice
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

---@class fovea.OcclusionOptions: fovea.PerturbOptions
---@field window integer|integer[]|nil size of the windows, one number or one per axis; default: 1/8 of each axis
---@field stride integer|integer[]|nil from window to window; default: half the window. The last ends with the axis

---@class fovea.RiseOptions: fovea.PerturbOptions
---@field masks integer? how many (1000)
---@field cells integer? along each axis (7)
---@field keep number? probability of a cell (0.5)
---@field seed integer? of the masks (1)
---@field centred boolean? the mean score is taken off (true), which the paper does not

---@class fovea.ScoreCamOptions: fovea.PerturbOptions
---@field layer string? default: the bottleneck
---@field channels integer? only so many, those with the largest variance; default: all
---@field weighting "softmax"|"score_increase"|nil of the scores (softmax), or what is added to that of the baseline
---@field temperature number? of the softmax (1)

---@class fovea.CurveOptions: fovea.PerturbOptions score: default "probability"
---@field steps integer? (20)
---@field domain "all"|"context"|"inside"|nil elements that take part: all, outside of the target, inside it

--- Calls a function; what it raises with level 0 is raised in the name of the caller.
local function guarded(f, ...)
  local results = table.pack(pcall(f, ...))
  if not results[1] then error(results[2], 3) end
  return table.unpack(results, 2, results.n)
end

--- An engine for one image.
---@param model fovea.Model
---@param image fovea.Image|fovea.Tensor an image, or a tensor 1 x C x [D] x H x W that is already preprocessed
---@param options? fovea.PerturbOptions
---@return fovea.perturb.Engine? engine
---@return string? message
---@return string? code
function M.new(model, image, options) return guarded(engine.new, model, image, options or {}) end

local OWN = {}
for key in ("window stride masks cells keep seed centred steps domain layer channels weighting temperature")
  :gmatch "%S+" do OWN[key] = true end

--- Runs a method on an engine made for it: options of the method are told from those of the engine.
local function run(method, model, image, options, map)
  local own, others = {}, {}
  for key, value in pairs(options or {}) do (OWN[key] and own or others)[key] = value end
  local made, message, code = engine.new(model, image, others)
  if not made then return nil, message, code end
  if map then return method(made, map, own) end
  return method(made, own)
end

--- Occlusion (P1): the mean fall of the score under the windows that cover a place.
---@param model fovea.Model
---@param image fovea.Image|fovea.Tensor
---@param options? fovea.OcclusionOptions
---@return fovea.Heatmap? map
---@return string? message
---@return string? code
function M.occlusion(model, image, options) return guarded(run, occlusion.map, model, image, options) end

--- RISE (P2): random masks, weighted by their scores.
---@param model fovea.Model
---@param image fovea.Image|fovea.Tensor
---@param options? fovea.RiseOptions
---@return fovea.Heatmap? map
---@return string? message
---@return string? code
function M.rise(model, image, options) return guarded(run, rise.map, model, image, options) end

--- Score-CAM (M12): the channels of a layer, weighted by the score of the input seen through them.
---@param model fovea.Model
---@param image fovea.Image|fovea.Tensor
---@param options? fovea.ScoreCamOptions
---@return fovea.Heatmap? map
---@return string? message
---@return string? code
function M.score_cam(model, image, options) return guarded(run, score_cam.map, model, image, options) end

--- Options of a curve: probabilities are scored unless the caller says otherwise (definitions 9.1).
local function curve_options(options)
  local all = { score = "probability" }
  for key, value in pairs(options or {}) do all[key] = value end
  return all
end

--- Deletion curve (F1) of a map: lower is better.
---@param model fovea.Model
---@param image fovea.Image|fovea.Tensor
---@param map fovea.Tensor|fovea.Heatmap
---@param options? fovea.CurveOptions
---@return fovea.perturb.Curve? curve
---@return string? message
---@return string? code
function M.deletion(model, image, map, options)
  return guarded(run, curve.deletion, model, image, curve_options(options), map)
end

--- Insertion curve (F2) of a map: higher is better.
---@param model fovea.Model
---@param image fovea.Image|fovea.Tensor
---@param map fovea.Tensor|fovea.Heatmap
---@param options? fovea.CurveOptions
---@return fovea.perturb.Curve? curve
---@return string? message
---@return string? code
function M.insertion(model, image, map, options)
  return guarded(run, curve.insertion, model, image, curve_options(options), map)
end

-- the same on an engine that is there, so that several share its plans
engine.Engine.occlusion, engine.Engine.rise, engine.Engine.score_cam = occlusion.map, rise.map, score_cam.map
engine.Engine.deletion, engine.Engine.insertion = curve.deletion, curve.insertion

return M
