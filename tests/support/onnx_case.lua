-- ONNX files of specs: written to a scratch folder, opened, lowered into a recording graph or a real one.
local mock_graph = require "support.mock_graph"
local onnx = require "fovea.import.onnx"
local scratch = require "support.scratch"
local writer = require "support.onnx_writer"

local Case = {}
Case.__index = Case

local function new()
  return setmetatable({ dir = scratch.new(), count = 0 }, Case)
end

function Case:remove()
  self.dir:remove()
end

--- Path of a file with this model (a table for onnx_writer.model, or bytes).
function Case:write(model)
  self.count = self.count + 1
  return self.dir:write(("%d.onnx"):format(self.count), type(model) == "string" and model or writer.model(model))
end

function Case:open(model, options)
  options = options or {}
  options.new_graph = options.new_graph or mock_graph.new
  return onnx.open(self:write(model), options)
end

--- Opens and lowers; fails loudly. Returns the recording graph, the result of build and the importer.
function Case:lower(model, shapes, options)
  local importer = assert(self:open(model, options))
  local g = mock_graph.new()
  local built = assert(importer:build(g, shapes))
  return g, built, importer
end

--- The message of a model that cannot be built or opened, without the path.
function Case:problem(model, shapes)
  local importer, message, code = self:open(model)
  if importer then
    local built
    built, message, code = importer:build(mock_graph.new(), shapes)
    assert(not built, "the model was built")
  end
  return (message:gsub("^.-%.onnx: ", "")), code
end

--- A model of one node (or a list of nodes) that reads "x" and writes "y".
---@param shape integer[] of x
---@param nodes table one node or a list
---@param extra? table more fields of the model
function Case.model(shape, nodes, extra)
  local model = {
    inputs = { { "x", shape } }, outputs = { { "y" } }, nodes = nodes.op and { nodes } or nodes, initializers = {},
  }
  for key, value in pairs(extra or {}) do model[key] = value end
  return model
end

--- A float initialiser with running values.
function Case.weights(name, dims)
  local values, n = {}, 1
  for _, d in ipairs(dims) do n = n * d end
  for i = 1, n do values[i] = i % 7 - 3 end
  return writer.tensor(name, dims, values)
end

return { new = new, model = Case.model, weights = Case.weights }
