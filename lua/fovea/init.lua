--- Fovea shows what a medical image segmentation model looks at. This is its public table.
local core = require "fovea.core"
local tensor = require "fovea.tensor"

local M = {}

--- Version of the toolkit, "major.minor.patch".
M.version = core.version()

-- tensors
M.tensor, M.zeros, M.full = tensor.tensor, tensor.zeros, tensor.full
M.uniform, M.normal, M.concat = tensor.uniform, tensor.normal, tensor.concat

-- files
M.npy, M.safetensors, M.json = require "fovea.npy", require "fovea.safetensors", require "fovea.json"

-- targets, maps and pictures
M.threshold, M.cam, M.normalise = require "fovea.threshold", require "fovea.cam", require "fovea.normalise"
M.metric, M.evaluate = require "fovea.metric", require "fovea.evaluate"
M.status, M.preprocess, M.image = require "fovea.status", require "fovea.preprocess", require "fovea.image"
M.colormap, M.panel, M.overlay = require "fovea.colormap", require "fovea.panel", require("fovea.overlay").overlay

-- graphs

--- A new graph; help "Graph" has the rest.
---@type fun(): fovea.Graph
M.graph = require("fovea.graph").new

-- models and explanations
M.load, M.model, M.explain = require("fovea.model").load, require("fovea.model").new, require("fovea.explain").explain
M.explain_all, M.layers = require("fovea.explain").explain_all, require "fovea.layers"
M.perturb = require "fovea.perturb"
M.arch, M.nn = require "fovea.arch", require "fovea.nn"

-- training
M.train = require "fovea.train"

-- at the prompt
M.reload = require("fovea.reload").reload

--- Prints the documentation of something as it stands in the sources.
---@param what any a name ("gradcam", "conv", "Heatmap:overlay"), a function, module or object; nil: where to begin
function M.help(what) require("fovea.help").help(what) end

-- experiments and data
M.data, M.phantom = require "fovea.data", require "fovea.phantom"
M.recipe = require "fovea.recipe"
M.sweep_thresholds = require("fovea.sweep").sweep_thresholds

--- Makes one HTML page and a contact sheet of the results in folders (of fovea explain, run, evaluate).
---@param folders string|string[]
---@param options? { out: string?, sheet: string?, title: string?, limit: integer? } see fovea.report
---@return { page: string, sheet: string?, report: fovea.Report }? made
---@return string? message
function M.report(folders, options)
  return require("fovea.report").make(type(folders) == "string" and { folders } or folders, options)
end

-- time, memory, threads

--- Seconds of a clock that only runs forward.
---@type fun(): number
M.clock = core.clock

--- How many threads are used, after setting it when a number is given.
---@type fun(n?: integer): integer
M.threads = core.threads

--- Bytes held in big buffers: tensors, activations of plans, packed weights.
---@type fun(): integer
M.memory_in_use = core.memory_in_use

--- Bytes by which tensors may grow before garbage is collected; sets them when a number is given and returns what was
--- set before.
---@type fun(bytes?: integer): integer
M.memory_budget = core.memory_budget

return M
