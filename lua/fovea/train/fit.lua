--- The loop: epochs of steps, validation, schedule, early stopping, checkpoints. All that the next step depends on is
--- in the trainer and in one table of plain values, which a checkpoint holds; batches are a function of epoch and step.
local checkpoint = require "fovea.train.checkpoint"
local core = require "fovea.core"
local evaluate = require "fovea.evaluate"
local log = require "fovea.train.log"
local lookup = require "fovea.lookup"
local part = require "fovea.train.part"
local store = require "fovea.recipe.store"
local trainer_module = require "fovea.train.trainer"
local validate = require "fovea.train.validate"
local weights = require "fovea.train.weights"

local M = {}

---@class fovea.FitOptions
---@field epochs integer default 1
---@field loss string|table|nil default "dice_bce"
---@field optimiser string|table|nil default "adam"
---@field schedule string|table|nil default "constant"
---@field outputs table<string, number>? weights of several outputs
---@field activation string? "sigmoid" or "softmax", when the model's end does not tell
---@field clip number? largest norm of the gradient
---@field seed integer? of dropout
---@field frozen string[]? patterns of parameters that stay as they are
---@field exact boolean? convolutions by plain sums
---@field validation table? loader of batches that are not trained with
---@field metrics string[]? of the validation, default dice and iou
---@field watch string? what decides: "dice", "loss", ...; default the first metric, without validation the loss
---@field early_stopping { patience: integer, least: number? }? in epochs; least change that counts
---@field keep "best"|"last"|nil which weights are the result; default best with validation
---@field folder string? where files are written; without it nothing is
---@field name string? of the weight file, default the architecture's
---@field dtype string? of the weight file
---@field statistics_epochs integer? epochs after which the running statistics of batch normalisation stay as they are
--- and are what the network is trained with (Trainer:fix_statistics); default: never
---@field checkpoint_steps integer? state is written after so many steps too, not just after epochs
---@field config table? further plain values that must be the same to go on from a state: data, preprocessing
---@field threads integer? default: as it is, or as the state says; a run cannot go on with another number, on which
--- the last bits of a gradient may depend
---@field force boolean? begins anew
---@field report fun(event: table)? called after each step and epoch

local TRAINER = { "loss", "optimiser", "outputs", "activation", "clip", "seed", "frozen", "exact" }
local OPTIONS = { "epochs", "schedule", "validation", "metrics", "watch", "early_stopping", "keep", "folder", "name",
  "dtype", "statistics_epochs", "checkpoint_steps", "config", "threads", "force", "report", table.unpack(TRAINER) }

-- preparation --------------------------------------------------------------------------------------------------------

local function lower_is_better(name)
  if name == "loss" then return true end
  return evaluate.metric(name).is_distance or false
end

local function watched(options)
  local metrics = options.metrics or { "dice", "iou" }
  local name = options.watch or (options.validation and metrics[1]) or "loss"
  if not options.validation and name ~= "loss" then
    error(("train: '%s' is watched, which needs validation data"):format(name), 0)
  end
  local lower = lower_is_better(name)
  return { name = name, key = options.validation and "validation_" .. name or "loss", metrics = metrics,
    better = function(a, b, least)
      if a ~= a or b ~= b then return a == a end
      if lower then return a < b - (least or 0) end
      return a > b + (least or 0)
    end }
end

local SAME = { "epochs", "loss", "optimiser", "schedule", "outputs", "activation", "clip", "seed", "frozen", "exact",
  "metrics", "watch", "early_stopping", "keep", "statistics_epochs" }

--- A value without functions, of which a state knows only that there was one.
local function plain(value)
  if type(value) == "function" then return "function" end
  if type(value) ~= "table" then return value end
  local copy = {}
  for key, inner in pairs(value) do copy[key] = plain(inner) end
  return copy
end

--- All that the result depends on, as plain values: a run goes on only where they are the same.
local function config_of(model, loader, options)
  local config = { arch = model.architecture.name, arch_options = model.options, steps_per_epoch = loader:steps() }
  for _, key in ipairs(SAME) do config[key] = plain(options[key]) end
  for _, kind in ipairs { "loss", "optimiser", "schedule" } do
    config[kind .. "_file"] = options[kind] and part.find(kind, options[kind]).hash
  end
  for key, value in pairs(options.config or {}) do config[key] = value end
  return config
