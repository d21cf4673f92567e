--- fovea run RECIPE: an experiment from a YAML file.
local budget = require "fovea.budget"
local bytes = require "fovea.bytes"
local cli = require "fovea.cli"
local expand = require "fovea.recipe.expand"
local json = require "fovea.json"
local progress = require "fovea.progress"
local recipe = require "fovea.recipe"
local text = require "fovea.report.text"

local M = {
  summary = "run an experiment from a recipe (YAML)",
  epilog = "A run that is stopped goes on where it was: cases whose model, image and settings have not changed are "
    .. "kept. Lua files that a recipe names are run. Exit status: 0 done, 1 some cases failed, 2 misuse.",
}

local INTERRUPTED = 130 -- as shells say it

--- Describes the command line.
---@param parser table argparse parser
function M.define(parser)
  parser:argument("recipes", "YAML files; see configs/ for examples"):args "*"
  parser:option("--set", "override a key: images=eye.png, outputs.raw=true, layers='[dec*, auto]'")
    :argname "KEY=VALUE":count "*"
  parser:option("--out", "folder of the results (default: what the recipe says, or its name); several recipes write to "
    .. "folders of their names in it")
  parser:option("--shard", "only this share of the cases, for several machines; join with fovea merge"):argname "I/N"
  parser:option("--jobs", "processes on this machine"):convert(math.tointeger)
  parser:option("--threads", "threads of each process"):convert(math.tointeger)
  parser:option("--schema", "print the reference of all keys (--schema json: a JSON Schema) and stop"):args "?"
  parser:flag("--force", "compute everything again")
  parser:flag("--dry-run", "list the cases, estimate time and memory, and stop")
  cli.define_memory(parser)
  parser:flag("--json", "print the result as JSON")
  parser:option("--worker"):hidden(true)
end

local function print_schema(form)
  if form ~= nil and form ~= "json" and form ~= "text" then error("--schema: text or json, not " .. form, 0) end
  print(form == "json" and recipe.json_schema() or recipe.reference())
  return cli.DONE
end

local function shard_of(words)
  if not words then return nil end
  local index, count = words:match "^(%d+)/(%d+)$"
  index, count = math.tointeger(tonumber(index)), math.tointeger(tonumber(count))
  if not index or index < 1 or index > count then
    error(("--shard: '%s' is not I/N with I from 1 to N, as in 3/8"):format(words), 0)
  end
  return { index = index, count = count }
end

local function positive(value, what)
  if value and value < 1 then error(("--%s: must be at least 1"):format(what), 0) end
  return value
end

