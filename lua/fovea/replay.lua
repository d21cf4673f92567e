--- Repeating a heat map from its record alone: model, image, preprocessing, layer, strategy, method, score, class.
local core = require "fovea.core"
local cam = require "fovea.cam"
local json = require "fovea.json"
local mask_file = require "fovea.mask_file"
local threshold = require "fovea.threshold"

local M = {}

--- The record that FILE.json#N names (N from 1; it may be left out when there is only one).
---@param spec string
---@return table? record
---@return string? message
---@return string? code
function M.read(spec)
  local path, number = spec:match "^(.-)#(%d+)$"
  path = path or spec
  local text, message, code = core.file.read(path)
  if not text then return nil, message, code end
  local records, complaint = json.decode(text)
  if type(records) ~= "table" then
    return nil, ("%s: not a list of records: %s"):format(path, complaint or type(records)), "format"
  end
  if records.layer then records = { records } end
  if not number and #records ~= 1 then
    return nil, ("%s: %d records; say which: %s#1"):format(path, #records, path), "mismatch"
  end
  local record = records[math.tointeger(tonumber(number)) or 1]
  if not record then return nil, ("%s: record %s of %d"):format(path, number or 1, #records), "mismatch" end
  if not (record.layer and record.threshold) then
    return nil, ("%s: the case of record %s failed: %s"):format(path, number or 1, record.error or "no map"), "mismatch"
  end
  return record
end

--- Text that says why a record cannot be repeated, or nil.
local function complaint_about(record)
  local function anonymous(part)
    if part.anonymous then return part.spec end
    for _, inner in ipairs(part.of or {}) do
      local found = anonymous(inner)
      if found then return found end
    end
  end
  local found = anonymous(record.threshold)
  if found then
    return ("the strategy '%s' was a Lua function or a mask, which a record cannot hold; keep it in a file and use "
      .. "file:PATH"):format(found)
  end
  for _, name in ipairs(cam.names()) do
    if name == record.method:match "^[%w_]+" then return nil end
  end
  return ("the method '%s' was a Lua function, which a record cannot hold"):format(record.method)
end

--- Options of fovea.explain that repeat a record.
---@param record table
---@return table? options
---@return string? message
---@return string? code
function M.options(record)
  local complaint = complaint_about(record)
  if complaint then return nil, complaint, "mismatch" end
  local truth = record.ground_truth or {}
  if record.ground_truth and not truth.path then
    return nil, "the ground truth was a tensor, which a record cannot hold", "mismatch"
  end
  return {
    layers = { record.layer }, thresholds = { threshold.parse(record.threshold.spec) }, methods = { record.method },
    score = record.score.kind, reduction = record.score.reduction, class = record.class, output = record.output,
    activation = record.activation, preprocess = record.preprocess, spacing = record.spacing,
    ground_truth = truth.path, ground_truth_label = truth.label, exact = record.exact,
    precision = record.precision and record.precision.kind,
  }
end

--- One line for each file that is not what it was when the record was made.
---@param record table
---@return string[]
function M.changes(record)
  local lines = {}
  local function compare(path, hash)
    if not (path and hash) then return end
    local now = mask_file.hash(path)
    if now and now ~= hash then lines[#lines + 1] = path .. ": has changed since the record was made" end
  end
  local function parts(part)
    compare(part.parameters and (part.parameters.path or part.parameters.mask), part.detail and part.detail.hash)
    for _, inner in ipairs(part.of or {}) do parts(inner) end
  end
  compare(record.model, record.model_hash)
  compare(record.image, record.image_hash)
  if record.ground_truth then compare(record.ground_truth.path, record.ground_truth.hash) end
  parts(record.threshold)
  return lines
end

return M
