-- Writes model.onnx beside the material of a case, for programs that run ONNX files; its weights stay in
-- weights.safetensors (external data).
-- usage: fovea scripts/bench/export_onnx.lua FOLDER
local fovea = require "fovea"
package.path = "tests/?.lua;" .. package.path
local onnx = require "support.onnx_writer"
local folder = arg[1]

local function read(path)
  local file <close> = assert(io.open(path, "rb"))
  return file:read "a"
end

local case = assert(fovea.json.decode(read(folder .. "/case.json")))

-- A graph that notes down what an architecture builds.
local function recorder(graph)
  local nodes = {}
  local function method(_, op)
    return function(_, arguments, ...)
      local node = graph[op](graph, arguments, ...)
      if op ~= "node" and op ~= "param" and op ~= "constant" then
        nodes[#nodes + 1] = { op = op, node = node, arguments = arguments }
      end
      return node
    end
  end
  return setmetatable({}, { __index = method }), nodes
end

local function per_axis(value, count)
  local list = {}
  for i = 1, count do list[i] = type(value) == "table" and value[i] or value end
  return list
end

local function twice(list)
  local both = table.move(list, 1, #list, 1, {})
  return table.move(list, 1, #list, #both + 1, both)
end

-- By op: the name in ONNX, and a function of the arguments, the count of spatial axes and `constant` (which adds a list
-- of integers or a number) that gives attributes and further inputs.
local plain = { relu = "Relu", sigmoid = "Sigmoid", tanh = "Tanh", add = "Add", mul = "Mul", sub = "Sub",
  identity = "Identity", dropout = "Identity", global_avg_pool = "GlobalAveragePool" }
local ops = {
  conv = { "Conv", function(a, spatial)
    return { strides = per_axis(a.stride, spatial), dilations = per_axis(a.dilation, spatial),
      pads = twice(per_axis(a.pad, spatial)), group = a.groups }
  end },
  conv_transpose = { "ConvTranspose", function(a, spatial) return { strides = per_axis(a.stride, spatial) } end },
  batch_norm = { "BatchNormalization", function(a) return { epsilon = a.epsilon + 0.0 } end },
  instance_norm = { "InstanceNormalization", function(a) return { epsilon = a.epsilon + 0.0 } end },
  leaky_relu = { "LeakyRelu", function(a) return { alpha = a.alpha + 0.0 } end },
  hard_sigmoid = { "HardSigmoid", function(a) return { alpha = a.alpha + 0.0, beta = a.beta + 0.0 } end },
  concat = { "Concat", function() return { axis = 1 } end },
  linear = { "Gemm", function() return { transB = 1 } end },
  max_pool = { "MaxPool", function(a, spatial)
    return { kernel_shape = per_axis(a.kernel, spatial), strides = per_axis(a.kernel, spatial) }
  end },
  adaptive_avg_pool = { "GlobalAveragePool", function(a)
    assert(a.size == 1, "adaptive_avg_pool: only size 1 is exported")
    return {}
  end },
  clip = { "Clip", function(a, _, constant) return {}, { constant(a.min + 0.0), constant(a.max + 0.0) } end },
  reshape = { "Reshape", function(a, _, constant) return {}, { constant(a.shape) } end },
  slice = { "Slice", function(a, _, constant)
    return {}, { constant { a.first - 1 }, constant { a.last }, constant { a.axis - 1 } }
  end },
  resample = { "Resize", function(a, _, constant, node)
    local nearest = a.mode == "nearest"
    return { mode = a.mode, coordinate_transformation_mode = a.coordinates, nearest_mode = nearest and "floor" or nil },
      { "", "", constant(node:shape()) }
  end },
}

-- Nodes and small constants of the file.
local function translate(records)
  local nodes, constants = {}, {}
  local function constant(value)
    local name = "constant." .. #constants + 1
    constants[#constants + 1] = type(value) == "table" and onnx.ints(name, value) or onnx.tensor(name, {}, { value })
    return name
  end
  for i, record in ipairs(records) do
    local rule = ops[record.op] or { assert(plain[record.op], record.op .. " is not exported"), function() end }
    local inputs = {}
    for k, source in ipairs(record.arguments) do inputs[k] = source:name() end
    local attributes, more = rule[2](record.arguments, #record.node:shape() - 2, constant, record.node)
    table.move(more or {}, 1, #(more or {}), #inputs + 1, inputs)
    nodes[i] = onnx.node(rule[1], inputs, { record.node:name() }, attributes)
  end
  return nodes, constants
end

-- Weights: where they lie in the safetensors file.
local function weights(parameters)
  local path = folder .. "/weights.safetensors"
  local file <close> = assert(io.open(path, "rb"))
  local size = ("<I8"):unpack(file:read(8))
  local header, list = assert(fovea.json.decode(file:read(size))), {}
  for i, entry in ipairs(parameters) do
    local offsets = header[entry.name].data_offsets
    list[i] = onnx.tensor(entry.name, entry.shape, nil, { external = { location = "weights.safetensors",
      offset = ("%d"):format(8 + size + offsets[1]), length = ("%d"):format(offsets[2] - offsets[1]) } })
  end
  return list
end

local architecture = assert(fovea.arch.find(case.arch))
local graph, shape = fovea.graph(), case.shape
local proxy, records = recorder(graph)
local store = assert(fovea.safetensors.read(folder .. "/weights.safetensors"))
local builder = fovea.nn.new(proxy, store)
local x = graph:input(shape, { name = "input" })
local outputs = architecture.build(builder, x, fovea.arch.options(architecture, case.options))
local last = type(outputs) == "table" and outputs[#outputs] or outputs
-- the logits: what is before a sigmoid at the end
if last:kind() == "sigmoid" then last = last:sources()[1] end
local nodes, constants = translate(records)
local initializers = weights(builder.entries)
for _, one in ipairs(constants) do initializers[#initializers + 1] = one end
local file <close> = assert(io.open(folder .. "/model.onnx", "wb"))
file:write(onnx.model { opset = 13, producer = "fovea", inputs = { { "input", shape } },
  outputs = { { last:name(), last:shape() } }, initializers = initializers, nodes = nodes })
