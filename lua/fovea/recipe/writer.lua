--- The record of a case and its files: pictures, raw map, metrics. Names of files say what is in them.
local expand = require "fovea.recipe.expand"
local image = require "fovea.image"
local json = require "fovea.json"
local key = require "fovea.recipe.key"
local metric = require "fovea.metric"
local npy = require "fovea.npy"
local status = require "fovea.status"
local view = require "fovea.report.view"

local M = {}

local LONGEST = 48 -- characters of each part of a file name

local function sanitised(text)
  local plain = text:gsub("[^%w%._%-]+", "-"):gsub("^%-+", ""):gsub("%-+$", "")
  return #plain > LONGEST and plain:sub(1, LONGEST) or plain
end

--- Name of the files of a case, the same on every run; the end of its hash keeps similar names apart.
local function file_name(run, case, target)
  local names, parts = expand.names(run.plan, case), {}
  if #run.plan.models > 1 then parts[1] = sanitised(names.model) end
  for _, field in ipairs { "image", "layer", "threshold", "method" } do parts[#parts + 1] = sanitised(names[field]) end
  if #run.plan.scores > 1 then parts[#parts + 1] = names.score end
  if target then parts[#parts + 1] = ("target%d"):format(target) end
  return ("%s-%s"):format(table.concat(parts, "."), case.id:sub(1, 8))
end

local function drawing_of(run)
  local drawing = {}
  for name, value in pairs(run.plan.settings.drawing) do drawing[name] = value end
  if drawing.contour == true then drawing.contour = nil end
  return drawing
end

--- Writes the files of a map; returns their names, or nil and a message.
local function write_files(run, heat, name)
  local outputs, files = run.plan.settings.outputs, {}
  local flat = #heat.raw:shape() == 2
  local function put(folder, suffix, write, content)
    local path = ("%s/%s%s"):format(folder, name, suffix)
    local ok, message, code = write(run.store:path(path), content)
    if not ok then return message, code end
    files[folder] = path
  end
  local message, code
  if outputs.overlays and flat then
    message, code = put("overlays", ".png", image.write, heat:overlay(drawing_of(run)))
  end
  if outputs.panels and flat and not message then
    local drawing = drawing_of(run)
    drawing.colorbar = nil
    message, code = put("panels", ".png", image.write, heat:panel(drawing))
  end
  if outputs.raw and not message then message, code = put("raw", ".npy", npy.write, heat.raw) end
  if message then return nil, message, code end
  return files
end

--- Values of the metrics by label; those that do not exist stay away (NaN).
local function values_of(run, heat, truth)
  local measured, values = metric.view(heat, truth), {}
  for _, part in ipairs(run.plan.metrics) do
    local value = metric.compute(part.value, measured)
    if value == value then values[part.label] = value end
  end
  return values
end

--- What is stored of one map.
local function result_of(run, heat, truth, name)
  local record = heat:record()
  record.seconds, record.layer, record.method, record.ground_truth = nil, nil, nil, nil
  record.score = record.score.value
  local files, message, code = write_files(run, heat, name)
  if not files then return nil, message, code end
  record.overlay, record.panel, record.raw = files.overlays, files.panels, files.raw
  if run.plan.settings.outputs.views then
    run.views = run.views or view.writer(run.store.folder, { durable = true })
    record.view, message = run.views:view(heat, truth)
    if message then return nil, message, "io" end
  end
  record.metrics = values_of(run, heat, truth)
  record.geometry, record.preprocess = heat.geometry, heat.preprocess
  return record
end

--- The record of a case; its files are written on the way.
---@param run table see recipe/runner.lua
---@param case fovea.RecipeCase
---@param heats fovea.Heatmap[] one per target
---@param truth? fovea.Tensor
---@return table? record
---@return string? message
---@return string? code
function M.record(run, case, heats, truth)
  local plan = run.plan
  local record, hashes = expand.names(plan, case), key.image_hashes(plan, case.image)
  record.case, record.key = case.id, plan.keyed and key.of(plan, case) or nil
  record.model_hash, record.image_hash, record.mask_hash = plan.models[case.model].fingerprint, hashes.image,
    hashes.mask
  record.reduction, record.results = plan.settings.reduction, json.array {}
  for i, heat in ipairs(heats) do
    if heat.status == "NONFINITE" then return nil, status.explanation.NONFINITE, "NONFINITE" end
    local result, message, code = result_of(run, heat, truth, file_name(run, case, #heats > 1 and i or nil))
    if not result then return nil, message, code end
    record.results[i] = result
  end
  return record
end

return M