end

local function new_run(model, loader, options)
  local settings = {}
  for _, key in ipairs(TRAINER) do settings[key] = options[key] end
  local schedule = part.find("schedule", options.schedule or "constant")
  local run = { model = model, loader = loader, options = options, schedule = schedule,
    trainer = trainer_module.new(model, settings), watch = watched(options), epochs = options.epochs or 1,
    path = options.folder and options.folder .. "/state.safetensors" }
  run.state = { epoch = 1, step = 0, loss = 0.0, norm = 0.0, waited = 0, history = {}, seconds = 0.0,
    threads = core.threads(), config = config_of(model, loader, options),
    schedule = schedule.module.state and schedule.module.state(schedule.options) or {} }
  return run
end

--- What differs between the configuration of a state and the one asked for.
local function differences(old, new)
  local encode, list, seen = require("fovea.json").encode, {}, {}
  for _, side in ipairs { old or {}, new or {} } do
    for key in pairs(side) do
      local a, b = encode((old or {})[key]), encode((new or {})[key])
      if a ~= b and not seen[key] then seen[key], list[#list + 1] = true, ("%s: %s, now %s"):format(key, a, b) end
    end
  end
  table.sort(list)
  return list
end

--- Goes on from the state in the folder, if there is one.
local function resume(run)
  local state, message, code = checkpoint.peek(run.path)
  if not state then return message == nil, message, code end
  local changed = differences(state.config, run.state.config)
  local threads = run.options.threads
  if threads and threads ~= state.threads then
    changed[#changed + 1] = ("threads: %d, now %d"):format(state.threads, threads)
  end
  if #changed > 0 then
    return false, ("%s is the state of a run with other settings; take another folder, or begin anew with force:\n  %s")
      :format(run.path, table.concat(changed, "\n  ")), "mismatch"
  end
  local loaded, why, kind = checkpoint.load(run.path, run.trainer)
  if not loaded then return false, why, kind end
  run.state, run.resumed = loaded, true
  core.threads(loaded.threads)
  return true
end

-- epochs -------------------------------------------------------------------------------------------------------------

local function report(run, event)
  if run.options.report then run.options.report(event) end
end

local function rate_at(run, steps)
  local state = run.state
  local factor = run.schedule.module.factor(run.schedule.options, { step = run.trainer.steps + 1, epoch = state.epoch,
    steps_per_epoch = steps, steps = steps * run.epochs, state = state.schedule })
  return run.trainer.optimiser.options.rate * factor
end

local function save(run)
  if not run.path then return true end
  return checkpoint.save(run.path, run.trainer, run.state)
end

--- What there is after a step whose numbers are not finite.
local function advice(run)
  local epochs = #run.state.history
  local kept = run.path and epochs > 0 and ("; the state after epoch %d is kept in %s"):format(epochs, run.path) or ""
  return kept .. "; a smaller rate, a warm-up or clip may help"
end

local function one_step(run, steps)
  local state = run.state
  local rate = rate_at(run, steps)
  local input, target, code = run.loader:batch(state.epoch, state.step + 1)
  if not input then return nil, target, code end
  local loss, details, kind = run.trainer:step(input, target, rate)
  if not loss then
    return nil, ("epoch %d, step %d: %s%s"):format(state.epoch, state.step + 1, details,
      kind == "nonfinite" and advice(run) or ""), kind
  end
  state.step, state.loss, state.norm, state.rate = state.step + 1, state.loss + loss, state.norm + details.norm, rate
  report(run, { kind = "step", epoch = state.epoch, step = state.step, steps = steps, loss = loss, rate = rate,
    mean = state.loss / state.step })
  return true
end

local function steps_of_epoch(run)
  local steps, every, state = run.loader:steps(), run.options.checkpoint_steps, run.state
  if state.epoch > (run.options.statistics_epochs or math.huge) then run.trainer:fix_statistics() end
  while state.step < steps do
    local start = core.clock()
    local ok, message, code = one_step(run, steps)
    if not ok then return nil, message, code end
    state.seconds = state.seconds + core.clock() - start
    if every and state.step % every == 0 and state.step < steps then
      ok, message, code = save(run)
      if not ok then return nil, message, code end
    end
  end
  return true
end

local function row_of(run)
  local state = run.state
  local row = { epoch = state.epoch, steps = run.trainer.steps, rate = state.rate, loss = state.loss / state.step,
    norm = state.norm / state.step }
  if run.options.validation then
    local results, message, code = validate.run(run.trainer, run.options.validation, run.watch.metrics)
    if not results then return nil, message, code end
    for name, value in pairs(results) do
      if value == value then row["validation_" .. name] = value end
    end
  end
  return row
end

local function write_weights(run, row)
  local folder, options = run.options.folder, run.options
  if not folder then return true end
  return weights.write(("%s/%s.safetensors"):format(folder, options.name or run.model.name), run.model,
    { dtype = options.dtype, notes = row })
end

local REDRAWN = 10 -- seconds after which the curve is drawn again

local function write_log(run, last)
  local folder, now = run.options.folder, core.clock()
  if not folder then return true end
  local draw = last or now - (run.drawn or -REDRAWN) >= REDRAWN
  if draw then run.drawn = now end
  return log.write(folder, run.state.history, run.options.name or "training", draw)
end

--- Judges an epoch: the best one so far, the schedule, and whether it is time to stop.
local function judge(run, row)
  local state, stopping = run.state, run.options.early_stopping
  local value = row[run.watch.key] or 0 / 0
  local observe = run.schedule.module.observe
  if observe then observe(run.schedule.options, state.schedule, value, run.watch.better) end
  local least = stopping and stopping.least or 0
  if value == value and (state.mark == nil or run.watch.better(value, state.mark, least)) then
    state.mark, state.waited = value, 0
  else
    state.waited = state.waited + 1
  end
  local improved = state.best == nil or run.watch.better(value, state.best.value)
  if improved and value == value then state.best = { value = value, epoch = state.epoch } end
  return improved, stopping and state.waited >= stopping.patience
end

--- Closes an epoch; says whether it was the last.
local function close_epoch(run)
  local state, options = run.state, run.options
  local row, message, code = row_of(run)
  if not row then return nil, message, code end
  state.history[#state.history + 1] = row
  local improved, stop = judge(run, row)
  local last = stop or state.epoch >= run.epochs
  local keep = options.keep or (options.validation and "best" or "last")
  if (keep == "best" and improved) or (keep == "last" and last) then
    local ok, why, kind = write_weights(run, row)
    if not ok then return nil, why, kind end
  end
  state.epoch, state.step, state.loss, state.norm = state.epoch + 1, 0, 0.0, 0.0
  state.finished = last and (stop and "early" or "done") or nil
  local ok, why, kind = write_log(run, last)
  if ok then ok, why, kind = save(run) end -- the last of all files: what comes before it is only repeated
  if not ok then return nil, why, kind end
  report(run, { kind = "epoch", row = row, improved = improved, watch = run.watch.key })
  return true
end

---@class fovea.FitResult
---@field history table[] one row per epoch
---@field best { value: number, epoch: integer }?
---@field finished "done"|"early"
---@field seconds number in steps
---@field resumed boolean whether it went on from a state
---@field weights string? path

--- Trains a model: its weights change in place. With a folder, a run that is stopped goes on where it was.
---@param model fovea.Model made from an architecture
---@param loader { steps: fun(self): integer, batch: fun(self, epoch: integer, step: integer) } batch -> input N C H W,
--- target N K H W
---@param options? fovea.FitOptions
---@return fovea.FitResult? result
---@return string? message
---@return string? code "nonfinite", "io", "mismatch", ...
function M.fit(model, loader, options)
  options = options or {}
  lookup.check_keys(options, OPTIONS, "train")
  if options.threads then core.threads(options.threads) end
  local run = new_run(model, loader, options)
  if options.folder then
    local ok, message, code = store.make_folder(options.folder)
    if not ok then return nil, message, code end
    store.sweep(options.folder)
    if options.force then os.remove(run.path) end
    ok, message, code = resume(run)
    if not ok then return nil, message, code end
  end
  while not run.state.finished do
    local ok, message, code = steps_of_epoch(run)
    if ok then ok, message, code = close_epoch(run) end
    if not ok then return nil, message, code end
  end
  model:refresh()
  local state = run.state
  return { history = state.history, best = state.best, finished = state.finished, seconds = state.seconds,
    resumed = run.resumed or false, weights = options.folder and
      ("%s/%s.safetensors"):format(options.folder, options.name or model.name) or nil }
end

return M
