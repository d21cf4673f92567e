--- fovea convert IN OUT: weights of any format as safetensors.
local cli = require "fovea.cli"
local fovea = require "fovea"
local import = require "fovea.import"
local matching = require "fovea.import.match"
local sidecar = require "fovea.import.sidecar"

local M = {
  summary = "write weights as safetensors",
  epilog = "With --arch the tensors are checked against the network, named as it names them, and the file says what "
    .. "network it belongs to. Preprocessing noted beside IN (in IN.yaml) goes into OUT. Integer counters "
    .. "(num_batches_tracked) are left out. Exit status: 0 done, 1 failed, 2 misuse.",
}

--- Describes the command line.
---@param parser table argparse parser
function M.define(parser)
  parser:argument("input", "weights: .pth, .pt, .h5, .hdf5, .keras, .onnx, .safetensors")
  parser:argument("output", "file to write: .safetensors")
  parser:option("--dtype", "element type of the file (default float32)")
    :choices { "float32", "float16", "bfloat16", "float64" }
  cli.define_model(parser)
end

--- All tensors of a file under its own names, and its metadata; or nil and a message.
local function plain(arguments)
  local weights <close>, message = import.weights(arguments.input, cli.weights_options(arguments))
  if not weights then return nil, message end
  local notes, complaint = sidecar.read(arguments.input, weights.metadata)
  if not notes then return nil, complaint end
  local tensors, metadata = {}, {}
  for _, name in ipairs(weights.names) do
    if not matching.is_counter(name, weights.dtypes[name]) then
      local tensor, reason = weights:read(name)
      if not tensor then return nil, reason end
      tensors[name] = tensor
    end
  end
  for key, value in pairs(weights.metadata) do metadata[key] = value end
  for key, value in pairs(sidecar.metadata(notes)) do metadata[key] = value end
  return tensors, metadata
end

--- The parameters of a network; or nil and a message.
local function of_network(arguments)
  local model, message = fovea.load(arguments.input, cli.load_options(arguments))
  if not model then return nil, message end
  for _, warning in ipairs(model.warnings) do cli.complain("warning: " .. warning) end
  local path = arguments.arch:find "[/.]" -- of a file: not written, since opening a file must not run code
  return model.weights, sidecar.metadata { arch = not path and arguments.arch or nil,
    arch_options = not path and model.options or nil, preprocess = model.preprocess }
end

--- Does the work.
---@param arguments table parsed command line
---@return integer status
function M.run(arguments)
  if not arguments.output:find "%.safetensors$" then
    error(("%s: only .safetensors files are written"):format(arguments.output), 0)
  end
  local tensors, metadata = (arguments.arch and of_network or plain)(arguments)
  local done, message
  if tensors then
    done, message = fovea.safetensors.write(arguments.output, tensors, { dtype = arguments.dtype, metadata = metadata })
  end
  if not done then
    cli.complain(message or metadata)
    return cli.FAILED
  end
  return cli.DONE
end

return M
