--- Networks that a recipe trains: a model with the key `train` takes the weights that its training recipe writes, and
--- trains them first when they are not there.
---
--- In this order: the file that `path` names; NAME.safetensors in the folder of the training. Either is taken when it
--- is of the network and the preprocessing that the training recipe describes, the second only when its training has
--- ended. Otherwise the training runs, or goes on.
local check = require "fovea.recipe.check"
local json = require "fovea.json"
local lfs = require "lfs"
local preprocess = require "fovea.preprocess"
local read = require "fovea.recipe.read"

local M = {}

---@class fovea.NetworkSource
---@field recipe fovea.Node the training recipe
---@field settings table its settings
---@field folder string where it writes
---@field path string weights that are taken, or will be there after training
---@field pending boolean not trained yet

local function train_recipe() return require "fovea.train.recipe" end

--- Architecture, options and preprocessing in a form that can be compared; options that have their default value are
--- the same as options that are not given.
local function description(arch, options, record)
  local architecture, all = require("fovea.arch"), {}
  local found = architecture.find(arch)
  for key, value in pairs(found and architecture.options(found, options) or options or {}) do
    if type(value) ~= "table" or next(value) ~= nil then all[key] = value end
  end
  return json.encode { arch = arch, options = all, preprocess = record and preprocess.record(record) or nil }
end

--- Whether a weight file is of the network that a training recipe describes.
local function fits(path, settings)
  if lfs.attributes(path, "mode") ~= "file" then return false end
  local file = require("fovea.safetensors").open(path)
  if not file then return false end
  local notes = require("fovea.import.sidecar").read(path, file:metadata())
  file:close()
  if not notes or not notes.arch then return settings.arch:find "%.lua$" ~= nil end
  local record = settings.preprocess and notes.preprocess
  return description(notes.arch, notes.arch_options, record)
    == description(settings.arch, settings.arch_options, record and settings.preprocess)
end

--- Whether the training in a folder has ended; one whose state is gone counts as ended.
local function ended(folder)
  local state, message = require("fovea.train.checkpoint").peek(folder .. "/state.safetensors")
  if state then return state.finished ~= nil end
  return message == nil
end

local function node_of(given)
  if given.kind ~= "text" then return read.extended(given) end
  local node = read.node(check.resolve(given.base, given.value), {})
  return node
end

--- What a model with the key `train` stands for. Raises what is wrong with the training recipe.
---@param own { train: fovea.Node, path: string? } the model of the recipe
---@return fovea.NetworkSource
function M.source(own)
  local node = node_of(own.train)
  local plan = train_recipe().settings(node, {})
  local network = { recipe = node, settings = plan.settings, folder = plan.folder, name = plan.name, pending = true,
    path = ("%s/%s.safetensors"):format(plan.folder, plan.name) }
  if own.path and fits(own.path, plan.settings) then
    network.path, network.pending = own.path, false
  elseif fits(network.path, plan.settings) and ended(plan.folder) then
    network.pending = false
  end
  return network
end

--- The network with random weights: its layers are those of the trained one.
---@param network fovea.NetworkSource
---@return fovea.Model? model
---@return string? message
---@return string? code
function M.untrained(network)
  local settings = network.settings
  return require("fovea.arch").model(settings.arch, settings.arch_options, {},
    { preprocess = settings.preprocess, seed = settings.seed })
end

--- Trains a network, or goes on with it.
---@param network fovea.NetworkSource
---@param options { report: fun(event: table)?, threads: integer? }
---@return boolean done
---@return string? message
---@return string? code
function M.train(network, options)
  local ok, result, message, code = pcall(train_recipe().run, network.recipe, options)
  if not ok then
    if tostring(result):find("interrupted!", 1, true) then error(result, 0) end
    return false, check.bare(result), "argument"
  end
  if not result then return false, message, code end
  network.pending = false
  return true
end

return M
