--- What a page is made of, from the folders that `fovea explain --out`, `fovea run` and `fovea evaluate --out` wrote:
--- cases (one network on one image) with their maps, scores of networks, and what failed.
local core = require "fovea.core"
local csv = require "fovea.report.csv"
local entry = require "fovea.report.entry"
local json = require "fovea.json"
local lfs = require "lfs"

local M = {}

---@class fovea.ReportCase
---@field model string
---@field image string
---@field model_name string
---@field image_name string
---@field folder string
---@field maps fovea.ReportMap[]
---@field layers string[] in the order of the network
---@field thresholds string[]
---@field variants { method: string, score: string }[]

---@class fovea.Report
---@field name string
---@field folders string[]
---@field cases fovea.ReportCase[]
---@field evaluations fovea.ReportEvaluation[]
---@field failures fovea.ReportFailure[]

local function is_file(path) return lfs.attributes(path, "mode") == "file" end

local SUFFIXES = { png = true, jpg = true, jpeg = true, npy = true, safetensors = true, onnx = true, pth = true,
  pt = true, ckpt = true, h5 = true, hdf5 = true, keras = true }

--- The last part of a path, without the suffix of a file.
---@param path string
---@return string
function M.base_name(path)
  local phantom, seed, options = path:match "^phantom:([%w_]+):(%d+)(.*)$"
  if phantom then return ("%s.%s%s"):format(phantom, seed, (options:gsub(",size=%d+", ""))) end
  local name = path:match "([^/]+)/*$" or path
  local stem, suffix = name:match "^(.+)%.(%w+)$"
  return stem and SUFFIXES[suffix:lower()] and stem or name
end

