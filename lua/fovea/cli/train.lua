--- fovea train RECIPE: a network from a YAML file.
local cli = require "fovea.cli"
local core = require "fovea.core"
local json = require "fovea.json"
local progress = require "fovea.progress"
local recipe = require "fovea.train.recipe"
local reference = require "fovea.recipe.reference"

local M = {
  summary = "train a network by a recipe (YAML)",
  epilog = "Writes to the folder of the results: NAME.safetensors (weights that fovea explain takes as they are), "
    .. "log.csv, curve.png and state.safetensors. A run that is stopped at any moment goes on with the same command, "
    .. "to the same weights as an undisturbed one. Exit status: 0 done, 1 failed, 2 misuse, 130 interrupted.",
}

local INTERRUPTED = 130 -- as shells say it

--- Describes the command line.
---@param parser table argparse parser
function M.define(parser)
  parser:argument("recipe", "YAML file; see configs/train/ for examples"):args "?"
  parser:option("--set", "override a key: epochs=20, data.train.count=50, optimiser='{name: sgd, rate: 0.1}'")
    :argname "KEY=VALUE":count "*"
  parser:option("--out", "folder of the results (default: what the recipe says, or its name)")
  parser:option("--threads", "threads (default: as the machine has, or as the run began)"):convert(math.tointeger)
  parser:option("--schema", "print the reference of all keys (--schema json: a JSON Schema) and stop"):args "?"
  parser:flag("--force", "begin anew instead of going on")
  parser:flag("--dry-run", "check everything, measure one step, estimate time and memory, and stop")
  parser:flag("--json", "print the result as JSON")
end

local function print_schema(form)
  if form ~= nil and form ~= "json" and form ~= "text" then error("--schema: text or json, not " .. form, 0) end
  local schema = require "fovea.train.schema"
  if form == "json" then
    print(reference.json_schema(schema.recipe, "Fovea training recipe"))
  else
    print(("%s\n\n%s"):format(reference.text(schema.recipe), schema.parts()))
  end
  return cli.DONE
end

