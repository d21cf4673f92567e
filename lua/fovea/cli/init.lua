--- The commands of the tool: one file of this folder each, found by name:
---
---     return {
---       summary = "one line",
---       define = function(parser) ... end,        -- an argparse parser
---       run = function(arguments) return status end,
---     }
---
--- Exit status: 0 done, 1 some cases failed (the others are there), 2 misuse.
local core = require "fovea.core"
local lookup = require "fovea.lookup"

local M = {}

M.DONE, M.FAILED, M.MISUSE = 0, 1, 2

--- Writes "fovea: ..." to standard error.
---@param text string
function M.complain(text)
  io.stderr:write("fovea: ", text, "\n")
end

--- Options of commands that take a model: the network that weights belong to, and how they fit it.
---@param parser table argparse parser
function M.define_model(parser)
  parser:option("--arch", "network of the weights: NAME or FILE.lua (MODEL may then be random or random:SEED)")
  parser:option("--arch-option", "option of the network, KEY=VALUE"):count "*"
  parser:option("--entry", "part of a PyTorch checkpoint that holds the weights")
  parser:option("--keras", "what old Keras files do not say: backend=theano, dim_ordering=th, architecture=FILE.json")
    :argname "KEY=VALUE":count "*"
  parser:option("--map", "how the weights are named: names, order, or a code base that the network knows")
  parser:flag("--partial", "accept weights that lack some parameters, or have others")
end

--- KEY=VALUE texts as a table; nil when there are none.
local function pairs_of(texts, option)
  local values
  for _, text in ipairs(texts) do
    local key, value = text:match "^([^=]+)=(.*)$"
    if not key then error(("%s: '%s' is not KEY=VALUE"):format(option, text), 0) end
    values = values or {}
    values[key] = value
  end
  return values
end

--- The options of fovea.import.weights that define_model asked for.
---@param arguments table parsed command line
---@return table
function M.weights_options(arguments)
  return { entry = arguments.entry, keras = pairs_of(arguments.keras, "--keras") }
end

--- The options of fovea.load that define_model asked for.
---@param arguments table parsed command line
---@return table
function M.load_options(arguments)
  local options = M.weights_options(arguments)
  options.arch, options.map = arguments.arch, arguments.map
  options.arch_options = pairs_of(arguments.arch_option, "--arch-option")
  if arguments.partial then options.strict = false end
  return options
end

local function overview()
  local rows = {}
  for _, name in ipairs(lookup.names "fovea.cli") do
    rows[#rows + 1] = ("  %-10s %s"):format(name, require("fovea.cli." .. name).summary)
  end
  return ([==[
fovea %s - shows what a medical image segmentation model looks at

usage: fovea COMMAND [OPTIONS]      fovea COMMAND --help
       fovea [LUA OPTIONS] [SCRIPT [ARGS]]

%s]==]):format(core.version(), table.concat(rows, "\n"))
end

local function parse(name, command, arguments)
  local parser = require("argparse")("fovea " .. name, command.summary)
  if command.epilog then parser:epilog(command.epilog) end
  command.define(parser)
  local ok, result = parser:pparse(arguments)
  if ok then return result end
  M.complain(("%s: %s (fovea %s --help shows the options)"):format(name, result, name))
end

--- Message of an error without the place in our own code.
local function bare(message)
  return (tostring(message):gsub("^[^:\n]+%.lua:%d+: ", ""))
end

--- Runs a command. Misuse that a function raises becomes a message and status 2.
---@param arguments string[] the command's name and its arguments
---@return integer status
function M.main(arguments)
  local name = arguments[1]
  if not name or name == "--help" then
    print(overview())
    return M.DONE
  elseif name == "--version" then
    print("fovea " .. core.version())
    return M.DONE
  end
  local command = require("fovea.cli." .. name)
  local parsed = parse(name, command, { table.unpack(arguments, 2) })
  if not parsed then return M.MISUSE end
  local ok, status = xpcall(command.run, function(message)
    return { text = bare(message), trace = os.getenv "FOVEA_TRACE" and debug.traceback(message, 2) }
  end, parsed)
  if ok then return status end
  M.complain(status.text)
  if status.trace then io.stderr:write(status.trace, "\n") end
  return M.MISUSE
end

return M
