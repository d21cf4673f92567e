--- A training recipe: from YAML, or a table with the same keys, to a model, loaders and the settings of the loop.
local check = require "fovea.recipe.check"
local core = require "fovea.core"
local part = require "fovea.train.part"
local read = require "fovea.recipe.read"
local schema = require "fovea.train.schema"

local M = {}

---@class fovea.TrainPlan
---@field settings table the recipe with its defaults
---@field name string
---@field folder string
---@field model fovea.Model
---@field train fovea.DataSet
---@field validation fovea.DataSet?
---@field loader table
---@field validation_loader table?
---@field config table plain values that the result depends on, besides the settings of the loop

-- reading ------------------------------------------------------------------------------------------------------------

--- Raises what is wrong with a value together with its place in the recipe.
local function at(plan, key, make)
  local results = table.pack(pcall(make))
  if results[1] then return table.unpack(results, 2, results.n) end
  error(("%s: %s"):format(plan.places[key] or key, check.bare(results[2])), 0)
end

--- The settings of a recipe and where it writes; no data are opened. Raises what is wrong, with its place.
---@param source string|table path of a YAML file, a table with the same keys, or a node of fovea.recipe.yaml
---@param options { set: string[]?, out: string?, base: string? }
---@return table plan settings, places, base, name, folder
function M.settings(source, options)
  local node, base = read.node(source, options)
  local settings, places = check.of(node, schema.recipe)
  if not settings then error(table.concat(places, "\n"), 0) end
  local stem = type(source) == "string" and source:match("([^/]+)$"):gsub("%.[%w]+$", "") or "training"
  settings.name = settings.name or stem
  return { settings = settings, places = places, base = base, name = settings.name,
    folder = options.out or settings.out or settings.name }
end

-- model --------------------------------------------------------------------------------------------------------------

local function arch_of(plan)
  local name = plan.settings.arch
  if not name:find "%.lua$" then return name end
  return check.resolve(plan.base, name)
end

local function model_of(plan)
  local settings = plan.settings
  local arch = arch_of(plan)
  if settings.weights then
    return require("fovea.model").load(settings.weights,
      { arch = arch, arch_options = settings.arch_options, preprocess = settings.preprocess })
  end
  return require("fovea.arch").model(arch, settings.arch_options, {},
    { preprocess = settings.preprocess, seed = settings.seed })
end

-- data ---------------------------------------------------------------------------------------------------------------

local LOADER = { "patch", "patches_per_image", "foreground_share", "augment", "shuffle", "drop_last", "cache_bytes" }

