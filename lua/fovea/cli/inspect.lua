--- fovea inspect MODEL: the layers of a model.
local cli = require "fovea.cli"
local fovea = require "fovea"

local M = { summary = "show the layers, shapes and parameters of a model" }

--- Describes the command line.
---@param parser table argparse parser
function M.define(parser)
  parser:argument("model", "model file (.onnx)")
  parser:option("--layer", "only layers of this name or pattern"):count "*"
  parser:option("--size", "inspect at this input size, WxH or WxHxD")
  parser:flag("--json", "print one JSON object")
end

--- Spatial axes of "WxH" or "WxHxD", slowest first.
local function parse_size(text)
  local size = {}
  for n in text:gmatch "[^x]+" do
    local value = math.tointeger(tonumber(n))
    if not value or value < 1 then error(("--size: '%s' is not WxH"):format(text), 0) end
    table.insert(size, 1, value)
  end
  return size
end

local function shape_at(model, text)
  local shape, size = model:default_shape(), parse_size(text)
  if #size ~= #shape - 2 then error(("--size: the input has %d spatial axes"):format(#shape - 2), 0) end
  for i, n in ipairs(size) do shape[i + 2] = n end
  return shape
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

--- Does the work.
---@param arguments table parsed command line
---@return integer status
function M.run(arguments)
  local model, message = fovea.load(arguments.model)
  if not model then
    cli.complain(message)
    return cli.FAILED
  end
  if arguments.size then model.inspection_shape = shape_at(model, arguments.size) end
  local layers = model:layers(#arguments.layer > 0 and arguments.layer or nil)
  if #layers == 0 then error(fovea.layers.unknown(model:layers(), arguments.layer[1]), 0) end
  if arguments.json then
    print(fovea.json.encode(describe(model, layers), { indent = 2, order = { "model", "name", "kind", "shape" } }))
    return cli.DONE
  end
  print(model:table(layers))
  print(("outputs: %s\ndefault layers: %s"):format(table.concat(model:outputs(), ", "),
    table.concat(model:default_layers(), ", ")))
  for _, warning in ipairs(model.warnings) do print("warning: " .. warning) end
  return cli.DONE
end

return M
