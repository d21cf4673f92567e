--- fovea inspect FILE: the layers of a model, or the tensors of a weight file.
local bytes = require "fovea.bytes"
local cli = require "fovea.cli"
local fovea = require "fovea"
local import = require "fovea.import"
local sidecar = require "fovea.import.sidecar"
local text = require "fovea.report.text"

local M = { summary = "show the layers of a model, or the tensors of a weight file" }

--- Describes the command line.
---@param parser table argparse parser
function M.define(parser)
  parser:argument("model", "model (.onnx) or weights (.pth, .safetensors); the latter as a model with --arch")
  cli.define_model(parser)
  parser:option("--layer", "only layers of this name or pattern"):count "*"
  parser:option("--size", "inspect at this input size, WxH or WxHxD")
  parser:flag("--memory", "how much memory the model takes, forward and for heat maps of --layer, and the smallest "
    .. "--memory that other commands can do it in")
  parser:flag("--json", "print one JSON object")
end

local function describe(model, layers)
  local parameters, macs = model:size()
  local rows = fovea.json.array {}
  for i, layer in ipairs(layers) do
    rows[i] = { name = layer.name, kind = layer.kind, shape = layer.shape, parameters = layer.parameters,
      macs = layer.macs }
  end
  return { model = model.path, input = model:default_shape(), outputs = model:outputs(), parameters = parameters,
    macs = macs, preprocess = model.preprocess, warnings = fovea.json.array(model.warnings), layers = rows,
    default_layers = fovea.json.array(model:default_layers()) }
end

local MEMORY_ROWS = { { "weights", "weights" }, { "packed", "packed weights" },
  { "arena", "activations and gradients" }, { "scratchpad", "scratch" }, { "copies", "copies of layers" },
  { "others", "other tensors" }, { "program", "program" }, { "total", "at most, at a time" } }

--- Memory of the forward pass, and of maps of the layers that are explained or named.
local function show_memory(model, layers, arguments)
  local names = fovea.json.array {}
  for i, layer in ipairs(#arguments.layer > 0 and layers or {}) do names[i] = layer.name end
  if #names == 0 then names = fovea.json.array(model:default_layers()) end
  local found = assert(model:memory_use(names))
  if arguments.json then
    print(fovea.json.encode({ model = model.path, input = model:default_shape(), layers = names, memory = found },
      { indent = 2, order = { "model", "input", "layers" } }))
    return
  end
  local rows = {}
  for i, row in ipairs(MEMORY_ROWS) do
    rows[i] = { row[2], bytes.text(found.forward[row[1]]), bytes.text(found.maps[row[1]]) }
  end
  rows[#rows + 1] = { "smallest --memory", bytes.option(found.forward.least), bytes.option(found.maps.least) }
  print(("memory of %s at %s; maps of %s"):format(model.name, table.concat(model:default_shape(), "x"),
    table.concat(names, ", ")))
  io.stdout:write(text.plain({ "", "forward", "maps" }, rows))
end

local function show_model(model, arguments)
  if arguments.size then model.inspection_shape = cli.input_shape(model, arguments.size) end
  local layers = model:layers(#arguments.layer > 0 and arguments.layer or nil)
  if #layers == 0 then error(fovea.layers.unknown(model:layers(), arguments.layer[1]), 0) end
  if arguments.memory then return show_memory(model, layers, arguments) end
  if arguments.json then
    print(fovea.json.encode(describe(model, layers), { indent = 2, order = { "model", "name", "kind", "shape" } }))
    return
  end
  print(model:table(layers))
  print(("outputs: %s\ndefault layers: %s"):format(table.concat(model:outputs(), ", "),
    table.concat(model:default_layers(), ", ")))
  for _, warning in ipairs(model.warnings) do print("warning: " .. warning) end
end

local function shape_text(shape) return #shape == 0 and "scalar" or table.concat(shape, "x") end

local function show_weights(weights, arguments)
  if #arguments.layer > 0 or arguments.size or arguments.memory then
    error(("%s: weights have no layers; name their network (--arch)"):format(weights.path), 0)
  end
  local rows, lines, total, width = fovea.json.array {}, {}, 0, 0
  for i, name in ipairs(weights.names) do
    local count = 1
    for _, size in ipairs(weights.shapes[name]) do count = count * size end
    total, width = total + count, math.max(width, #name)
    rows[i] = { name = name, dtype = weights.dtypes[name], shape = fovea.json.array(weights.shapes[name]) }
  end
  if arguments.json then
    print(fovea.json.encode({ file = weights.path, format = weights.format, metadata = weights.metadata,
      tensors = rows }, { indent = 2, order = { "file", "format", "name", "dtype", "shape" } }))
    return
  end
  for i, row in ipairs(rows) do
    lines[i] = ("%-" .. width .. "s  %-8s  %s"):format(row.name, row.dtype, shape_text(row.shape))
  end
  lines[#lines + 1] = ("%s: %s weights, %d tensors, %d elements"):format(weights.path, weights.format, #rows, total)
  print(table.concat(lines, "\n"))
end

--- Weights that nothing says the network of; or nil when the file is to be loaded as a model.
local function bare_weights(arguments)
  local format = import.format(arguments.model)
  if arguments.arch or not format or format.model then return nil end
  local weights, message = import.weights(arguments.model, cli.weights_options(arguments))
  if not weights then return nil, message end
  local notes, complaint = sidecar.read(arguments.model, weights.metadata)
  if not notes then return nil, complaint end
  return not notes.arch and weights or nil
end

--- Does the work.
---@param arguments table parsed command line
---@return integer status
function M.run(arguments)
  local weights, message = bare_weights(arguments)
  local model
  if not (weights or message) then model, message = fovea.load(arguments.model, cli.load_options(arguments)) end
  if weights then
    show_weights(weights, arguments)
  elseif model then
    show_model(model, arguments)
  else
    cli.complain(message)
    return cli.FAILED
  end
  return cli.DONE
end

return M
