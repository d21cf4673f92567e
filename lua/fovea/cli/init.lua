--- The commands of the tool: one file of this folder each, found by name:
---
---     return {
---       summary = "one line",
---       define = function(parser) ... end,        -- an argparse parser
---       describe = function() return epilog end,  -- if it takes time to make: only for --help
---       run = function(arguments) return status end,
---     }
---
--- Exit status: 0 done, 1 some cases failed (the others are there), 2 misuse.
local budget = require "fovea.budget"
local bytes = require "fovea.bytes"
local core = require "fovea.core"
local lookup = require "fovea.lookup"
local preprocess = require "fovea.preprocess"

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

--- Options of commands that run a model: its memory.
---@param parser table argparse parser
function M.define_memory(parser)
  parser:option("--memory", "most memory that may be used: 512M, 2G or bytes; slower ways that need less are taken, "
    .. "and what cannot be done in it is refused"):argname "SIZE"
  parser:flag("--verbose", "tell how much memory is needed, before a model runs")
end

--- Holds a model to what define_memory asked for.
---@param arguments table parsed command line
---@param model fovea.Model
function M.limit_memory(arguments, model)
  model.memory = arguments.memory and bytes.parse(arguments.memory, "--memory", 0)
  if arguments.verbose then
    model.planned = function(_, use) M.complain(("%s: %s"):format(model.name, budget.text(use))) end
  end
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

--- Options of commands that bring images to the model's input.
---@param parser table argparse parser
function M.define_preprocess(parser)
  parser:option("--size", "model input size WxH (default: the model's own)")
  parser:option("--fit", "how an image gets that size: resize (default), pad (alone: to multiples of 32), crop")
    :choices { "resize", "pad", "crop" }
  parser:option("--channels", "channels of the input, 1 or 3"):convert(math.tointeger)
  parser:option("--order", "channel order, rgb or bgr"):choices { "rgb", "bgr" }
  parser:option("--scale", "factor of the pixel values (default 1/255, 1/65535 for 16 bits)"):convert(tonumber)
  parser:option("--mean", "subtracted after scaling: one number or one per channel"):args "+"
  parser:option("--std", "divides after the mean: one number or one per channel"):args "+"
end

--- Numbers of an option that takes several, also joined by commas.
---@param list string[]?
---@param what string name of the option
---@return number[]?
function M.numbers(list, what)
  if not list then return nil end
  local values = {}
  for text in table.concat(list, ","):gmatch "[^,]+" do
    values[#values + 1] = tonumber(text) or error(("--%s: '%s' is not a number"):format(what, text), 0)
  end
  return values
end

--- Width and height of an option.
---@param text string "WxH"
---@param what string name of the option
---@return integer width
---@return integer height
function M.extent(text, what)
  local width, height = text:match "^(%d+)x(%d+)$"
  if not width then error(("--%s: '%s' is not WxH"):format(what, text), 0) end
  return math.tointeger(tonumber(width)), math.tointeger(tonumber(height))
end

local MULTIPLE = 32 -- a side that five halvings divide

--- Preprocessing of a model with what define_preprocess asked for.
---@param arguments table parsed command line
---@param model fovea.Model
---@return table record
function M.preprocessing(arguments, model)
  local record = {}
  for key, value in pairs(model.preprocess) do record[key] = value end
  for _, key in ipairs { "channels", "order", "scale" } do record[key] = arguments[key] or record[key] end
  for _, key in ipairs { "mean", "std" } do record[key] = M.numbers(arguments[key], key) or record[key] end
  if arguments.size then
    local width, height = M.extent(arguments.size, "size")
    record.size = { policy = "fixed", width = width, height = height }
  end
  if arguments.fit and arguments.fit ~= "resize" then
    local exact = arguments.size or arguments.fit == "crop"
    record.size = { policy = arguments.fit, width = exact and record.size.width or nil,
      height = exact and record.size.height or nil, multiple = MULTIPLE }
  end
  return preprocess.record(record)
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

--- The input shape that --size asks for, or the default one.
---@param model fovea.Model
---@param text? string "WxH" or "WxHxD"
---@return integer[]
function M.input_shape(model, text)
  if not text then return model:default_shape() end
  local shape, size = model:default_shape(), parse_size(text)
  if #size ~= #shape - 2 then error(("--size: the input has %d spatial axes"):format(#shape - 2), 0) end
  for i, n in ipairs(size) do shape[i + 2] = n end
  return shape
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

local function asks_for_help(arguments)
  for _, word in ipairs(arguments) do
    if word == "--help" or word == "-h" then return true end
  end
  return false
end

local function parse(name, command, arguments)
  local parser = require("argparse")("fovea " .. name, command.summary)
  if command.epilog then parser:epilog(command.epilog) end
  command.define(parser)
  if command.describe and asks_for_help(arguments) then parser:epilog(command.describe()) end
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