local function loaders_of(plan)
  local data, settings = plan.settings.data, plan.settings
  local loader = require("fovea.data").loader
  local options = { batch = settings.batch, seed = settings.seed, preprocess = plan.model.preprocess }
  for _, key in ipairs(LOADER) do options[key] = data[key] end
  plan.loader = at(plan, "data", function() return loader(plan.train, options) end)
  plan.validation_loader = plan.validation and at(plan, "data.validation", function()
    return loader(plan.validation, { batch = data.validation_batch or 1, shuffle = false, drop_last = false,
      preprocess = plan.model.preprocess, cache_bytes = data.cache_bytes })
  end)
  if not settings.steps_per_epoch then return end
  local inner, own = plan.loader, settings.steps_per_epoch
  plan.loader = { steps = function() return own end, batch = function(_, epoch, step)
    local index, steps = (epoch - 1) * own + step - 1, inner:steps()
    return inner:batch(index // steps + 1, index % steps + 1)
  end }
end

local function open(plan, key)
  local spec = plan.settings.data[key]
  if not spec then return nil end
  local set, message, code = at(plan, "data." .. key, function()
    local opened, why, kind = require("fovea.data").open(spec)
    if opened then
      local first
      first, why, kind = opened:read(1)
      if first and not first.mask then why = ("%s has no mask"):format(first.name) end
    end
    return not why and opened, why, kind
  end)
  if not set then return nil, ("%s: %s"):format(plan.places["data." .. key], message), code end
  return set
end

--- What the items of a set are: their names, and the sizes of files.
local function contents(set)
  local lines = {}
  for i = 1, #set do
    local item = set:item(i)
    local path = type(item.path) == "string" and item.path or ""
    lines[i] = ("%s %s"):format(item.name, require("lfs").attributes(path, "size") or path)
  end
  return ("%d items, %s"):format(#set, core.file.hash_text(table.concat(lines, "\n")))
end

-- the whole ----------------------------------------------------------------------------------------------------------

--- What the result depends on besides the settings of the loop.
local function config_of(plan)
  local config = { version = core.version(), train = contents(plan.train), batch = plan.settings.batch,
    validation = plan.validation and contents(plan.validation), preprocess = plan.model.preprocess,
    weights = plan.settings.weights and core.file.hash(plan.settings.weights) }
  for key, value in pairs(plan.settings.data) do
    if key ~= "train" and key ~= "validation" and key ~= "cache_bytes" then config["data." .. key] = value end
  end
  return config
end

--- Raises for names of metrics that there are not.
local function check_metrics(plan)
  local metric = require("fovea.evaluate").metric
  for i, name in ipairs(plan.settings.metrics or {}) do
    at(plan, ("metrics[%d]"):format(i), function() metric(name) end)
  end
  local watch = plan.settings.watch
  if watch and watch ~= "loss" then at(plan, "watch", function() metric(watch) end) end
end

--- A part with the path of its file as it can be opened from here.
local function resolved(plan, given)
  local name = type(given) == "table" and given.name or given
  local path = type(name) == "string" and name:match "^file:(.+)$"
  if not path then return given end
  local copy = { name = "file:" .. check.resolve(plan.base, path) }
  for key, value in pairs(type(given) == "table" and given or {}) do copy[key] = copy[key] or value end
  return copy
end

local function complete(plan)
  local message, code
  check_metrics(plan)
  for _, kind in ipairs { "loss", "optimiser", "schedule" } do
    plan.settings[kind] = resolved(plan, plan.settings[kind])
    at(plan, kind, function() return part.find(kind, plan.settings[kind]) end)
  end
  plan.model, message, code = at(plan, "arch", function() return model_of(plan) end)
  if not plan.model then return nil, message, code end
  for _, key in ipairs { "train", "validation" } do
    plan[key], message, code = open(plan, key)
    if not plan[key] and message then return nil, message, code end
  end
  loaders_of(plan)
  plan.config = config_of(plan)
  return plan
end

local OPTIONS = { "set", "out", "base", "force", "threads", "report" }

--- The plan of a recipe: everything checked, nothing trained or written. Misuse raises, with the place in the file.
---@param source string|table path of a YAML file, or a table with the same keys
---@param options? { set: string[]?, out: string?, base: string? } as of fovea.recipe.plan
---@return fovea.TrainPlan? plan nil when data or weights cannot be read
---@return string? message
---@return string? code
function M.plan(source, options)
  require("fovea.lookup").check_keys(options, OPTIONS, "train")
  local ok, plan, message, code = pcall(function() return complete(M.settings(source, options or {})) end)
  if not ok then error(plan, 2) end
  return plan, message, code
end

local PASSED = { "loss", "optimiser", "schedule", "outputs", "activation", "clip", "frozen", "exact", "epochs",
  "metrics", "watch", "early_stopping", "keep", "dtype", "statistics_epochs", "checkpoint_steps", "seed" }

--- Trains by a recipe. A run that was stopped goes on where it was, to the same weights.
---@param source string|table|fovea.TrainPlan path of a YAML file, a table with the same keys, or a plan
---@param options? { set: string[]?, out: string?, base: string?, force: boolean?, threads: integer?,
---  report: fun(event: table)? } force: begin anew; report: called after each step and epoch
---@return fovea.FitResult? result
---@return string? message
---@return string? code
function M.run(source, options)
  options = options or {}
  local plan = source
  if type(source) == "string" or not source.loader then
    local made, message, code = M.plan(source, options)
    if not made then return nil, message, code end
    plan = made
  end
  local settings = { validation = plan.validation_loader, folder = plan.folder, name = plan.name, config = plan.config,
    force = options.force, threads = options.threads, report = options.report }
  for _, key in ipairs(PASSED) do settings[key] = plan.settings[key] end
  return require("fovea.train.fit").fit(plan.model, plan.loader, settings)
end

return M