local function duration(seconds)
  local whole = math.floor(seconds + 0.5)
  if whole < 60 then return ("%d s"):format(whole) end
  if whole < 3600 then return ("%d min %02d s"):format(whole // 60, whole % 60) end
  return ("%d h %02d min"):format(whole // 3600, whole % 3600 // 60)
end

-- dry run ------------------------------------------------------------------------------------------------------------

--- Seconds of a step, and bytes of its plan.
local function measure(plan)
  local s = plan.settings
  local trainer = require("fovea.train.trainer").new(plan.model, { loss = s.loss, optimiser = s.optimiser,
    outputs = s.outputs, activation = s.activation, clip = s.clip, frozen = s.frozen, exact = s.exact })
  local shape, seconds
  for _ = 1, 2 do -- the first one makes the plan
    local start = core.clock()
    local input, target = plan.loader:batch(1, 1)
    if not input then return nil, target end
    local loss, message = trainer:step(input, target)
    if not loss then return nil, message end
    shape, seconds = input:shape(), core.clock() - start
  end
  local memory = trainer:pass(shape).plan:memory()
  return { shape = shape, seconds = seconds, bytes = memory.arena + memory.packed + memory.scratchpad }
end

local function parameter_count(model)
  local count = 0
  for _, entry in ipairs(model.parameters) do
    if not entry.statistic then count = count + model.weights[entry.name]:count() end
  end
  return count
end

local function dry_run(plan, as_json)
  local step, message = measure(plan)
  if not step then
    cli.complain(message)
    return cli.FAILED
  end
  local steps = plan.loader:steps() * plan.settings.epochs
  local facts = { arch = plan.model.architecture.name, parameters = parameter_count(plan.model),
    images = #plan.train, validation_images = plan.validation and #plan.validation or 0, steps = steps,
    input = step.shape, seconds_per_step = step.seconds, seconds = step.seconds * steps, bytes = step.bytes,
    folder = plan.folder }
  if as_json then
    print(json.encode(facts, { indent = 2 }))
    return cli.DONE
  end
  print(("%s with %d parameters, input %s; %d images, %d for validation"):format(facts.arch, facts.parameters,
    table.concat(step.shape, "x"), facts.images, facts.validation_images))
  print(("%d epochs of %d steps, %.3f s each: about %s and %.1f MB of memory; results in %s"):format(
    plan.settings.epochs, plan.loader:steps(), step.seconds, duration(facts.seconds), step.bytes / 1e6, plan.folder))
  return cli.DONE
end

-- training -----------------------------------------------------------------------------------------------------------

local function epoch_line(plan, event)
  local row, texts = event.row, {}
  for name, value in pairs(row) do
    local metric = name:match "^validation_(.*)$"
    if metric then texts[#texts + 1] = ("%s %.4f"):format(metric, value) end
  end
  table.sort(texts)
  local validation = #texts > 0 and ("   validation: %s%s"):format(table.concat(texts, "  "),
    event.improved and "  (best)" or "") or ""
  return ("epoch %d/%d   loss %.4f   rate %.3g%s"):format(row.epoch, plan.settings.epochs, row.loss, row.rate,
    validation)
end

--- Shows progress: a bar on a terminal, a line per epoch.
local function reporter(plan)
  local steps = plan.loader:steps()
  local bar, last, begun = progress.new(steps * plan.settings.epochs, "training"), "", false
  return bar, function(event)
    if event.kind == "epoch" then
      last = event.row[event.watch] and ("%s %.4f "):format(event.watch:gsub("^validation_", ""),
        event.row[event.watch]) or ""
      return bar:say(epoch_line(plan, event))
    end
    if not begun then
      begun = true
      bar:skip((event.epoch - 1) * steps + event.step - 1)
    end
    if bar.tty or steps >= 100 then bar:step(("epoch %d loss %.4f %s"):format(event.epoch, event.mean, last)) end
  end
end

--- Trains; after Ctrl-C, says that it can go on.
local function protected_run(plan, options)
  local results = table.pack(pcall(recipe.run, plan, options))
  if results[1] then return table.unpack(results, 2, results.n) end
  if not tostring(results[2]):find("interrupted!", 1, true) then error(results[2], 0) end
  return nil, "interrupted; the same command goes on from the last epoch", INTERRUPTED
end

local function show(plan, result, as_json)
  if as_json then
    print(json.encode({ weights = result.weights, folder = plan.folder, epochs = #result.history, best = result.best,
      finished = result.finished, seconds = result.seconds, last = result.history[#result.history] }, { indent = 2 }))
    return
  end
  local best = result.best and (", best in epoch %d (%.4f)"):format(result.best.epoch, result.best.value) or ""
  print(("%d epochs%s%s in %s; weights in %s"):format(#result.history,
    result.finished == "early" and " (stopped early)" or "", best, duration(result.seconds), result.weights))
end

--- Does the work.
---@param arguments table parsed command line
---@return integer status
function M.run(arguments)
  if arguments.schema then return print_schema(arguments.schema[1]) end
  if not arguments.recipe then error("train: which recipe? (fovea train --help)", 0) end
  if arguments.threads and arguments.threads < 1 then error("--threads: must be at least 1", 0) end
  local plan, message = recipe.plan(arguments.recipe, { set = arguments.set, out = arguments.out })
  if not plan then
    cli.complain(message)
    return cli.FAILED
  end
  for _, warning in ipairs(plan.model.warnings or {}) do cli.complain("warning: " .. warning) end
  if arguments.dry_run then return dry_run(plan, arguments.json) end
  local bar, report = reporter(plan)
  local result, problem, status = protected_run(plan, { force = arguments.force, threads = arguments.threads,
    report = report })
  bar:done()
  if not result then
    cli.complain(problem)
    return status == INTERRUPTED and status or cli.FAILED
  end
  show(plan, result, arguments.json)
  return cli.DONE
end

return M
