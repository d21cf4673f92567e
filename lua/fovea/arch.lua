--- Architectures: networks written in Lua, found by name (files of fovea.models) or by the path of a user's file.
---
---     local model = fovea.arch.model("r2unet", { t = 3 })              -- random weights
---     local model = fovea.arch.model("my_net.lua", {}, weights)        -- a file, weights by name
---
--- A file returns a table as below, or just its build function.
local lookup = require "fovea.lookup"
local model_module = require "fovea.model"
local nn = require "fovea.nn"

local M = {}

---@class fovea.Architecture
---@field name string
---@field doc string
---@field options fovea.ArchitectureOption[]
---@field input fun(options: table): (integer|false)[] shape, false where open; default 1, 3, open, open
---@field build fun(nn: fovea.NN, x: fovea.Node, options: table): fovea.Node|fovea.Node[] the output, or outputs that
---  bear the names of their nodes
---@field explained? string|fun(options: table): string output that is explained by default; default the last
---@field candidate_layers? fun(options: table): string[] layers worth explaining
---@field default_shape? fun(options: table): integer[] input shape for inspection
---@field preprocess? table|fun(options: table): table how images become the input (fovea.preprocess)
---@field maps? table<string, fun(name: string, shape: integer[]): string?> by code base: own name of a parameter

---@class fovea.ArchitectureOption
---@field name string
---@field default any
---@field kind? string "integer", "number", "boolean", "string", "table"; default that of the default
---@field choices? any[]
---@field doc string

-- finding ------------------------------------------------------------------------------------------------------------

--- Names of the architectures that come with the toolkit.
---@return string[]
function M.names() return lookup.names "fovea.models" end

local function from_file(path)
  local chunk, message = loadfile(path)
  if not chunk then
    local missing = not io.open(path)
    return nil, missing and ("%s: cannot be opened"):format(path) or message, missing and "io" or "format"
  end
  local ok, found = pcall(chunk)
  if not ok then return nil, ("%s: %s"):format(path, tostring(found)), "format" end
  if type(found) == "function" then found = { build = found } end
  if type(found) ~= "table" or type(found.build) ~= "function" then
    return nil, ("%s: returns neither a build function nor a table with one"):format(path), "format"
  end
  found.name = found.name or path:match("([^/]+)$"):gsub("%.lua$", "")
  return found
end

--- An architecture by name, or by the path of a Lua file (with a slash in it or ending in .lua). Unknown names raise.
---@param name string|fovea.Architecture
---@return fovea.Architecture?
---@return string? message
---@return string? code "io", "format"
function M.find(name)
  if type(name) == "table" then return name end
  if type(name) ~= "string" then error("arch: a name or a path is expected, not a " .. type(name), 2) end
  if name:find("/", 1, true) or name:find "%.lua$" then return from_file(name) end
  return lookup.load("fovea.models", name, "arch: unknown architecture")
end

-- options ------------------------------------------------------------------------------------------------------------

local function kind_of(option)
  if option.kind then return option.kind end
  return math.type(option.default) == "integer" and "integer" or type(option.default)
end

--- A value as the kind says; texts (of a command line) are read.
local from_text = {
  integer = math.tointeger,
  number = tonumber,
  boolean = function(value)
    if value == "true" then return true end
    if value == "false" then return false end
    return type(value) == "boolean" and value or nil
  end,
  string = function(value) return type(value) == "string" and value or nil end,
  table = function(value)
    if type(value) ~= "string" then return type(value) == "table" and value or nil end
    local list = {}
    for part in value:gmatch "[^,]+" do list[#list + 1] = math.tointeger(part) or tonumber(part) or part end
    return list
  end,
}

local function read_value(architecture, option, given)
  local kind = kind_of(option)
  local value = from_text[kind](given)
  if kind == "boolean" and given == false then value = false end
  if value == nil then
    error(("%s: option '%s' must be of kind %s, not %s"):format(architecture.name, option.name, kind, tostring(given)),
      0)
  end
  for _, choice in ipairs(option.choices or { value }) do
    if choice == value then return value end
  end
  local choices = {}
  for i, choice in ipairs(option.choices) do choices[i] = tostring(choice) end
  error(lookup.unknown(("%s: option '%s' cannot be"):format(architecture.name, option.name), value, choices), 0)
end

--- All options of an architecture: those given, checked, and the defaults. Raises for what is not known.
---@param architecture fovea.Architecture
---@param given? table
---@return table
function M.options(architecture, given)
  local known, options = {}, {}
  for i, option in ipairs(architecture.options or {}) do known[i] = option.name end
  lookup.check_keys(given, known, architecture.name)
  for _, option in ipairs(architecture.options or {}) do
    local value = given and given[option.name]
    if value == nil then value = option.default else value = read_value(architecture, option, value) end
    options[option.name] = value
  end
  return options
end

--- A field of an architecture that may be a function of the options.
local function resolved(field, options)
  if type(field) == "function" then return field(options) end
  return field
end

-- models -------------------------------------------------------------------------------------------------------------

local SETTINGS = { "preprocess", "input_shape", "seed", "blank" }

--- A model of an architecture. What the weights lack is initialised (seeded) and put into them; weights of another
--- shape raise. `model.weights` holds them, `model.parameters` lists name and shape in the order of their use.
---@param name string|fovea.Architecture name, path of a Lua file, or what such a file returns
---@param options? table of the architecture
---@param weights? table<string, fovea.Tensor> by own name
---@param settings? { preprocess: table?, input_shape: integer[]?, seed: integer?, blank: boolean? } seed: of the
--- initialisers (0); blank: weights that are missing stay undefined, for the list of parameters alone
---@return fovea.Model? model
---@return string? message
---@return string? code
function M.model(name, options, weights, settings)
  settings = settings or {}
  lookup.check_keys(settings, SETTINGS, "arch.model")
  local architecture, message, code = M.find(name)
  if not architecture then return nil, message, code end
  local complete, store, parameters = M.options(architecture, options), weights or {}, {}
  local model = model_module.new {
    name = architecture.name,
    input = resolved(architecture.input, complete) or { 1, 3, false, false },
    build = function(graph, x)
      local builder = nn.new(graph, store, settings.seed, settings.blank)
      local outputs = architecture.build(builder, x, complete)
      for i, entry in ipairs(builder.entries) do parameters[i] = entry end
      return outputs
    end,
    preprocess = settings.preprocess or resolved(architecture.preprocess, complete),
    input_shape = settings.input_shape or resolved(architecture.default_shape, complete),
    explained = resolved(architecture.explained, complete),
    candidates = resolved(architecture.candidate_layers, complete),
  }
  model.architecture, model.options = architecture, complete
  model.weights, model.parameters = store, parameters
  return model
end

return M
