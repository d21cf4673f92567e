--- The segmentations of a run: every model on every image with a mask, once each, besides the heat maps. The scores of
--- a model on an image are a file of the store (evaluation/ID.json), so that a run that is stopped or spread over
--- machines has them once; the tables are made of these files.
local core = require "fovea.core"
local csv = require "fovea.report.csv"
local evaluate = require "fovea.evaluate"
local evaluate_images = require "fovea.evaluate.images"
local evaluate_tables = require "fovea.evaluate.tables"
local expand = require "fovea.recipe.expand"
local json = require "fovea.json"
local key = require "fovea.recipe.key"
local lfs = require "lfs"
local text = require "fovea.report.text"

local M = {}

local FORMAT = 1 -- of the records

local function id_of(model, image) return core.file.hash_text(("evaluation\n%s\n%s"):format(model.name, image.name)) end

local function path_of(plan, model, image)
  return ("evaluation/%s.json"):format(id_of(plan.models[model], plan.images[image]))
end

--- Whether a unit holds the first case of its model and image: then it also evaluates them.
local function is_first(plan, unit)
  local case = unit.cases[1]
  if not case then return true end
  local before = plan.cases[case.index - 1]
  return not before or before.model ~= case.model or before.image ~= case.image
end

--- Hash of what the scores depend on.
local function key_of(plan, unit)
  local source, image, hashes = plan.models[unit.model], plan.images[unit.image], key.image_hashes(plan, unit.image)
  local settings = {}
  for _, name in ipairs { "class", "output", "activation", "spacing", "ground_truth_label" } do
    settings[name] = expand.setting(plan, source, name)
  end
  return core.file.hash_text(table.concat({ core.version(), FORMAT, source.fingerprint or "missing", hashes.image,
    hashes.mask or "-", image.fov and core.file.hash(image.fov) or "-", json.encode(image.rule or {}),
    json.encode(settings), json.encode(plan.settings.evaluate) }, "\n"))
end

local function options_of(plan, source)
  local wish, options = plan.settings.evaluate, {}
  for _, name in ipairs { "metrics", "threshold", "tile", "overlap" } do options[name] = wish[name] end
  for _, name in ipairs { "class", "output", "activation", "preprocess" } do
    options[name] = expand.setting(plan, source, name)
  end
  options.spacing = plan.settings.spacing
  return options
end

--- What has to be evaluated with a unit: its key, or nil when nothing has (no mask, not asked for, done).
---@param run table see recipe/runner.lua
---@param unit fovea.RecipeUnit
---@return string? key
function M.pending(run, unit)
  local plan = run.plan
  if not plan.settings.evaluate or not plan.images[unit.image].mask or not is_first(plan, unit) then return nil end
  local wanted = key_of(plan, unit)
  local path = run.store:path(path_of(plan, unit.model, unit.image))
  local record = lfs.attributes(path, "mode") and json.read(path)
  return (not record or record.key ~= wanted or record.error) and wanted or nil
end

--- Evaluates the model of a unit on its image; what goes wrong becomes the record.
---@param run table
---@param unit fovea.RecipeUnit with loaded and inputs, or with neither when they are not to be had
---@param wanted string key
---@param message? string why there is no model or image
---@param code? string
function M.run(run, unit, wanted, message, code)
  local plan = run.plan
  local source, image = plan.models[unit.model], plan.images[unit.image]
  local record = { model = source.name, image = image.name, key = wanted, error = message, code = code }
  if not message then
    local sample = { image = unit.inputs.given, mask = unit.inputs.truth, fov = unit.inputs.fov }
    local ok, row, why, kind = pcall(evaluate_images.sample, unit.loaded, sample, options_of(plan, source))
    if not ok then
      if tostring(row):find("interrupted!", 1, true) then error(row, 0) end
      why, kind, row = tostring(row), "argument", nil
    end
    record.error, record.code = why, kind
    if row then
      record.truth, record.predicted, record.scores = row.truth, row.predicted, {}
      for name, value in pairs(row.scores) do record.scores[name] = value == value and value or nil end
    end
  end
  json.write(run.store:path(path_of(plan, unit.model, unit.image)), record, { indent = 1,
    order = { "model", "image", "key", "error", "code" } })
