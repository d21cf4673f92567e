--- One map, or one failure, as a page wants it, from a record on disk. Records may have been edited or come from
--- somewhere else: every field is checked, and what is not as it should be counts as not there.
local json = require "fovea.json"
local view_module = require "fovea.report.view"

local M = {}

---@class fovea.ReportMap
---@field model string
---@field image string
---@field layer string
---@field layer_shape integer[]?
---@field threshold string
---@field threshold_value number?
---@field method string
---@field score string logit or probability
---@field reduction string?
---@field score_value number?
---@field pixels number?
---@field range { min: number?, max: number? }
---@field status string
---@field statuses string[]
---@field view fovea.View|table empty when there is none
---@field metrics table<string, number>
---@field picture string? file in the folder
---@field error string?
---@field folder string
---@field facts { [1]: string, [2]: string }[] what was computed with what: names and texts
---@field source string where its record is, in words
---@field command string? what repeats it

---@class fovea.ReportFailure
---@field model string?
---@field image string?
---@field what string? the case in words
---@field error string
---@field code string?

local function field(record, name, kind)
  local value = type(record) == "table" and record[name] or nil
  if type(value) ~= kind then return nil end
  return value
end

local function text(record, name) return field(record, name, "string") end
local function number(record, name)
  local value = field(record, name, "number")
  return value == value and value or nil
end

