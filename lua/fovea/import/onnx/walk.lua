--- One walk over the nodes of a file for concrete input shapes: the building of one graph.
local Context = require "fovea.import.onnx.context"
local V = require "fovea.import.onnx.value"
local inline = require "fovea.import.onnx.inline"
local lowering = require "fovea.import.onnx.ops"
local constant = require "fovea.import.onnx.ops.constant"
local names = require "fovea.import.onnx.names"
local rescale = require "fovea.import.onnx.rescale"

local M = {}

--- What an arg-max or comparison of activations leads to: nothing is computed, the value in front is remembered.
local function decision(c, node)
  local found
  for _, name in ipairs(node.inputs) do
    local value = c.values[name]
    if value and value.kind == "decision" then
      found = found or value
    elseif value and value.kind == "node" then
      return nil
    end
  end
  return found
end

local function lowered(c, node)
  local passed = decision(c, node)
  if passed then
    local same = {}
    for i = 1, #node.outputs do same[i] = passed end
    return same
  end
  local lower = lowering[node.op_type]
  if not lower then c:fail("the operator is not supported") end
  return { lower(c) }
end

--- Errors of graph methods and of tensor maths are problems of the file here: they get the node's name.
local function explained(c, problem)
  local node = c.node_info
  if type(problem) == "table" then return problem end
  local text = tostring(problem):gsub("^[^\n]-:%d+: ", "")
  if text:find("not enough memory", 1, true) then return { message = text, code = "memory" } end
  local hint = c.declared and " (the file was exported for another input size: if it holds sizes as constants, "
    .. "export it with dynamic axes)" or ""
  return { message = ("node '%s' (%s): %s%s"):format(node.label, node.op_type, text, hint), code = "format" }
end

--- fn(c, argument) with its errors explained.
local function attempt(c, fn, argument)
  local ok, result = pcall(fn, c, argument)
  if not ok then error(explained(c, result), 0) end
  return result
end

local function keep(c, node, results)
  for i, name in ipairs(node.outputs) do
    local value = results[i]
    if name ~= "" and value then
      c.values[name] = value
      if value.kind == "node" then
        c.shapes[name] = value.shape
        if not value.perm then rescale.observe(c, name, value.shape) end
      end
    elseif name ~= "" and c.used_values[name] then
      c:fail("its output %d is not supported", i)
    end
  end
end

local function run(c, nodes)
  local outer, opset = c.node_info, c.opset
  for _, node in ipairs(nodes) do
    c.node_info, c.opset = node, node.opset
    keep(c, node, attempt(c, lowered, node))
  end
  c.node_info, c.opset = outer, opset
end

--- Lowers the nodes of a chosen branch in place; returns the values of its outputs.
---@param graph table
---@return fovea.onnx.Value[]
function Context:run_branch(graph)
  local initializers = {}
  for _, t in ipairs(graph.initializers) do
    self.values[t.name] = constant.value(t, t.name)
    initializers[t.name] = true
  end
  local nodes = inline.nodes({ functions = self.importer.file.functions, graph = graph }, self.opset)
  names.assign(nodes, initializers, self.used)
  run(self, nodes)
  local results = {}
  for i, output in ipairs(graph.outputs) do results[i] = self.values[output.name] end
  return results
end

local function add_inputs(c, shapes)
  local nodes = {}
  for i, input in ipairs(c.importer.inputs) do
    local node = c.g:input(shapes[i], { name = input.label })
    local value = V.node(node, input.layout == "NHWC" and V.channels_last(#shapes[i]) or nil)
    nodes[input.name], c.values[input.name] = node, value
    c.shapes[input.name] = value.shape
    local declared = c.declared and c.declared[input.name]
    if declared then c.declared_batch = c.declared_batch or { declared[1], value.shape[1] } end
    if not value.perm then rescale.observe(c, input.name, value.shape) end
  end
  return nodes
end

--- Graph node of an output. Channels-last outputs stay channels first, decisions give the value in front.
local function output_node(c, name)
  local value = c.values[name]
  c.node_info = { label = name, op_type = "output", inputs = {}, outputs = {}, attributes = {} }
  if value.kind == "decision" then
    c:warn(("output '%s' is an arg-max or comparison; the values it is made from are used instead"):format(name))
    while value.kind == "decision" do value = value.source end
  end
  if value.kind ~= "node" then c:fail("it is a constant") end
  if value.perm and V.is_channels_last(value.perm) then
    c.importer.output_layout = "NHWC"
    return (c:base(value))
  end
  return c:node(value)
end

--- Graph nodes by the names of the ONNX nodes.
local function node_map(c, nodes)
  local map = {}
  for _, node in ipairs(nodes) do
    local value = c.values[node.outputs[1]]
    if value and value.kind == "node" and value.node then
      map[node.name ~= "" and node.name or node.outputs[1]] = value.node
    end
  end
  return map
end

--- Builds the graph.
---@param importer fovea.onnx.Importer
---@param g fovea.Graph
---@param shapes integer[][] one per input, channels first
---@param declared? table<string, integer[]>
---@return table result
---@return table<string, integer[]> shapes of all activations by value name
function M.build(importer, g, shapes, declared)
  local c = Context.new(importer, g, declared)
  for name, value in pairs(importer.constants) do c.values[name] = value end
  local result = { outputs = {}, order = {}, inputs = add_inputs(c, shapes) }
  run(c, importer.nodes)
  for i, output in ipairs(importer.outputs) do
    result.order[i] = output.name
    result.outputs[output.name] = attempt(c, output_node, output.name)
  end
  result.nodes = node_map(c, importer.nodes)
  result.parameters = c.parameters
  return result, c.shapes
end

return M