end

--- Units without cases: images that are scored only, of each model, or the share of them that belongs to a shard.
---@param plan fovea.RecipePlan
---@param shard? { index: integer, count: integer }
---@return fovea.RecipeUnit[]
function M.units(plan, shard)
  local units, number = {}, 0
  if not plan.settings.evaluate or not plan.explain then return units end
  for model in ipairs(plan.models) do
    for image = plan.explain + 1, #plan.images do
      number = number + 1
      if not shard or (number - 1) % shard.count == shard.index - 1 then
        units[#units + 1] = { model = model, image = image, cases = {} }
      end
    end
  end
  return units
end

-- tables -------------------------------------------------------------------------------------------------------------

--- Names of the scores of a plan, or of the record of one.
local function metrics_of(plan) return plan.settings.evaluate.metrics or evaluate.names() end

--- The evaluation of one model as fovea.evaluate.images has it; nil when no image has a record.
local function result_of(plan, store, model)
  local result, scored = { rows = {}, metrics = metrics_of(plan), failed = 0 }, {}
  for image, source in ipairs(plan.images) do
    local path = store:path(path_of(plan, model, image))
    local record = lfs.attributes(path, "mode") and json.read(path)
    if record then
      result.rows[#result.rows + 1] = { name = source.name, scores = record.scores, truth = record.truth,
        predicted = record.predicted, error = record.error }
      if record.scores then scored[#scored + 1] = record.scores else result.failed = result.failed + 1 end
    end
  end
  if #result.rows == 0 then return nil end
  result.summary = evaluate.summarise(scored, { metrics = result.metrics })
  result.settings = { level = 0.95, spacing = plan.settings.spacing }
  return result
end

--- Adds the rows of one model to the tables of all.
local function add(all, name, result)
  local image_columns, image_rows = evaluate_tables.images(result)
  local columns, rows = evaluate_tables.summary(result)
  local heads, cells = evaluate_tables.cells(result)
  all.image_columns, all.columns, all.heads = image_columns, columns, heads
  for _, row in ipairs(image_rows) do
    row.model = name
    all.image_rows[#all.image_rows + 1] = row
  end
  for i, row in ipairs(rows) do
    row.model = name
    all.rows[#all.rows + 1] = row
    all.cells[#all.cells + 1] = { name, table.unpack(cells[i]) }
  end
end

local function with_model(columns)
  local list = { "model" }
  for _, column in ipairs(columns) do
    if column ~= "path" then list[#list + 1] = column end
  end
  return list
end

--- Writes evaluation.csv (one line per model and image), evaluation_summary.csv and .md, and the latter as text.
---@param plan fovea.RecipePlan
---@param store fovea.RecipeStore
---@return true? done
---@return string? message
function M.write(plan, store)
  if not plan.settings.evaluate then return true end
  local all = { image_rows = {}, rows = {}, cells = {} }
  for model, source in ipairs(plan.models) do
    local result = result_of(plan, store, model)
    if result then add(all, source.name, result) end
  end
  if #all.rows == 0 then return true end
  local heads = with_model(all.heads)
  local files = { { "evaluation.csv", csv.encode(with_model(all.image_columns), all.image_rows) },
    { "evaluation_summary.csv", csv.encode(with_model(all.columns), all.rows) },
    { "evaluation_summary.md", text.markdown(heads, all.cells) },
    { "evaluation_summary.txt", text.plain(heads, all.cells) } }
  for _, file in ipairs(files) do
    local ok, message = core.file.write(store:path(file[1]), file[2])
    if not ok then return nil, message end
  end
  return true
end

--- Names of the files of a plan's evaluation that are in a store.
---@param plan fovea.RecipePlan
---@param store fovea.RecipeStore
---@return string[]
function M.files(plan, store)
  local names = {}
  for model in ipairs(plan.settings.evaluate and plan.models or {}) do
    for image in ipairs(plan.images) do
      local name = path_of(plan, model, image)
      if lfs.attributes(store:path(name), "mode") then names[#names + 1] = name end
    end
  end
  return names
end

return M
