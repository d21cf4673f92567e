--- The results of a run on disk:
---
---     plan.json         what the run consists of
---     cases/ID.json     one record per case, with the key of its content: a case is done when this file is there
---     overlays/ panels/ raw/ view/   the files of the cases
---     evaluation/ID.json   scores of the segmentation of a model on an image
---     log.jsonl         when each case was computed and how long it took (the tables hold no times)
---
--- Every file is written to a temporary name, brought to the disk and renamed, and the record comes last, so that a run
--- that is killed at any moment leaves whole cases only.
local json = require "fovea.json"
local lfs = require "lfs"

local M = {}

---@class fovea.RecipeStore
---@field folder string
local Store = {}
Store.__index = Store

local ORDER = { "case", "model", "image", "layer", "threshold", "method", "score", "status", "error", "code" }
local FOLDERS = { "cases", "overlays", "panels", "raw", "view", "figures", "evaluation" }

local function make_folder(path)
  local made = ""
  for part in path:gmatch "[^/]*/?" do
    made = made .. part
    local plain = made:gsub("/+$", "")
    if part ~= "" and plain ~= "" and not lfs.attributes(plain, "mode") then
      local ok, message = lfs.mkdir(plain)
      if not ok and lfs.attributes(plain, "mode") ~= "directory" then
        return nil, ("%s: cannot make the folder: %s"):format(plain, message)
      end
    end
  end
  if lfs.attributes(path, "mode") ~= "directory" then return nil, path .. ": not a folder" end
  return true
end

--- A store in a folder, which is made.
---@param folder string
---@return fovea.RecipeStore? store
---@return string? message
function M.open(folder)
  local ok, message = make_folder(folder)
  for _, name in ipairs(FOLDERS) do
    if ok then ok, message = make_folder(("%s/%s"):format(folder, name)) end
  end
  if not ok then return nil, message end
  return setmetatable({ folder = folder }, Store)
end

--- A store that is there already; nothing is made.
---@param folder string
---@return fovea.RecipeStore
function M.existing(folder) return setmetatable({ folder = folder }, Store) end

--- A path inside.
---@param name string
---@return string
function Store:path(name) return ("%s/%s"):format(self.folder, name) end

--- Path of the record of a case.
---@param id string
---@return string
function Store:record_path(id) return self:path("cases/" .. id .. ".json") end

--- The record of a case; nil when there is none, or none that can be read.
---@param id string
---@return table?
function Store:record(id)
  local path = self:record_path(id)
  if not lfs.attributes(path, "mode") then return nil end
  local record = json.read(path)
  return type(record) == "table" and record.case and record or nil
end

--- Whether the result of a case is there and still fits. Failures are no results.
---@param id string
---@param key string
---@return boolean
function Store:done(id, key)
  local record = self:record(id)
  return record ~= nil and record.key == key and record.error == nil
end

--- Writes the record of a case.
---@param id string
---@param record table
---@return true? done
---@return string? message
function Store:put(id, record) return json.write(self:record_path(id), record, { indent = 1, order = ORDER }) end

--- Removes the record of a case.
---@param id string
function Store:remove(id) os.remove(self:record_path(id)) end

--- Removes the files of a folder inside.
---@param name string
function Store:clear(name)
  for entry in lfs.dir(self:path(name)) do
    if entry:sub(1, 1) ~= "." then os.remove(("%s/%s"):format(self:path(name), entry)) end
  end
end

local function first_line(path)
  local file = io.open(path)
  local line = file and file:read "l"
  if file then file:close() end
  return line
end

local TICKS = 100 -- per second, in /proc/PID/stat

--- Whether the process that wrote a file may still be there: a number is soon given to another process, so it must
--- have started before the file was written.
local function writer_lives(pid, modified)
  local stat, up = first_line("/proc/" .. pid .. "/stat"), first_line "/proc/uptime"
  if not stat or not up or stat:find "^.*%) [ZX]" then return false end
  local started = stat:match("^.*%) " .. ("%S+ "):rep(19) .. "(%d+)")
  if not started then return true end
  local age = tonumber(up:match "^[%d.]+") - tonumber(started) / TICKS
  return os.time() - age <= modified + 2
end

--- Removes temporary files of a folder that processes left which are no more.
---@param folder string
function M.sweep(folder)
  for entry in lfs.dir(folder) do
    local path = ("%s/%s"):format(folder, entry)
    local pid = entry:match "^%.fovea%-(%d+)%-%d+%.tmp$"
    if pid and not writer_lives(pid, lfs.attributes(path, "modification") or 0) then os.remove(path) end
  end
end

--- The same in the folders of a store.
function Store:sweep()
  for _, folder in ipairs(FOLDERS) do M.sweep(self:path(folder)) end
end

--- Adds a line to the log.
---@param entry table
function Store:log(entry)
  local file = io.open(self:path "log.jsonl", "ab")
  if not file then return end
  file:setvbuf "full"
  file:write(json.encode(entry, { order = { "time", "pid" } }), "\n")
  file:close()
end

--- A line of records, in the order of their keys.
---@param record table
---@return string
function M.line(record) return json.encode(record, { order = ORDER }) end

-- the plan -----------------------------------------------------------------------------------------------------------

local function labels(list)
  local names = json.array {}
  for i, part in ipairs(list) do names[i] = part.label or part.name or part end
  return names
end

--- What plan.json holds: the lists that the cases are made of, without paths.
---@param plan fovea.RecipePlan
---@return table
function M.plan_record(plan)
  local models, outputs = json.array {}, plan.settings.outputs
  for i, model in ipairs(plan.models) do
    models[i] = { name = model.name, layers = json.array { table.unpack(model.layers) } }
  end
  return { name = plan.name, models = models, images = labels(plan.images), strategies = labels(plan.strategies),
    methods = labels(plan.methods), scores = labels(plan.scores), metrics = labels(plan.metrics),
    figure = outputs.figure, summaries = outputs.summaries, charts = outputs.charts,
    evaluate = plan.settings.evaluate or nil,
    explain = plan.explain, count = #plan.cases }
end

--- Writes plan.json.
---@param plan fovea.RecipePlan
---@return true? done
---@return string? message
function Store:put_plan(plan)
  return json.write(self:path "plan.json", M.plan_record(plan), { indent = 1, order = { "name", "count" } })
end

--- The plan of a folder, as far as tables need it.
---@return table? plan
---@return string? message
function Store:plan()
  local record, message = json.read(self:path "plan.json")
  if not record then return nil, message end
  local function parts(list, field)
    local found = {}
    for i, name in ipairs(list) do found[i] = { [field] = name } end
    return found
  end
  return { name = record.name, models = record.models, images = parts(record.images, "name"),
    strategies = parts(record.strategies, "label"), methods = parts(record.methods, "label"), scores = record.scores,
    metrics = parts(record.metrics, "label"), record = record, explain = record.explain,
    settings = { outputs = { figure = record.figure, summaries = record.summaries, charts = record.charts },
      evaluate = record.evaluate } }
end

M.make_folder = make_folder

return M
