--- A model: a file that can be run and explained at any input size it allows. Graphs and plans are made on demand for
--- each input shape and kept; all share the weight tensors.
local budget = require "fovea.budget"
local bytes = require "fovea.bytes"
local core = require "fovea.core"
local import = require "fovea.import"
local layers = require "fovea.layers"
local lookup = require "fovea.lookup"
local output = require "fovea.output"
local preprocess = require "fovea.preprocess"
local sidecar = require "fovea.import.sidecar"
local summary = require "fovea.summary"

local M = {}

---@class fovea.Model
---@field name string file name without folder and suffix
---@field path string
---@field warnings string[] what the importer noticed
---@field preprocess table record of fovea.preprocess: how an image becomes the input
---@field source table see fovea.import
---@field load_options table? what the file was read with, when it matters for the numbers
---@field exact boolean? convolutions by plain sums: slower, with half the rounding error of Winograd's method
---@field memory (string|integer)? budget of everything: "512M", "2G" or bytes; see fovea.budget
---@field planned fun(plan: fovea.Plan, use: fovea.MemoryUse)? called when a plan was made, before it runs
---@field last_input fovea.Tensor? what the model ran on last, or was told to use
---@field architecture fovea.Architecture? of a model made from one, and its options, weights and list of parameters
---@field options table?
---@field weights table<string, fovea.Tensor>?
---@field parameters { name: string, shape: integer[], statistic: boolean }[]?
local Model = {}
Model.__index = Model

--- What is known of a model at one input shape.
---@class fovea.Instance
---@field graph fovea.Graph
---@field input fovea.Node
---@field layers fovea.Layer[]
---@field nodes table<string, fovea.Node> by layer name
---@field outputs fovea.Output[]

local LOAD_OPTIONS = { "preprocess", "upsample_coordinates", "input_shape", "arch", "arch_options", "strict", "map",
  "entry", "keras", "memory" }
local KEPT_PLANS, KEPT_INSTANCES = 3, 4

--- Preprocessing for a model that says nothing else: its channel count, its fixed size or a multiple of its strides.
local function default_preprocess(dims)
  local record = {}
  if dims[2] == 1 or dims[2] == 3 then record.channels = dims[2] end
  if #dims == 4 and dims[3] and dims[4] then
    record.size = { policy = "fixed", height = dims[3], width = dims[4] }
  elseif #dims == 4 then
    record.size = { policy = "pad", multiple = 32 }
  end
  return preprocess.record(record)
end

