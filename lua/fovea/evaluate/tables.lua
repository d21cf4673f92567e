--- The tables of an evaluation: scores.csv (one line per image), summary.csv, summary.md and summary.json.
local core = require "fovea.core"
local csv = require "fovea.report.csv"
local evaluate = require "fovea.evaluate"
local json = require "fovea.json"
local text = require "fovea.report.text"

local M = {}

local NAN = 0 / 0

--- Columns and rows of the table of images.
---@param result fovea.Evaluation
---@return string[] columns
---@return table[] rows
function M.images(result)
  local columns, rows = { "image" }, {}
  table.move(result.metrics, 1, #result.metrics, 2, columns)
  for _, name in ipairs { "truth", "predicted", "path", "error" } do columns[#columns + 1] = name end
  for i, found in ipairs(result.rows) do
    local row = { image = found.name, path = found.path, error = found.error, truth = found.truth,
      predicted = found.predicted }
    for _, name in ipairs(found.scores and result.metrics or {}) do row[name] = found.scores[name] or NAN end
    rows[i] = row
  end
  return columns, rows
end

local STATISTICS = { "mean", "sd", "median", "low", "high", "n", "missing" }

--- Rows of the summary: one per metric.
---@param result fovea.Evaluation
---@return string[] columns
---@return table[] rows
function M.summary(result)
  local rows = {}
  for i, name in ipairs(result.metrics) do
    local row = { metric = name }
    for _, statistic in ipairs(STATISTICS) do row[statistic] = result.summary[name][statistic] end
    rows[i] = row
  end
  return { "metric", table.unpack(STATISTICS) }, rows
end

local function short(value) return value ~= value and "-" or ("%.4f"):format(value) end

--- The summary for people: name with unit, mean ± sd, median, interval of the mean, number of images.
---@param result fovea.Evaluation
---@return string[] columns
---@return string[][] rows
function M.cells(result)
  local settings, rows = result.settings, {}
  local columns = { "metric", "mean ± sd", "median", ("%g %% interval of the mean"):format(100 * settings.level), "n" }
  for i, name in ipairs(result.metrics) do
    local metric, s = evaluate.metric(name), result.summary[name]
    local unit = metric.is_distance and (settings.spacing and " (mm)" or " (pixels)") or ""
    local spread = s.sd == s.sd and (" ± %s"):format(short(s.sd)) or ""
    local interval = s.low == s.low and ("%s to %s"):format(short(s.low), short(s.high)) or "-"
    rows[i] = { metric.label .. unit, short(s.mean) .. spread, short(s.median), interval,
      s.missing > 0 and ("%d (%d have none)"):format(s.n, s.missing) or ("%d"):format(s.n) }
  end
  return columns, rows
end

local function finite(value) return value == value and value or nil end

--- The whole evaluation as a table for JSON; what has no value is left out.
---@param result fovea.Evaluation
---@param notes table model, data and what else belongs on top
---@return table
function M.record(result, notes)
  local record = { settings = result.settings, images = json.array {}, summary = {}, failed = result.failed }
  for key, value in pairs(notes) do record[key] = value end
  for i, row in ipairs(result.rows) do
    local scores = {}
    for name, value in pairs(row.scores or {}) do scores[name] = finite(value) end
    record.images[i] = { image = row.name, path = row.path, error = row.error, code = row.code, truth = row.truth,
      predicted = row.predicted, scores = row.scores and scores or nil }
  end
  for _, name in ipairs(result.metrics) do
    record.summary[name] = {}
    for _, statistic in ipairs(STATISTICS) do
      record.summary[name][statistic] = finite(result.summary[name][statistic])
    end
  end
  return record
end

M.ORDER = { "model", "model_hash", "data", "settings", "metric", "summary", "failed", "images", "image" }

--- Writes the tables into a folder.
---@param folder string
---@param result fovea.Evaluation
---@param notes table for summary.json
---@return true? done
---@return string? message
function M.write(folder, result, notes)
  local columns, cells = M.cells(result)
  local files = {
    { "scores.csv", csv.encode(M.images(result)) }, { "summary.csv", csv.encode(M.summary(result)) },
    { "summary.md", text.markdown(columns, cells) },
    { "summary.json", json.encode(M.record(result, notes), { indent = 2, order = M.ORDER }) .. "\n" },
  }
  for _, file in ipairs(files) do
    local ok, message = core.file.write(("%s/%s"):format(folder, file[1]), file[2])
    if not ok then return nil, message end
  end
  return true
end

return M
