--- Recipes: experiments as data. A recipe says which models, images, layers, threshold strategies, methods and scores
--- are combined, which metrics are computed and what is written; `fovea run` reads it from YAML, this module from a Lua
--- table with the same keys. Every combination is a case; a run that is stopped goes on where it was.
local check = require "fovea.recipe.check"
local core = require "fovea.core"
local expand = require "fovea.recipe.expand"
local figure = require "fovea.recipe.figure"
local jobs = require "fovea.recipe.jobs"
local lookup = require "fovea.lookup"
local merge = require "fovea.recipe.merge"
local networks = require "fovea.recipe.networks"
local reader = require "fovea.recipe.read"
local reference = require "fovea.recipe.reference"
local runner = require "fovea.recipe.runner"
local segmentation = require "fovea.recipe.segmentation"
local store_module = require "fovea.recipe.store"
local tables = require "fovea.recipe.tables"
local units = require "fovea.recipe.units"

local M = {}

-- reading ------------------------------------------------------------------------------------------------------------

local function read(source, options)
  local node, base = reader.node(source, options)
  local settings, places = check.settings(node)
  if not settings then error(table.concat(places, "\n"), 0) end
  local stem = type(source) == "string" and source:match("([^/]+)$"):gsub("%.[%w]+$", "") or "recipe"
  settings.name = settings.name or stem
  settings.results = options.out or settings.results or settings.name
  return expand.plan(settings, places, base)
end

local OPTIONS = { "set", "out", "base", "force", "shard", "jobs", "threads", "command", "report", "worker" }

--- The plan of a recipe: everything checked, nothing run or written. Raises with all that is wrong, each with the file
--- and line (or the key, for a table).
---@param source string|table path of a YAML file, or a table with the same keys
---@param options? { set: string[]?, out: string?, base: string? } set: "KEY=VALUE" texts that override the recipe;
--- out: folder of the results; base: folder that paths in a table are relative to
---@return fovea.RecipePlan
function M.plan(source, options)
  lookup.check_keys(options, OPTIONS, "recipe")
  local ok, result = pcall(read, source, options or {})
  if not ok then error(result, 2) end
  return result
end

-- running ------------------------------------------------------------------------------------------------------------

--- Removes what is to be computed again: all with force, failures always.
local function forget(store, share, force)
  for _, unit in ipairs(share) do
    for _, case in ipairs(unit.cases) do
      local record = (force and true) or store:record(case.id)
      if record == true or (record and record.error) then store:remove(case.id) end
    end
  end
end

--- Cases whose process died each time get a record that says so.
local function record_lost(run, lost)
  for _, case in ipairs(lost) do
    local record = expand.names(run.plan, case)
    record.case, record.error, record.code = case.id, "the process that computed this case died", "process"
    run.store:put(case.id, record)
    run.report { case = case, outcome = "failed", message = record.error }
  end
end

local function run_units(run, share, options)
  if (options.jobs or 1) <= 1 then
    for _, unit in ipairs(share) do runner.unit(run, unit) end
    return
  end
  local lost = jobs.run({ plan = run.plan, report = run.report, jobs = options.jobs, threads = options.threads,
    command = options.command }, share)
  record_lost(run, lost)
end

---@class fovea.RecipeResult
---@field folder string
---@field done integer cases computed now
---@field there integer cases that were there
---@field failed integer
---@field records table[]? all records in the order of the cases; not for a shard
---@field summary fovea.Summary?
---@field figures string[]?

--- Tables and figures of a run whose cases are all there.
local function finish(plan, store, result)
  local records, missing = tables.records(plan, store)
  if not records then return nil, ("no record of: %s"):format(table.concat(missing, "; ")) end
  store:sweep()
  local summary, message = tables.write(plan, store, records)
  if not summary then return nil, message end
  local figures, problem = figure.write(plan, store, records)
  if not figures then return nil, problem end
  result.records, result.summary, result.figures = records, summary, figures
  return result
end

--- Number of processes that units are prepared for.
local function share_of(plan, options)
  return units.at_least(units.share(plan, options.shard), options.jobs or 1)
end

--- Trains the networks that are not trained yet. The cases of one that cannot be trained fail.
local function train(plan, options)
  for index, source in ipairs(plan.models) do
    if source.network and source.network.pending then
      local function report(event)
        if options.train_report then options.train_report(source, event) end
      end
      local ok, message, code = networks.train(source.network, { report = report, threads = options.threads })
      if code == "mismatch" then error(message, 0) end -- another recipe's training is in that folder
      plan.loaded, source.message, source.code = nil, message, code
      if ok then
        source.message, source.code = nil, nil
        expand.describe_model(plan, index)
      end
    end
  end
end

--- Runs a plan.
---@param plan fovea.RecipePlan
---@param options? { force: boolean?, shard: { index: integer, count: integer }?, report: function?, jobs: integer?,
---  threads: integer?, command: string[]?, worker: string?, train_report: fun(source: table, event: table)? }
---  train_report: called after each step and epoch of a network that is trained first
---@return fovea.RecipeResult? result nil when the results cannot be written
---@return string? message
function M.run_plan(plan, options)
  options = options or {}
  local store, message = store_module.open(plan.folder)
  if not store then return nil, message end
  local share, result = share_of(plan, options), { folder = plan.folder, done = 0, there = 0, failed = 0 }
  local run = { plan = plan, store = store }
  if options.threads then core.threads(options.threads) end
  if options.worker then
    jobs.work(run, share, options.worker)
    return result
  end
  run.report = function(report)
    result[report.outcome] = result[report.outcome] + 1
    if options.report then options.report(report) end
  end
  train(plan, options)
  local ok, problem = store:put_plan(plan)
  if not ok then return nil, problem end
  forget(store, share, options.force)
  run_units(run, share, options)
  for _, unit in ipairs(segmentation.units(plan, options.shard)) do runner.unit(run, unit) end
  if options.shard then return result end
  return finish(plan, store, result)
end

--- Runs a recipe: all cases, tables, figures. Cases that are done already and whose inputs have not changed are kept.
--- Misuse raises; a case that fails becomes a record with its reason.
---@param source string|table path of a YAML file, or a table with the same keys (functions may stand for strategies,
--- methods, metrics and layer filters; such cases are always computed anew)
---@param options? table `set`, `out`, `base` as for `plan`; `force`: compute all cases again; `shard`: { index =,
--- count = }, a share of the cases without tables; `report`: called with each case
---@return fovea.RecipeResult? result
---@return string? message
function M.run(source, options)
  local plan = M.plan(source, options)
  return M.run_plan(plan, options)
end

--- The cases of a shard (all without one).
---@param plan fovea.RecipePlan
---@param shard? { index: integer, count: integer }
---@return fovea.RecipeCase[]
function M.cases(plan, shard)
  local list = {}
  for _, unit in ipairs(units.share(plan, shard)) do table.move(unit.cases, 1, #unit.cases, #list + 1, list) end
  return list
end

--- Joins the folders of shards: see fovea.recipe.merge.
M.merge = merge.run

--- The reference of all keys, as text.
M.reference = reference.text

--- The JSON Schema of recipes, as text.
M.json_schema = reference.json_schema

M.finish = finish

return M
