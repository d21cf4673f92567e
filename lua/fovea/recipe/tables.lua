--- The tables of a run, made from its records in the order of its plan: cases.csv, cases.jsonl, and the summary as CSV,
--- Markdown and text. They hold no times and no paths, so that the same cases give the same bytes wherever and however
--- often a run was interrupted.
local core = require "fovea.core"
local csv = require "fovea.report.csv"
local expand = require "fovea.recipe.expand"
local marginals = require "fovea.recipe.marginals"
local report = require "fovea.report.summary"
local segmentation = require "fovea.recipe.segmentation"
local store_module = require "fovea.recipe.store"
local text = require "fovea.report.text"

local M = {}

local BEFORE = { "model", "image", "layer", "threshold", "method", "score", "target", "status", "pixels",
  "threshold_value", "score_value", "map_min", "map_max", "map_sum" }
local AFTER = { "overlay", "raw", "error" }
local GROUP = { "model", "layer", "threshold", "method", "score" }

local function finite(value) return type(value) == "number" and value or 0 / 0 end

--- Row of one map, or of a case without one.
local function row_of(plan, record, result, target)
  local row = { model = record.model, image = record.image, layer = record.layer, threshold = record.threshold,
    method = record.method, score = record.score, target = target, error = record.error }
  if not result then
    row.status = "FAILED"
    return row
  end
  row.status, row.pixels, row.overlay, row.raw = result.status, result.pixels, result.overlay, result.raw
  row.threshold_value, row.score_value = result.threshold.value, finite(result.score)
  row.map_min, row.map_max, row.map_sum = finite(result.range.min), finite(result.range.max), finite(result.range.sum)
  for _, part in ipairs(plan.metrics) do row[part.label] = finite(result.metrics[part.label]) end
  return row
end

--- Rows of all records; a case with several targets has several.
---@param plan fovea.RecipePlan
---@param records table[]
---@return table[]
function M.rows(plan, records)
  local rows = {}
  for _, record in ipairs(records) do
    for target, result in ipairs(record.results or {}) do rows[#rows + 1] = row_of(plan, record, result, target) end
    if record.error then rows[#rows + 1] = row_of(plan, record, nil, 1) end
  end
  return rows
end

--- Records of all cases of a plan, in order.
---@param plan fovea.RecipePlan
---@param store fovea.RecipeStore
---@return table[]? records
---@return string[]? missing cases in words, when some have no record
function M.records(plan, store)
  local records, missing = {}, {}
  for _, case in ipairs(plan.cases) do
    local record = store:record(case.id)
    if record then records[#records + 1] = record else missing[#missing + 1] = expand.text(plan, case) end
  end
  if #missing > 0 then return nil, missing end
  return records
end

local function columns_of(plan)
  local columns = { table.unpack(BEFORE) }
  for _, part in ipairs(plan.metrics) do columns[#columns + 1] = part.label end
  table.move(AFTER, 1, #AFTER, #columns + 1, columns)
  return columns
end

local function json_lines(records)
  local lines = {}
  for i, record in ipairs(records) do lines[i] = store_module.line(record) end
  return table.concat(lines, "\n") .. (#lines > 0 and "\n" or "")
end

--- Quantities that the summary has a mean of.
local function quantities(plan)
  local names = { "pixels", "score_value" }
  for _, part in ipairs(plan.metrics) do names[#names + 1] = part.label end
  return names
end

--- The summary of rows: one line per model, layer, threshold, method and score.
---@param plan fovea.RecipePlan
---@param rows table[]
---@return fovea.Summary
function M.summary(plan, rows) return report.of(rows, GROUP, quantities(plan)) end

--- Writes all tables into the folder of a store.
---@param plan fovea.RecipePlan
---@param store fovea.RecipeStore
---@param records table[]
---@return fovea.Summary? summary
---@return string? message
function M.write(plan, store, records)
  local rows = M.rows(plan, records)
  local summary = M.summary(plan, rows)
  local columns, values = report.cells(summary)
  local files = {
    { "cases.csv", csv.encode(columns_of(plan), rows) }, { "cases.jsonl", json_lines(records) },
    { "summary.csv", csv.encode(report.columns(summary)) },
    { "summary.md", text.markdown(columns, values) }, { "summary.txt", text.plain(columns, values) },
  }
  for _, file in ipairs(files) do
    local ok, message = core.file.write(store:path(file[1]), file[2])
    if not ok then return nil, message end
  end
  local ok, message = marginals.write(plan, store, rows)
  if ok then ok, message = segmentation.write(plan, store) end
  if not ok then return nil, message end
  return summary
end

return M