--- The command line of a worker: the same recipe and share.
local function worker_command(arguments, path, plan)
  local program = require("fovea.recipe.jobs").program()
  if not program then error("--jobs: needs the fovea program, not a stock interpreter", 0) end
  local words = { program, "run", path, "--out", plan.folder, "--jobs", tostring(arguments.jobs) }
  for _, override in ipairs(arguments.set) do
    words[#words + 1], words[#words + 2] = "--set", override
  end
  if arguments.shard then words[#words + 1], words[#words + 2] = "--shard", arguments.shard end
  return words
end

local function duration(seconds)
  if seconds < 60 then return ("%.1f s"):format(seconds) end
  local whole = math.floor(seconds)
  if whole < 3600 then return ("%d min %02d s"):format(whole // 60, whole % 60) end
  return ("%d h %02d min"):format(whole // 3600, whole % 3600 // 60)
end

--- The cases and which of them are done, and what the others will cost.
local function dry_run(plan, shard, arguments)
  local key, store = require "fovea.recipe.key", require("fovea.recipe.store").existing(plan.folder)
  local cases, rows, pending = recipe.cases(plan, shard), {}, {}
  for i, case in ipairs(cases) do
    local names = expand.names(plan, case)
    local done = not arguments.force and plan.keyed and store:done(case.id, key.of(plan, case))
    if not done then pending[#pending + 1] = case end
    rows[i] = { names.model, names.image, names.layer, names.threshold, names.method, names.score,
      done and "done" or "to do" }
  end
  local estimate = require("fovea.recipe.estimate").of(plan, pending)
  if arguments.json then
    print(json.encode({ cases = #cases, pending = #pending, seconds = estimate.seconds, bytes = estimate.bytes },
      { indent = 2, order = { "cases", "pending" } }))
    return cli.DONE
  end
  io.stdout:write(text.plain({ "model", "image", "layer", "threshold", "method", "score", "" }, rows))
  for _, model in ipairs(plan.models) do
    if model.network and model.network.pending then
      print(("%s is not trained yet: %d epochs come first; weights in %s"):format(model.name,
        model.network.settings.epochs, model.network.path))
    end
  end
  print(("%d cases, %d to do; about %s in one process, %.1f MB of memory; results in %s"):format(#cases, #pending,
    duration(estimate.seconds), estimate.bytes / 1e6, plan.folder))
  if estimate.note then cli.complain("not in the estimate: " .. estimate.note) end
  return cli.DONE
end

--- Shows progress and complaints of a run.
local function reporter(plan, total)
  local bar = progress.new(total, "running")
  return bar, function(report)
    if report.message then
      bar:say(("fovea: %s: %s"):format(expand.text(plan, report.case), report.message))
    end
    bar:step(plan.images[report.case.image].name)
  end
end

local function show(plan, result, arguments)
  if arguments.json then
    print(json.encode({ folder = result.folder, cases = result.done + result.there + result.failed,
      computed = result.done, there = result.there, failed = result.failed }, { indent = 2 }))
    return
  end
  if result.summary then
    io.stdout:write(text.plain(require("fovea.report.summary").cells(result.summary)))
    local scores = plan.settings.evaluate and io.open(plan.folder .. "/evaluation_summary.txt")
    if scores then
      io.stdout:write("\n", scores:read "a", "\n")
      scores:close()
    end
  end
  local share = arguments.shard and (" of shard " .. arguments.shard) or ""
  print(("%d cases%s: %d computed, %d were there, %d failed; results in %s"):format(
    result.done + result.there + result.failed, share, result.done, result.there, result.failed, plan.folder))
end

--- Tells of networks that are trained first: a line per epoch.
local function train_reporter()
  return function(source, event)
    if event.kind ~= "epoch" then return end
    local row, watched = event.row, event.row[event.watch]
    io.stderr:write(("training %s: epoch %d/%d, loss %.4f%s\n"):format(source.name, row.epoch,
      source.network.settings.epochs, row.loss, watched and (", %s %.4f"):format(event.watch:gsub("_", " "), watched)
        or ""))
  end
end

--- Runs a plan; after Ctrl-C, says that it can go on.
local function protected_run(plan, options)
  local results = table.pack(pcall(recipe.run_plan, plan, options))
  if results[1] then return table.unpack(results, 2, results.n) end
  if not tostring(results[2]):find("interrupted!", 1, true) then error(results[2], 0) end
  return nil, "interrupted; the same command goes on from here", INTERRUPTED
end

--- Runs one recipe.
local function run_recipe(path, out, arguments, share)
  local plan = recipe.plan(path, { set = arguments.set, out = out })
  if arguments.verbose then
    function plan.planned(model, use) cli.complain(("%s: %s"):format(model.name, budget.text(use))) end
  end
  if arguments.worker then
    recipe.run_plan(plan, { shard = share.shard, jobs = share.jobs, threads = share.threads,
      worker = arguments.worker })
    return cli.DONE
  end
  for _, warning in ipairs(plan.warnings) do cli.complain("warning: " .. warning) end
  if arguments.dry_run then return dry_run(plan, share.shard, arguments) end
  local bar, report = reporter(plan, #recipe.cases(plan, share.shard))
  local command = share.jobs and share.jobs > 1 and worker_command(arguments, path, plan) or nil
  local result, message, status = protected_run(plan, { shard = share.shard, jobs = share.jobs,
    threads = share.threads, command = command, force = arguments.force, report = report,
    train_report = train_reporter() })
  bar:done()
  if not result then
    cli.complain(message)
    return status or cli.FAILED
  end
  show(plan, result, arguments)
  return result.failed > 0 and cli.FAILED or cli.DONE
end

--- The same; of several recipes, one that is wrong does not stop the others.
local function attempt(several, path, ...)
  if not several then return run_recipe(path, ...) end
  local ok, status = pcall(run_recipe, path, ...)
  if ok then return status end
  if tostring(status):find("interrupted!", 1, true) then error(status, 0) end
  cli.complain((tostring(status):gsub("^[^:\n]+%.lua:%d+: ", "")))
  return cli.MISUSE
end

local function stem(path) return path:match("([^/]+)$"):gsub("%.[%w]+$", "") end

--- Does the work.
---@param arguments table parsed command line
---@return integer status
function M.run(arguments)
  if arguments.schema then return print_schema(arguments.schema[1]) end
  local paths, worst = arguments.recipes, cli.DONE
  if arguments.memory then table.insert(arguments.set, "memory=" .. bytes.parse(arguments.memory, "--memory", 0)) end
  if #paths == 0 then error("run: which recipe? (fovea run --help)", 0) end
  local share = { shard = shard_of(arguments.shard), jobs = positive(arguments.jobs, "jobs"),
    threads = positive(arguments.threads, "threads") }
  for _, path in ipairs(paths) do
    local out = arguments.out
    if #paths > 1 then
      io.stderr:write(path, "\n")
      out = out and ("%s/%s"):format(out, stem(path))
    end
    local status = attempt(#paths > 1, path, out, arguments, share)
    if status == INTERRUPTED then return status end
    worst = math.max(worst, status)
  end
  return worst
end

return M
