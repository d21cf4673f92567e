--- The engine of perturbation methods: scores of many changed inputs, or changed layers, of one image. Batches run
--- through one plan; of boxes and layers only what the change can reach is computed.
local baseline = require "fovea.perturb.baseline"
local budget = require "fovea.budget"
local bytes = require "fovea.bytes"
local core = require "fovea.core"
local jobs = require "fovea.job"
local lookup = require "fovea.lookup"
local output = require "fovea.output"
local suffixes = require "fovea.perturb.suffix"
local targets = require "fovea.target"
local threshold = require "fovea.threshold"
local wholes = require "fovea.perturb.whole"
local windows = require "fovea.perturb.windows"

local M = {}

---@class fovea.perturb.Engine
---@field input fovea.Tensor 1 x C x [D] x H x W
---@field baseline fovea.Tensor of the same shape
---@field job table what is explained, as fovea.explain has it
---@field target fovea.Target
---@field score number of the unchanged input
---@field output fovea.Output
---@field rate { images: integer, seconds: number, images_per_second: number, batch: integer, share: number }? of the
--- last call: share is the work done in parts of that of whole passes
local Engine = {}
Engine.__index = Engine

local OPTIONS = { "batch", "memory", "baseline", "reuse", "weights", "threshold", "score", "reduction", "output",
  "class", "activation", "preprocess", "ground_truth", "ground_truth_label", "spacing", "exact" }

-- Batches as large as pay: beyond so many positions of the input nothing is gained but memory lost. Each thread gets an
-- image.
local POSITIONS, MOST = 1 << 18, 16