local function check_weights(source)
  local bad = source.nonfinite or {}
  if #bad == 0 then return true end
  return nil, ("%s: weights with NaN or infinite elements: %s"):format(source.path,
    table.concat(bad, ", ", 1, math.min(#bad, 5))), "mismatch"
end

-- Where a file leaves the spatial axes open: networks with embedded positions take one size only.
local OPEN_SIZES = { 256, 224, 512, 384, 128, 96, 64 }

--- Finds the first of the usual sizes at which a model builds.
local function settle_size(model)
  local message, code
  for _, size in ipairs(OPEN_SIZES) do
    model.open_size = size
    local shape = model:default_shape()
    local built, why, kind = model:at(shape)
    if built then return true end
    message, code = message or why, code or kind
    local open = not model.inspection_shape and table.concat(shape, " ", 3):find(tostring(size), 1, true)
    if not open or kind == "memory" then return nil, why, kind end
  end
  local advice = " (the file leaves the input size open and no usual one fits: give the option input_shape)"
  return nil, message .. advice, code
end

--- A model over a source (fovea.import); checks that it builds at its default shape.
local function from_source(source, name, options)
  local sound, complaint, reason = check_weights(source)
  if not sound then return nil, complaint, reason end
  if #source.inputs ~= 1 then
    return nil, ("%s: the model has %d inputs; models with one image input are supported"):format(source.path,
      #source.inputs), "unsupported"
  end
  local model = setmetatable({
    name = name, path = source.path, source = source, warnings = source.warnings or {}, instances = {},
    instance_order = {}, inspection_shape = options.input_shape,
  }, Model)
  model.preprocess = options.preprocess and preprocess.record(options.preprocess)
    or default_preprocess(source.inputs[1].dims)
  local fits, why, kind = settle_size(model)
  if not fits then return nil, why, kind end
  return model
end

--- A model file with its graph.
local function load_graph(path, options)
  local source, message, code = import.open(path, { upsample_coordinates = options.upsample_coordinates })
  if not source then return nil, message, code end
  local notes, reason, kind = sidecar.read(path, source.metadata)
  if not notes then return nil, reason, kind end
  local model, why, class = from_source(source, (path:match("([^/]+)$"):gsub("%.[%w_]+$", "")),
    { input_shape = options.input_shape, preprocess = options.preprocess or notes.preprocess })
  if model and options.upsample_coordinates then
    model.load_options = { upsample_coordinates = options.upsample_coordinates }
  end
  return model, why, class
end

local function load_any(path, options)
  if options.arch then return require("fovea.import.fit").load(path, options) end
  local format, message, code = import.format(path)
  if not format then return nil, message, code end
  if not format.model then return require("fovea.import.fit").load(path, options) end
  return load_graph(path, options)
end

--- Loads a model: a file with a graph (ONNX), or the weights (PyTorch, Keras, safetensors, ONNX) of a network of
--- fovea.arch.
---@param path string the file; with `arch` also "random" or "random:SEED": weights drawn at random
---@param options? { preprocess: table?, upsample_coordinates: string?, input_shape: integer[]?,
--- arch: string|fovea.Architecture|nil, arch_options: table?, strict: boolean?, map: string|function|nil,
--- entry: string?, keras: table?, memory: string|integer|nil } preprocess: how images become the input
--- (fovea.preprocess; default: what is written beside the weights, see fovea.import.sidecar); upsample_coordinates:
--- see fovea.import.onnx; input_shape: for
--- inspection when the file leaves the size open; arch: the network, a name or the path of a Lua file; arch_options:
--- its options; strict: false accepts weights that lack some parameters or have others (listed in the model's
--- warnings); map: how names in the file become the network's (fovea.import.match); entry: part of a PyTorch
--- checkpoint; keras: { backend =, dim_ordering =, architecture = }, what an old Keras file does not say
--- (fovea.import.keras); memory: the most it may take at work, "2G" (fovea.budget)
---@return fovea.Model? model
---@return string? message names the file and the reason
---@return string? code "io", "format", "unsupported", "mismatch", "memory"
function M.load(path, options)
  options = options or {}
  if type(path) ~= "string" then error("load: path must be a string, not a " .. type(path), 2) end
  lookup.check_keys(options, LOAD_OPTIONS, "load")
  local memory = options.memory and bytes.parse(options.memory, "load: option 'memory'", 2)
  local model, message, code = load_any(path, options)
  if model then model.memory = memory end
  return model, message, code
end

--- A model built in Lua.
---@param spec { name: string, input: (integer|false)[], build: fun(g: fovea.Graph, x: fovea.Node): fovea.Node|table,
---  preprocess: table?, input_shape: integer[]?, explained: string?, candidates: string[]? } input: shape, false where
--- open; build: returns the output node, or a list of outputs, each a node named after its output; input_shape: for
--- inspection; explained: the output that is explained when none is named, default the first; candidates: layers worth
--- explaining
---@return fovea.Model
function M.new(spec)
  lookup.check_keys(spec, { "name", "input", "build", "preprocess", "input_shape", "explained", "candidates" }, "model")
  local source = { path = spec.name, inputs = { { name = "input", dims = spec.input } } }
  function source.build(_, graph, shapes)
    local x = graph:input(shapes[1], { name = "input" })
    local outputs = spec.build(graph, x)
    if type(outputs) ~= "table" then outputs = { outputs } end
    local built = { outputs = {}, order = {}, inputs = { input = x } }
    for i, node in ipairs(outputs) do
      built.order[i] = node:name()
      built.outputs[node:name()] = node
    end
    return built
  end
  local model = assert(from_source(source, spec.name, { preprocess = spec.preprocess, input_shape = spec.input_shape }))
  model.explained, model.candidates = spec.explained, spec.candidates
  return model
end

--- Input shape of the file; open axes are filled: batch 1, channels 3, spatial axes 256 (or another usual size when the
--- model does not build at that one).
---@return integer[]
function Model:default_shape()
  if self.inspection_shape then return { table.unpack(self.inspection_shape) } end
  local shape = {}
  for axis, size in ipairs(self.source.inputs[1].dims) do
    shape[axis] = size or (axis == 1 and 1 or axis == 2 and 3 or self.open_size)
  end
  if shape[1] then shape[1] = 1 end
  return shape
end

local function outputs_of(graph, built)
  local outputs = {}
  for i, name in ipairs(built.order) do outputs[i] = output.find(graph, name, built.outputs[name]) end
  return outputs
end

--- The model built for an input shape (kept).
---@param shape integer[]
---@return fovea.Instance? instance
---@return string? message
---@return string? code
function Model:at(shape)
  local key = table.concat(shape, "x")
  local known = self.instances[key]
  if known then return known end
  local graph, failure, kind = core.graph()
  if not graph then return nil, failure, kind end
  local built, message, code = self.source:build(graph, { shape })
  if not built then return nil, message, code end
  local instance = { graph = graph, key = key, plans = {}, plan_order = {} }
  instance.outputs = outputs_of(graph, built)
  instance.input = built.inputs[self.source.inputs[1].name]
  instance.layers, instance.nodes = layers.list(graph)
  for _, layer in ipairs(instance.layers) do layer.model = self end
  self.instances[key] = instance
  table.insert(self.instance_order, key)
  if #self.instance_order > KEPT_INSTANCES then self.instances[table.remove(self.instance_order, 1)] = nil end
  return instance
end

--- A plan of an instance, kept by its key; the oldest goes when there are more than a few (a plan holds the memory of
--- all activations).
---@param instance fovea.Instance
---@param spec { mode: string, taps: fovea.Node[], seeds: fovea.Node[]?, gradients: fovea.Node[]?,
--- means: fovea.Node[]?, exact: boolean?, precision: string?, memory: string|integer|nil }
--- exact, memory: as the model says when nil
---@return fovea.Plan? plan
---@return string? message
---@return string? code
function Model:plan(instance, spec)
  if spec.exact == nil then spec.exact = self.exact end
  local limit = spec.memory == nil and self.memory or spec.memory or nil
  limit = limit and bytes.parse(limit, "memory", 0)
  local key = { spec.mode, tostring(core.threads()), tostring(spec.exact or false), spec.precision or "f32",
    tostring(limit) }
  for _, field in ipairs { "taps", "seeds", "gradients", "means" } do
    key[#key + 1] = field
    for _, node in ipairs(spec[field] or {}) do key[#key + 1] = tostring(node:id()) end
  end
  local name = table.concat(key, " ")
  local plan = instance.plans[name]
  if not plan then
    local made, use, code = budget.plan(self, instance, spec, limit)
    if not made then return nil, ("%s: %s"):format(self.path, use), code end
    plan = made
    instance.plans[name] = plan
    table.insert(instance.plan_order, name)
    if #instance.plan_order > KEPT_PLANS then instance.plans[table.remove(instance.plan_order, 1)] = nil end
  end
  return plan
end

--- Forgets the plans: to be called when weights were changed in place, of which plans may hold copies.
function Model:refresh()
  for _, instance in pairs(self.instances) do instance.plans, instance.plan_order = {}, {} end
end

--- Names of the outputs, in order.
---@return string[]
function Model:outputs()
  local names = {}
  for i, found in ipairs(assert(self:at(self:default_shape())).outputs) do names[i] = found.name end
  return names
end

--- Layers that a filter picks, in order: nil for all, a name or glob ("dec*"), a list, a function, or a table of
--- `kind`, `name`, `last`, `spatial`. Shapes are those at the default input shape.
---@param filter? string|string[]|function|table
---@return fovea.Layer[]
function Model:layers(filter)
  return layers.select(assert(self:at(self:default_shape())).layers, filter)
end

--- One layer by name. A name that does not exist raises with the nearest ones.
---@param name string
---@return fovea.Layer
function Model:layer(name)
  local all = assert(self:at(self:default_shape())).layers
  for _, layer in ipairs(all) do
    if layer.name == name then return layer end
  end
  error(layers.unknown(all, name), 2)
end

--- The output of that name (or number), or the one that is explained by default; raises with the known names when there
--- is none.
---@param instance fovea.Instance
---@param wish? string|integer
---@return fovea.Output
function Model:output(instance, wish)
  local names = {}
  if wish == nil then wish = self.explained end
  for i, found in ipairs(instance.outputs) do
    names[i] = found.name
    if wish == nil or wish == i or wish == found.name or tonumber(wish) == i then return found end
  end
  error(lookup.unknown(("%s: no output"):format(self.name), wish, names), 0)
end

--- Total parameters and multiply-accumulates at the default input shape.
---@return integer parameters
---@return number macs
function Model:size()
  local parameters, macs = 0, 0
  for _, layer in ipairs(assert(self:at(self:default_shape())).layers) do
    parameters, macs = parameters + layer.parameters, macs + layer.macs
  end
  return math.tointeger(parameters) or parameters, macs
end

--- Names of the layers that are worth explaining: those its architecture names, or the default ones.
---@return string[]
function Model:candidate_layers()
  return self.candidates and { table.unpack(self.candidates) } or self:default_layers()
end

--- Names of the layers that are explained when none is chosen, for an output (default: the one explained).
---@param output_name? string|integer
---@return string[]
function Model:default_layers(output_name)
  local instance = assert(self:at(self:default_shape()))
  return layers.default(instance.graph, self:output(instance, output_name).logits)
end

--- Table of layers as text: name, kind, output shape, parameters, multiply-accumulates.
---@param chosen? fovea.Layer[] default: all
---@return string
function Model:table(chosen) return summary.text(self, chosen or self:layers()) end

function Model:__tostring() return self:table() end

--- Frees graphs and plans at once instead of at the next collection.
function Model:close() self.instances, self.instance_order = {}, {} end
Model.__close = Model.close

for _, methods in ipairs { require("fovea.passes").methods, budget.methods } do
  for name, method in pairs(methods) do Model[name] = method end
end

M.Model = Model

return M
