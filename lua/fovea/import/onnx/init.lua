--- ONNX files as graphs.
--
-- A graph is built for one input shape, so an importer is a builder: `open` parses and checks the file once,
-- `importer:build` lowers its nodes for concrete shapes as often as wanted. The weights are shared by all graphs.
--
--     local importer = assert(onnx.open "model.onnx")
--     local built = assert(importer:build(fovea.graph(), { { 1, 3, 960, 960 } }))
--     local logits = built.outputs[built.order[1]]
local core = require "fovea.core"
local inline = require "fovea.import.onnx.inline"
local lowering = require "fovea.import.onnx.ops"
local constant = require "fovea.import.onnx.ops.constant"
local names = require "fovea.import.onnx.names"
local order = require "fovea.import.onnx.order"
local survey = require "fovea.import.onnx.survey"
local walk = require "fovea.import.onnx.walk"

local M = {}

---@class fovea.onnx.Importer
---@field path string
---@field inputs { name: string, label: string, dims: (integer|false)[], symbols: string[], layout: "NCHW"|"NHWC" }[]
---@field outputs { name: string, dims: (integer|false)[] }[]
---@field producer string
---@field producer_version string
---@field opset integer
---@field ir_version integer
---@field metadata table<string, string>
---@field warnings string[]
---@field weights table<string, fovea.Tensor> by the names in the file
---@field nonfinite string[] weights with NaN, or with infinite elements where a layer multiplies by them
---@field input_layout "NCHW"|"NHWC" of the file; shapes are given and nodes are made channels first in either case
---@field output_layout "NCHW"|"NHWC"
local Importer = {}
Importer.__index = Importer
M.Importer = Importer

local OLDEST, NEWEST = 7, 21

local function fail(code, format, ...)
  error({ message = format:format(...), code = code }, 0)
end

--- Runs fn; problems of the file come back as nil, message, code.
local function guarded(path, fn, ...)
  local results = table.pack(pcall(fn, ...))
  if results[1] then return table.unpack(results, 2, results.n) end
  local problem = results[2]
  if type(problem) == "table" and problem.message then
    return nil, ("%s: %s"):format(path, problem.message), problem.code
  end
  error(problem, 0)
end

--- Notes something the user should know, once.
---@param text string
function Importer:warn(text)
  for _, known in ipairs(self.warnings) do
    if known == text then return end
  end
  table.insert(self.warnings, text)
end

local function read_opset(importer, file)
  local opset = file.opsets[""] or file.opsets["ai.onnx"]
  if not opset then fail("unsupported", "the file declares no version of the standard operator set") end
  if opset < OLDEST then
    fail("unsupported", "operator set %d is too old; %d to %d are supported", opset, OLDEST, NEWEST)
  end
  if opset > NEWEST then
    importer:warn(("operator set %d is newer than %d: read as if it were %d"):format(opset, NEWEST, NEWEST))
  end
  importer.opset = opset
end

local function read_initializers(importer, graph)
  for _, t in ipairs(graph.initializers) do
    if importer.constants[t.name] then fail("format", "initialiser '%s' is defined twice", t.name) end
    importer.constants[t.name] = constant.value(t, t.name)
    if t.tensor then importer.weights[t.name] = t.tensor end
  end
end

local float_types = { [0] = true, [1] = true, [10] = true, [11] = true, [16] = true }

local function dimensions(value)
  local dims, symbols = {}, {}
  for i, d in ipairs(value.dims or {}) do
    dims[i] = math.type(d) == "integer" and d or false
    symbols[i] = type(d) == "string" and d or nil
  end
  return dims, symbols
end