local function default_batch(input)
  local n = 1
  for axis = 3, input:rank() do n = n * input:shape()[axis] end
  return math.max(core.threads(), math.min(MOST, POSITIONS // n))
end

--- The forward pass of the unchanged input, and what is scored.
local function read_scores(engine, model)
  local job, options = engine.job, engine.job.options
  local instance, message, code = model:at(job.input:shape())
  if not instance then return nil, message, code end
  job.output = model:output(instance, options.output)
  job.activation = output.activation(job.output, options.activation)
  local plan, why, kind = engine:plan(instance, { taps = { job.output.logits } })
  if not plan then return nil, why, kind end
  local ran, reason, failure = model:run(instance, plan, job.input)
  if not ran then return nil, reason, failure end
  job.logits = assert(plan:value(job.output.logits))
  plan:close()
  job.probabilities = output.probabilities(job.logits, job.activation)
  job.class = targets.class(job.probabilities, options.class)
  job.context = targets.context(job)
  job.class_map = job.probabilities:select(2, job.class):reshape(job.context.shape)
  engine.instance, engine.output = instance, job.output
  return true
end

--- A target that is a weight for each logit.
local function weighted(weights, logits)
  local terms, classes = {}, logits:shape()[2]
  if weights:count() ~= logits:count() then
    error(("perturb: the weights are %s, the logits %s"):format(table.concat(weights:shape(), "x"),
      table.concat(logits:shape(), "x")), 0)
  end
  weights = weights:reshape(logits:shape())
  for class = 1, classes do terms[class] = { class = class, weights = weights:select(2, class):copy() } end
  return { terms = terms, mask = weights:ne(0),
    record = { spec = "weights", count = weights:count_nonzero(), flags = {} } }
end

local function choose_target(engine)
  local job, options = engine.job, engine.job.options
  if options.weights then return weighted(options.weights, job.logits) end
  local found = targets.targets(job, threshold.parse(options.threshold == nil and 0.5 or options.threshold))
  if #found ~= 1 then
    error(("perturb: the strategy gives %d targets; one at a time is scored"):format(#found), 0)
  end
  return found[1]
end

local function new_engine(model, image, options)
  lookup.check_keys(options, OPTIONS, "perturb", -2)
  local job = { options = options, score = jobs.one_of(options.score or "logit", { "logit", "probability" }, "score"),
    reduction = jobs.one_of(options.reduction or "mean", { "sum", "mean" }, "reduction") }
  local engine = setmetatable({ model = model, job = job, reuse = options.reuse ~= false, exact = options.exact },
    Engine)
  local memory = options.memory or model.memory
  engine.memory = memory and bytes.parse(memory, "memory", 0)
  if engine.exact == nil then engine.exact = model.exact end
  if options.batch and (math.type(options.batch) ~= "integer" or options.batch < 1) then
    error(("perturb: option 'batch' must be a positive integer, not %s"):format(tostring(options.batch)), 0)
  end
  local truth, complaint, kind = targets.read_truth(options.ground_truth, options.ground_truth_label)
  if truth == nil then return nil, complaint, kind end
  job.truth = truth
  local ok, message, code = jobs.read_input(job, model, image)
  if ok then ok, message, code = read_scores(engine, model) end
  if not ok then return nil, message, code end
  engine.input, engine.target = job.input, choose_target(engine)
  engine.batch = options.batch or default_batch(job.input)
  engine.baseline = baseline.make(job.input, options.baseline)
  engine.score = targets.scores(job, engine.target, job.logits)[1].value
  return engine
end

M.Engine = Engine

--- Opens an engine on one image; misuse raises with level 0. See fovea.perturb.new.
M.new = new_engine

--- A plan within the memory that is allowed.
---@param made { graph: fovea.Graph, input: fovea.Node }
---@param spec table of graph:plan
---@return fovea.Plan? plan
---@return string? message
---@return string? code
function Engine:plan(made, spec)
  spec.exact, spec.mode = self.exact, "infer"
  local plan, message, code = budget.plan(self.model, made, spec, self.memory)
  if not plan then return nil, ("%s: %s"):format(self.model.path, message), code end
  return plan
end

--- Values of nodes for the unchanged input.
---@param made { graph: fovea.Graph, input: fovea.Node } of one image
---@param nodes fovea.Node[]
---@return fovea.Tensor[]? values
---@return string? message
---@return string? code
function Engine:values(made, nodes)
  local plan, message, code = self:plan(made, { taps = nodes })
  if not plan then return nil, message, code end
  local ok, why, kind = plan:set_input(made.input, self.input)
  if ok then ok, why, kind = plan:forward() end
  if not ok then return nil, why, kind end
  local values = {}
  for i, node in ipairs(nodes) do values[i] = assert(plan:value(node)) end
  plan:close()
  return values
end

--- The model for a batch; a network that was written for one image has none.
---@param batch integer
---@return fovea.Instance? several
---@return string? message
---@return string? code
function Engine:batched(batch)
  local shape = self.input:shape()
  shape[1] = batch
  local built, several, message, code = pcall(self.model.at, self.model, shape)
  if not built then return nil, several, "unsupported" end
  if not several then return nil, message, code end
  if #several.graph:nodes() ~= #self.instance.graph:nodes() then
    return nil, ("%s: the network for a batch is another one"):format(self.model.path), "unsupported"
  end
  return several
end

--- The scored node of another instance.
---@param instance fovea.Instance
---@return fovea.Node
function Engine:logits_of(instance) return self.model:output(instance, self.job.options.output).logits end

--- Adds the scores of a batch of logits.
local function add_scores(engine, logits, scores)
  for _, found in ipairs(targets.scores(engine.job, engine.target, logits)) do scores[#scores + 1] = found.value end
end

--- Calls `make(batch)` with the largest batch that memory and model allow, for n images.
local function with_batch(engine, n, make)
  local batch = math.max(1, math.min(engine.batch, n))
  batch = math.ceil(n / math.ceil(math.max(n, 1) / batch))
  while true do
    local made, message, code = make(math.max(1, batch))
    if made or batch <= 1 then return made, message, code end
    batch = code == "memory" and batch // 2 or 1
  end
end

--- The plans that serve, or new ones; the last are kept.
local function plans(engine, n, fits, make)
  local kept = engine.plans
  if kept and kept.batch <= math.max(n, 1) and fits(kept) then return kept end
  engine.plans = nil
  local made, message, code = with_batch(engine, n, make)
  engine.plans = made
  return made, message, code
end

--- Runs n images in batches: `pass(first, last)` gives the logits of some.
local function run(engine, n, batch, pass)
  local scores, start, share = {}, core.clock(), engine.plans.cut and engine.plans.cut.share or 1
  for first = 1, n, batch do
    local last = math.min(n, first + batch - 1)
    local logits, message, code = pass(first, last)
    if not logits then return nil, message, code end
    add_scores(engine, logits, scores)
  end
  local seconds = core.clock() - start
  engine.rate = { images = n, seconds = seconds, images_per_second = n / seconds, batch = batch, share = share }
  return scores
end

local function check_boxes(engine, boxes)
  local shape = engine.input:shape()
  if type(boxes) ~= "table" then error("boxes: a list is expected, not a " .. type(boxes), 3) end
  for i, box in ipairs(boxes) do
    if type(box) ~= "table" or #(box.at or {}) ~= #shape - 2 or #(box.size or {}) ~= #shape - 2 then
      error(("boxes: box %d must have `at` and `size` with %d entries"):format(i, #shape - 2), 3)
    end
    for axis, at in ipairs(box.at) do
      local size = box.size[axis]
      if math.type(at) ~= "integer" or math.type(size) ~= "integer" or at < 1 or size < 1
        or at + size - 1 > shape[axis + 2] then
        error(("boxes: box %d (from %s, %s long) does not lie in the input, %s"):format(i, tostring(at),
          tostring(size), table.concat(shape, "x")), 3)
      end
    end
  end
end

--- Scores of the input with one box after the other replaced by the baseline. The first layers run on crops around the
--- boxes only. The logits are those of whole passes: bit by bit with the option `exact` where no convolution over a
--- concatenation is taken apart; else but for rounding, since Winograd's method mixes each tile of 4 x 4 results.
---@param boxes fovea.perturb.Box[] { at = { row, column }, size = { height, width } }, from 1
---@return number[]? scores
---@return string? message
---@return string? code
function Engine:boxes(boxes)
  check_boxes(self, boxes)
  local made, message, code = plans(self, #boxes, function(kept) return kept.serves and kept:serves(boxes) end,
    function(batch) return windows.new(self, boxes, batch) end)
  if not made then return nil, message, code end
  return run(self, #boxes, made.batch, function(first, last)
    return made:run(table.move(boxes, first, last, 1, {}))
  end)
end

--- Scores of inputs that a function makes.
---@param n integer how many
---@param make fun(first: integer, last: integer): fovea.Tensor inputs first to last, N x C x [D] x H x W
---@return number[]? scores
---@return string? message
---@return string? code
function Engine:inputs(n, make)
  local made, message, code = plans(self, n, function(kept) return kept.is_whole end,
    function(batch) return wholes.new(self, batch) end)
  if not made then return nil, message, code end
  return run(self, n, made.batch, function(first, last) return made:run(make(first, last)) end)
end

--- Scores of masked inputs: mask * input + (1 - mask) * baseline.
---@param masks fovea.Tensor|fun(first: integer, last: integer): fovea.Tensor N x [D] x H x W, 1 where the input stays;
--- a function gives masks first to last
---@param n? integer how many, for a function
---@return number[]? scores
---@return string? message
---@return string? code
function Engine:masks(masks, n)
  local size, change = { table.unpack(self.input:shape(), 3) }, self.input - self.baseline
  if type(masks) ~= "function" then
    local all = masks
    n, masks = all:shape()[1], function(first, last) return all:slice(1, first, last) end
  end
  return self:inputs(n, function(first, last)
    return self.baseline + change * masks(first, last):reshape { last - first + 1, 1, table.unpack(size) }
  end)
end

--- Scores with an inner layer changed; only what comes after the layer runs.
---@param layer string
---@param n integer how many changes
---@param change fun(index: integer, activation: fovea.Tensor): fovea.Tensor the activation 1 x C x ... as changed
---@return number[]? scores
---@return string? message
---@return string? code
function Engine:layer(layer, n, change)
  local made, message, code = plans(self, n, function(kept) return kept.name == layer end,
    function(batch) return suffixes.new(self, layer, batch) end)
  if not made then return nil, message, code end
  return run(self, n, made.batch, function(first, last)
    local activations = {}
    for i = first, last do activations[#activations + 1] = change(i, made.activation) end
    return made:run(activations)
  end)
end

--- Scores with the channels of a layer multiplied by factors: 0 takes a channel away.
---@param layer string
---@param factors fovea.Tensor N x C, a row for each image
---@return number[]? scores
---@return string? message
---@return string? code
function Engine:channels(layer, factors)
  return self:layer(layer, factors:shape()[1], function(index, activation)
    local shape = { 1, activation:shape()[2] }
    for axis = 3, activation:rank() do shape[axis] = 1 end
    return activation * factors:slice(1, index, index):reshape(shape)
  end)
end

return M