--- The list of a kind, without what is of another kind.
local function list(record, name, kind)
  local found = {}
  for _, value in ipairs(field(record, name, "table") or {}) do
    if type(value) == kind then found[#found + 1] = value end
  end
  return found
end

local function numbers(record, name)
  local found = {}
  for key, value in pairs(field(record, name, "table") or {}) do
    if type(key) == "string" and type(value) == "number" and value == value then found[key] = value end
  end
  return found
end

local MOST = 1e6 -- pixels of a side

local function sensible(values, least)
  for _, value in ipairs(values) do
    if not (value >= least and value <= MOST) then return false end
  end
  return true
end

local function view_of(record)
  local given, view = field(record, "view", "table") or {}, {}
  for _, name in ipairs(view_module.PICTURES) do view[name] = text(given, name) end
  local size, place = list(given, "size", "number"), list(given, "place", "number")
  if #size == 2 and sensible(size, 1) then view.size = { size[1] // 1, size[2] // 1 } end
  if #place == 4 and sensible(place, -MOST) then view.place = place end
  view.scores, view.inside = numbers(given, "scores"), numbers(given, "inside")
  view.share = numbers(given, "share")
  return view
end

local function range_of(record)
  local range = field(record, "range", "table")
  return { min = number(range, "min"), max = number(range, "max") }
end

--- Text of a strategy: the record's, or that of a table of cases.
local function threshold_of(record)
  local target = field(record, "threshold", "table")
  return text(record, "threshold") or text(target, "spec") or "?", number(target, "value")
end

--- What a map was made of, in words.
local function facts_of(record, case)
  local facts = {}
  local function put(name, value)
    if type(value) == "table" and next(value) ~= nil then
      local ok, encoded = pcall(json.encode, value)
      value = ok and encoded or nil
    end
    if type(value) == "string" or type(value) == "number" then facts[#facts + 1] = { name, tostring(value) } end
  end
  local truth = field(record, "ground_truth", "table")
  put("Model", case.model)
  put("Model hash", case.model_hash)
  put("Read with", field(case, "load", "table"))
  put("Output, class", ("%s, class %s"):format(record.output or "?", record.class or "?"))
  put("Image", case.image)
  put("Image hash", case.image_hash)
  put("Preprocessing", field(record, "preprocess", "table"))
  put("Ground truth", text(truth, "path"))
  put("Ground truth hash", text(truth, "hash") or case.mask_hash)
  return facts
end

local function common(record, folder, case)
  local spec, value = threshold_of(record)
  return { layer_shape = list(record, "layer_shape", "number"), threshold = spec, threshold_value = value,
    pixels = number(record, "pixels"), range = range_of(record), statuses = list(record, "statuses", "string"),
    status = text(record, "status") or "?", view = view_of(record), metrics = numbers(record, "metrics"),
    error = text(record, "error"), folder = folder, facts = facts_of(record, case) }
end

--- What a record of `fovea explain` says.
---@param record any
---@param folder string
---@param number_ integer of the record
---@return fovea.ReportMap? map
---@return fovea.ReportFailure? failure
function M.explain(record, folder, number_)
  if not text(record, "layer") then
    return nil, { model = text(record, "model"), image = text(record, "image"), code = text(record, "code"),
      error = text(record, "error") or ("record %d holds no map"):format(number_) }
  end
  local map, score = common(record, folder, record), field(record, "score", "table")
  map.model, map.image = text(record, "model") or "?", text(record, "image") or "?"
  map.layer, map.method = record.layer, text(record, "method") or "?"
  map.score, map.score_value = text(score, "kind") or "?", number(score, "value")
  map.reduction, map.picture = text(score, "reduction"), text(record, "picture")
  map.source = ("record %d of explain.json"):format(number_)
  map.command = ("fovea explain --from '%s/explain.json#%d' --out again"):format(folder:gsub("'", "'\\''"), number_)
  return map
end

---@class fovea.ReportEvaluation
---@field model string
---@field data string the images, in words
---@field images integer
---@field failed integer
---@field summary table<string, { mean: number, low: number?, high: number?, n: number? }> by metric

--- What `fovea evaluate` found.
---@param record any
---@return fovea.ReportEvaluation?
function M.evaluation(record)
  local given, model = field(record, "summary", "table"), text(record, "model")
  if not (given and model) then return nil end
  local summary = {}
  for name, found in pairs(given) do
    local mean = number(found, "mean")
    if type(name) == "string" and mean then
      summary[name] = { mean = mean, low = number(found, "low"), high = number(found, "high"), n = number(found, "n") }
    end
  end
  local data = field(record, "data", "table") or {}
  return { model = model, data = text(data, "phantom") or text(data, "data_set") or text(data, "manifest") or "images",
    images = #list(record, "images", "table"), failed = number(record, "failed") or 0, summary = summary }
end

--- The scores of networks in the table of a run.
---@param rows table[] texts by column: model, metric, mean, low, high, n, missing
---@param data string
---@return fovea.ReportEvaluation[]
function M.summary(rows, data)
  local all, known = {}, {}
  for _, row in ipairs(rows) do
    local mean, n, missing = tonumber(row.mean), tonumber(row.n), tonumber(row.missing)
    if row.model and row.metric and mean and n then
      local found = known[row.model]
      if not found then
        found = { model = row.model, data = data, images = 0, failed = 0, summary = {} }
        known[row.model], all[#all + 1] = found, found
      end
      found.images = math.max(found.images, n + (missing or 0))
      found.summary[row.metric] = { mean = mean, low = tonumber(row.low), high = tonumber(row.high), n = n }
    end
  end
  return all
end

local function words(record)
  local parts = {}
  for _, name in ipairs { "layer", "threshold", "method", "score" } do parts[#parts + 1] = text(record, name) end
  return table.concat(parts, "  ")
end

--- The maps of a record of `fovea run`.
---@param record any
---@param folder string
---@return fovea.ReportMap[] maps
---@return fovea.ReportFailure? failure
function M.run(record, folder)
  local maps = {}
  local results = list(record, "results", "table")
  for target, result in ipairs(results) do
    local map = common(result, folder, record)
    map.model, map.image = text(record, "model") or "?", text(record, "image") or "?"
    map.layer, map.method = text(record, "layer") or "?", text(record, "method") or "?"
    map.threshold = text(record, "threshold") or map.threshold
    map.score, map.score_value = text(record, "score") or "?", number(result, "score")
    map.reduction, map.picture = text(record, "reduction"), text(result, "overlay")
    map.source = ("case %s of cases.jsonl"):format(text(record, "case") or "?")
    maps[target] = map
  end
  if #maps > 0 and not text(record, "error") then return maps end
  return maps, { model = text(record, "model"), image = text(record, "image"), what = words(record),
    code = text(record, "code"), error = text(record, "error") or "a case without results" }
end

return M
