--- fovea repl [MODEL] [IMAGE]: the prompt.
local cli = require "fovea.cli"
local fovea = require "fovea"

local M = {
  summary = "explore models at a prompt",
  epilog = "The globals fovea, model, image and help are there. Plain `fovea` on a terminal is the same without model "
    .. "and image. Input from a pipe is run line by line; the exit status is then 1 when there was an error.",
}

--- Describes the command line.
---@param parser table argparse parser
function M.define(parser)
  parser:argument("model", "model (.onnx) or weights (with --arch), the global `model`"):args "?"
  parser:argument("image", "picture file, the global `image`; the layers of the model show it"):args "?"
  cli.define_model(parser)
end

local function load(arguments)
  local model, message = fovea.load(arguments.model, cli.load_options(arguments))
  if not model then return nil, message end
  for _, warning in ipairs(model.warnings) do cli.complain("warning: " .. warning) end
  _G.model = model
  if not arguments.image then return true end
  local image, reason = fovea.image.read(arguments.image)
  if not image then return nil, reason end
  _G.image = image
  return model:use(image)
end

--- Does the work.
---@param arguments table parsed command line
---@return integer status
function M.run(arguments)
  if arguments.model then
    local loaded, message = load(arguments)
    if not loaded then
      cli.complain(message)
      return cli.FAILED
    end
  end
  local failures = require("fovea.repl").run()
  return failures > 0 and not require("fovea.core").isatty(0) and cli.FAILED or cli.DONE
end

return M