local function add_once(list, value)
  for _, known in ipairs(list) do
    if known == value then return end
  end
  list[#list + 1] = value
end

local function add_variant(list, map)
  for _, known in ipairs(list) do
    if known.method == map.method and known.score == map.score then return end
  end
  list[#list + 1] = { method = map.method, score = map.score }
end

--- Puts a map where it belongs.
local function add_map(report, map)
  local key = ("%s\n%s\n%s"):format(map.folder, map.model, map.image)
  local case = report.known[key]
  if not case then
    case = { model = map.model, image = map.image, model_name = M.base_name(map.model),
      image_name = M.base_name(map.image), folder = map.folder, maps = {}, layers = {}, thresholds = {}, variants = {},
      places = {} }
    report.known[key], report.cases[#report.cases + 1] = case, case
  end
  local place = table.concat({ map.layer, map.threshold, map.method, map.score }, "\n")
  case.places[place] = (case.places[place] or 0) + 1
  if case.places[place] > 1 then map.threshold = ("%s (target %d)"):format(map.threshold, case.places[place]) end
  case.maps[#case.maps + 1] = map
  add_once(case.layers, map.layer)
  add_once(case.thresholds, map.threshold)
  add_variant(case.variants, map)
end

local function add_failure(report, failure) report.failures[#report.failures + 1] = failure end

local function read_explain(report, folder)
  local path = folder .. "/explain.json"
  local records, message = json.read(path)
  if message then return nil, message end
  if type(records) ~= "table" then return nil, path .. ": not a list of records" end
  for i, record in ipairs(records) do
    local map, failure = entry.explain(record, folder, i)
    if map then add_map(report, map) else add_failure(report, failure) end
  end
  return true
end

local function read_run(report, folder)
  local path = folder .. "/cases.jsonl"
  local text, message = core.file.read(path)
  if not text then return nil, message end
  local number = 0
  for line in text:gmatch "[^\n]+" do
    number = number + 1
    local record, problem = json.decode(line)
    if type(record) ~= "table" then
      add_failure(report, { what = ("line %d of cases.jsonl"):format(number), error = problem or "not a record" })
    else
      local maps, failure = entry.run(record, folder)
      for _, map in ipairs(maps) do add_map(report, map) end
      if failure then add_failure(report, failure) end
    end
  end
  return true
end

local function read_evaluation(report, folder)
  local record, message = json.read(folder .. "/summary.json")
  if message then return nil, message end
  local evaluation = entry.evaluation(record)
  if not evaluation then return nil, folder .. "/summary.json: not an evaluation" end
  report.evaluations[#report.evaluations + 1] = evaluation
  return true
end

--- Scores of the networks of a run.
local function read_scores(report, folder)
  local path = folder .. "/evaluation_summary.csv"
  local text, message = core.file.read(path)
  if not text then return nil, message end
  local rows, problem = csv.decode(text)
  if not rows then return nil, ("%s: %s"):format(path, problem) end
  local found = entry.summary(rows, M.base_name(folder))
  table.move(found, 1, #found, #report.evaluations + 1, report.evaluations)
  return true
end

local READERS = { { "explain.json", read_explain }, { "cases.jsonl", read_run }, { "summary.json", read_evaluation },
  { "evaluation_summary.csv", read_scores } }
local DEEPEST = 2 -- levels of folders below the one that is named

local function subfolders(folder)
  local names = {}
  for name in lfs.dir(folder) do
    if name:sub(1, 1) ~= "." and lfs.attributes(folder .. "/" .. name, "mode") == "directory" then
      names[#names + 1] = name
    end
  end
  table.sort(names)
  return names
end

--- Adds what a folder and those below it hold.
local function add_sources(found, folder, level)
  for _, reader in ipairs(READERS) do
    if is_file(("%s/%s"):format(folder, reader[1])) then found[#found + 1] = { folder = folder, read = reader[2] } end
  end
  if level == DEEPEST then return end
  for _, name in ipairs(subfolders(folder)) do add_sources(found, ("%s/%s"):format(folder, name), level + 1) end
end

local function sources_of(folder)
  if lfs.attributes(folder, "mode") ~= "directory" then return nil, folder .. ": no such folder" end
  local found = {}
  add_sources(found, folder, 0)
  if #found == 0 then return nil, folder .. ": no results (neither explain.json nor cases.jsonl is there)" end
  return found
end

--- Reads folders. What cannot be read is an entry of `failures`; only when nothing can, there is no report.
---@param folders string[]
---@return fovea.Report? report
---@return string? message
function M.read(folders)
  local report = { name = M.base_name(folders[1]), folders = folders, cases = {}, evaluations = {}, failures = {},
    known = {} }
  for _, folder in ipairs(folders) do
    local sources, message = sources_of((folder:gsub("(.)/+$", "%1")))
    if not sources then add_failure(report, { what = folder, error = message }) end
    for _, source in ipairs(sources or {}) do
      local ok, problem = source.read(report, source.folder)
      if not ok then add_failure(report, { what = source.folder, error = problem }) end
    end
  end
  if #report.cases + #report.evaluations == 0 and #report.failures == 1 then return nil, report.failures[1].error end
  return report
end

--- Failures that have network and reason in common, once, with their number.
---@param failures fovea.ReportFailure[]
---@return { failure: fovea.ReportFailure, count: integer, images: string[] }[]
function M.grouped(failures)
  local list, known = {}, {}
  for _, failure in ipairs(failures) do
    local key = ("%s\n%s"):format(failure.model or "", failure.error)
    if not known[key] then
      known[key] = { failure = failure, count = 0, images = {} }
      list[#list + 1] = known[key]
    end
    known[key].count = known[key].count + 1
    if failure.image then add_once(known[key].images, M.base_name(failure.image)) end
  end
  return list
end

--- The map of a case at a place of its grid; nil when there is none.
---@param case fovea.ReportCase
---@param layer string
---@param threshold string
---@param variant { method: string, score: string }
---@return fovea.ReportMap?
function M.find(case, layer, threshold, variant)
  for _, map in ipairs(case.maps) do
    if map.layer == layer and map.threshold == threshold and map.method == variant.method
      and map.score == variant.score then
      return map
    end
  end
end

return M