--- Graph inputs that are no initialisers (files of old versions list those too).
local function read_inputs(importer, graph)
  local real = {}
  for _, value in ipairs(graph.inputs) do
    if not importer.constants[value.name] then real[#real + 1] = value end
  end
  if #real == 0 then fail("format", "the graph has no input") end
  for i, value in ipairs(real) do
    if not float_types[value.elem_type] then
      fail("unsupported", "input '%s' is not of a floating-point type", value.name)
    end
    local dims, symbols = dimensions(value)
    local label = names.input(value.name, i, #real)
    importer.used[label] = true
    importer.inputs[i] = { name = value.name, label = label, dims = dims, symbols = symbols, layout = "NCHW" }
  end
  for i, value in ipairs(graph.outputs) do
    importer.outputs[i] = { name = value.name, dims = (dimensions(value)) }
  end
  if #importer.outputs == 0 then fail("format", "the graph has no output") end
end

local function read_nodes(importer, file)
  local defined, outputs = {}, {}
  for name in pairs(importer.constants) do defined[name] = true end
  for _, input in ipairs(importer.inputs) do defined[input.name] = true end
  for i, output in ipairs(importer.outputs) do
    outputs[i] = output.name
    importer.used_values[output.name] = true
  end
  importer.nodes = order.sorted(inline.nodes(file, importer.opset), defined, outputs)
  for _, node in ipairs(importer.nodes) do
    order.each_input(node, function(name) importer.used_values[name] = true end)
  end
  survey.unsupported(importer.nodes, lowering)
  names.assign(importer.nodes, importer.constants, importer.used)
end

local function prepare(importer, file)
  read_opset(importer, file)
  read_initializers(importer, file.graph)
  read_inputs(importer, file.graph)
  read_nodes(importer, file)
  survey.nonfinite(importer)
  survey.layouts(importer)
  survey.normalisation(importer)
  survey.outputs(importer)
  return importer
end

local known_options = { upsample_coordinates = true, new_graph = true }
local coordinate_rules = { half_pixel = true, asymmetric = true, align_corners = true }

local function check_options(opts)
  for key in pairs(opts) do
    if not known_options[key] then
      error(("onnx.open: unknown option '%s' (known: upsample_coordinates, new_graph)"):format(tostring(key)), 3)
    end
  end
  local rule = opts.upsample_coordinates
  if rule and not coordinate_rules[rule] then
    error(("onnx.open: upsample_coordinates must be half_pixel, asymmetric or align_corners, not '%s'")
      :format(tostring(rule)), 3)
  end
end

--- Opens an ONNX file.
---@param path string
---@param opts? { upsample_coordinates: string?, new_graph: function? } coordinate rule for Upsample and Resize of
--- old operator sets (default: half_pixel for PyTorch, asymmetric otherwise); constructor of scratch graphs
---@return fovea.onnx.Importer? importer
---@return string? message names the file and the reason
---@return string? code "io", "format", "unsupported" or "memory"
function M.open(path, opts)
  opts = opts or {}
  check_options(opts)
  local file, message, code = core.onnx_read(path)
  if not file then return nil, message, code end
  local importer = setmetatable({
    path = path, file = file, inputs = {}, outputs = {}, warnings = {}, weights = {}, nonfinite = {},
    producer = file.producer, producer_version = file.producer_version, ir_version = file.ir_version,
    metadata = file.metadata, input_layout = "NCHW", output_layout = "NCHW",
    constants = {}, used = {}, used_values = {}, derived = {}, declared_cache = {},
    upsample_coordinates = opts.upsample_coordinates, new_graph = opts.new_graph,
  }, Importer)
  return guarded(path, prepare, importer, file)
end

-- building -----------------------------------------------------------------------------------------------------------

--- Shape of input i from what the caller gave, completed with what the file declares; misuse throws.
local function wanted_shape(importer, given, i)
  local input = importer.inputs[i]
  local shape = given and (given[input.name] or given[i])
  if math.type(shape) == "integer" and #importer.inputs == 1 then shape = given end
  if not shape then
    shape = input.dims
    for axis, d in ipairs(shape) do
      if not d then
        error(("build: axis %d of input '%s' is not fixed in the file: give a shape"):format(axis, input.name), 0)
      end
    end
  end
  if #input.dims > 0 and #shape ~= #input.dims then
    error(("build: input '%s' has %d dimensions, the shape %s has %d"):format(input.name, #input.dims,
      table.concat(shape, "x"), #shape), 0)
  end
  if #shape == 0 then error(("build: the shape of input '%s' is not in the file"):format(input.name), 0) end
  return table.move(shape, 1, #shape, 1, {})
end

--- Shapes of all values at the file's own size, when that differs from what is wanted; nil otherwise.
---@param shapes integer[][]
---@return table<string, integer[]>?
function Importer:declared_shapes(shapes)
  local own, differs = {}, false
  for i, input in ipairs(self.inputs) do
    own[i] = {}
    for axis, size in ipairs(shapes[i]) do
      own[i][axis] = input.dims[axis] or size
      differs = differs or own[i][axis] ~= size
    end
  end
  if not differs then return nil end
  local parts = {}
  for i, shape in ipairs(own) do parts[i] = table.concat(shape, "x") end
  local key = table.concat(parts, " ")
  if not self.declared_cache[key] then
    local new_graph = self.new_graph or core.graph
    local _, found = walk.build(self, new_graph(), own)
    self.declared_cache[key] = found
  end
  return self.declared_cache[key]
end

--- Lowers the nodes into graph g.
---@param g fovea.Graph
---@param input_shapes? table shapes by position or by input name (or the only shape), channels first; default:
--- those of the file
---@return { outputs: table<string, fovea.Node>, order: string[], inputs: table<string, fovea.Node>,
---  nodes: table<string, fovea.Node>, parameters: table<string, string> }? built nodes by ONNX names; parameters:
---  name in the graph -> name of the initialiser
---@return string? message
---@return string? code
function Importer:build(g, input_shapes)
  local shapes = {}
  for i in ipairs(self.inputs) do
    local ok, shape = pcall(wanted_shape, self, input_shapes, i)
    if not ok then error(shape, 2) end
    shapes[i] = shape
  end
  return guarded(self.path, function()
    return (walk.build(self, g, shapes, self:declared_shapes(shapes)))
  end)
end

return M
