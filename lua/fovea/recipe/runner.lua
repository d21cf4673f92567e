--- Runs units of work: one model, one image, its cases. The forward pass always taps all layers of the recipe, so that
--- a case has the same bits whatever else is computed along with it.
local check = require "fovea.recipe.check"
local core = require "fovea.core"
local expand = require "fovea.recipe.expand"
local explain_all = require("fovea.explain").explain_all
local inputs = require "fovea.recipe.inputs"
local key = require "fovea.recipe.key"
local segmentation = require "fovea.recipe.segmentation"
local writer = require "fovea.recipe.writer"

local M = {}

local MOST_MAPS = 64 -- held in memory at a time

---@class fovea.RecipeReport
---@field case fovea.RecipeCase
---@field outcome "done"|"there"|"failed"
---@field message string?

--- Calls f; Ctrl-C goes on upwards.
local function attempt(f, ...)
  local results = table.pack(pcall(f, ...))
  if not results[1] and tostring(results[2]):find("interrupted!", 1, true) then error(results[2], 0) end
  return table.unpack(results, 1, results.n)
end

--- Records a failure and tells it.
local function fail(run, case, message, code)
  local record = expand.names(run.plan, case)
  record.case, record.error, record.code = case.id, message, code
  local written, problem = run.store:put(case.id, record)
  run.report { case = case, outcome = "failed", message = written and message or problem }
end

--- Writes the result of a case: its files, then its record.
local function succeed(run, case, heats, truth)
  local ok, record, message, code = attempt(writer.record, run, case, heats, truth)
  if not ok then return fail(run, case, check.bare(record), "argument") end
  if not record then return fail(run, case, message, code) end
  local written, problem = run.store:put(case.id, record)
  run.report { case = case, outcome = written and "done" or "failed", message = problem }
end

--- Whether a strategy may give several targets (each component by itself).
local function is_several(strategy)
  if strategy.expand then return true end
  for _, part in ipairs(strategy.of or {}) do
    if is_several(part) then return true end
  end
  return false
end

--- Strategies in chunks whose maps fit into memory; one that gives several targets stays alone.
local function chunks(run, strategies, per_strategy)
  local list, most = {}, math.max(1, MOST_MAPS // per_strategy)
  for _, s in ipairs(strategies) do
    local last, alone = list[#list], is_several(run.plan.strategies[s].value)
    if last and #last < most and not alone and not last.closed then
      last[#last + 1] = s
    else
      list[#list + 1] = { s, closed = alone }
    end
  end
  return list
end

local function options_of(run, unit, score, chunk)
  local plan, strategies, methods = run.plan, {}, {}
  local source = plan.models[unit.model]
  for i, s in ipairs(chunk) do strategies[i] = plan.strategies[s].value end
  for i, part in ipairs(plan.methods) do methods[i] = part.value end
  return { layers = source.layers, thresholds = strategies, methods = methods, score = score,
    reduction = plan.settings.reduction, class = expand.setting(plan, source, "class"),
    output = expand.setting(plan, source, "output"), activation = expand.setting(plan, source, "activation"),
    ground_truth = unit.inputs.truth, spacing = plan.settings.spacing, exact = plan.settings.exact,
    precision = plan.settings.precision }
end

--- Maps by strategy, layer and method: lists, one map per target.
local function sorted_maps(run, unit, chunk, maps)
  local found, per_strategy = {}, #run.plan.models[unit.model].layers * #run.plan.methods
  for i, heat in ipairs(maps) do
    local s = chunk[math.min(#chunk, (i - 1) // per_strategy + 1)]
    local place = ("%d %s %s"):format(s, heat.layer, heat.method)
    found[place] = found[place] or {}
    table.insert(found[place], heat)
  end
  return function(case)
    return found[("%d %s %s"):format(case.strategy, case.layer, run.plan.methods[case.method].value.name)]
  end
end

local run_chunk

--- A strategy that raises an error takes no other down: each runs alone.
local function after_error(run, unit, score, chunk, cases, message)
  if #chunk == 1 then
    for _, case in ipairs(cases[chunk[1]]) do
      fail(run, case, check.bare(message), "argument")
    end
    return
  end
  for _, s in ipairs(chunk) do run_chunk(run, unit, score, { s }, cases) end
end

--- cases: lists by strategy
function run_chunk(run, unit, score, chunk, cases)
  local ok, maps, message, code = attempt(explain_all, unit.loaded, unit.inputs.given,
    options_of(run, unit, score, chunk))
  if not ok then return after_error(run, unit, score, chunk, cases, maps) end
  local maps_of = maps and sorted_maps(run, unit, chunk, maps)
  for _, s in ipairs(chunk) do
    for _, case in ipairs(cases[s]) do
      if maps then succeed(run, case, maps_of(case), unit.inputs.truth) else fail(run, case, message, code) end
    end
  end
end

--- Runs the cases of one score.
local function run_score(run, unit, score, pending)
  local strategies, cases = {}, {}
  for _, case in ipairs(pending) do
    if case.score == score then
      if not cases[case.strategy] then
        cases[case.strategy], strategies[#strategies + 1] = {}, case.strategy
      end
      table.insert(cases[case.strategy], case)
    end
  end
  table.sort(strategies)
  local per_strategy = #run.plan.models[unit.model].layers * #run.plan.methods
  for _, chunk in ipairs(chunks(run, strategies, per_strategy)) do run_chunk(run, unit, score, chunk, cases) end
end

--- Loads what the pending cases need; a message when that fails.
local function prepare(run, unit)
  local source = run.plan.models[unit.model]
  if source.message then return source.message, source.code end
  local model, message, code = expand.load(run.plan, unit.model)
  if not model then return message, code end
  local found, reason, kind = inputs.read(run.plan.images[unit.image], run.plan.settings.ground_truth_label)
  if not found then return reason, kind end
  unit.loaded, unit.inputs = model, found
end

local function pending_cases(run, unit)
  local pending = {}
  for _, case in ipairs(unit.cases) do
    if run.plan.keyed and run.store:done(case.id, key.of(run.plan, case)) then
      run.report { case = case, outcome = "there" }
    else
      pending[#pending + 1] = case
    end
  end
  return pending
end

--- Runs the cases of a unit that are not done yet.
---@param run { plan: fovea.RecipePlan, store: fovea.RecipeStore, report: fun(report: fovea.RecipeReport) }
---@param unit fovea.RecipeUnit
function M.unit(run, unit)
  local start, pending, evaluation = core.clock(), pending_cases(run, unit), segmentation.pending(run, unit)
  if #pending == 0 and not evaluation then return end
  local message, code = prepare(run, unit)
  if evaluation then segmentation.run(run, unit, evaluation, message, code) end
  if message then
    for _, case in ipairs(pending) do fail(run, case, message, code) end
  else
    for _, score in ipairs(run.plan.scores) do run_score(run, unit, score, pending) end
  end
  unit.loaded, unit.inputs = nil, nil
  run.store:log { time = os.date "!%Y-%m-%dT%H:%M:%SZ", model = run.plan.models[unit.model].name,
    image = run.plan.images[unit.image].name, path = run.plan.images[unit.image].path, cases = #pending,
    seconds = core.clock() - start, threads = core.threads(), memory = run.plan.models[unit.model].memory }
end

return M
