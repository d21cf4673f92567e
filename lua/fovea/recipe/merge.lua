--- Joins the results of shards into one folder: every case exactly once, or a list of what is missing and what is
--- there twice.
local core = require "fovea.core"
local expand = require "fovea.recipe.expand"
local figure = require "fovea.recipe.figure"
local json = require "fovea.json"
local lfs = require "lfs"
local segmentation = require "fovea.recipe.segmentation"
local store_module = require "fovea.recipe.store"
local tables = require "fovea.recipe.tables"
local view = require "fovea.report.view"

local M = {}

local SHOWN = 20 -- cases in a message

local function listed(what, cases)
  local lines = { ("%d %s:"):format(#cases, what) }
  for i = 1, math.min(SHOWN, #cases) do lines[#lines + 1] = "  " .. cases[i] end
  if #cases > SHOWN then lines[#lines + 1] = ("  ... and %d more"):format(#cases - SHOWN) end
  return table.concat(lines, "\n")
end

--- Stores of the folders, and the plan that all of them must have.
local function open(folders)
  local stores, plan, first = {}, nil, nil
  for i, folder in ipairs(folders) do
    local store = store_module.existing(folder)
    local found, message = store:plan()
    if not found then return nil, ("%s: not a folder of results (%s)"):format(folder, message) end
    local text = json.encode(found.record)
    if first and text ~= first then
      return nil, ("%s and %s come from different recipes"):format(folders[1], folder)
    end
    first, plan, stores[i] = text, plan or found, store
  end
  plan.cases = expand.cases(plan)
  return stores, plan
end

--- Where each case is; or a text of gaps and doubles.
local function locate(stores, plan)
  local places, gaps, doubles = {}, {}, {}
  for i, case in ipairs(plan.cases) do
    local found = {}
    for _, store in ipairs(stores) do
      if lfs.attributes(store:record_path(case.id), "mode") then found[#found + 1] = store end
    end
    places[i] = found[1]
    if #found == 0 then gaps[#gaps + 1] = expand.text(plan, case) end
    if #found > 1 then
      doubles[#doubles + 1] = ("%s  (%s, %s)"):format(expand.text(plan, case), found[1].folder, found[2].folder)
    end
  end
  local complaints = {}
  if #gaps > 0 then complaints[1] = listed("cases are missing", gaps) end
  if #doubles > 0 then complaints[#complaints + 1] = listed("cases are there twice", doubles) end
  if #complaints > 0 then return nil, table.concat(complaints, "\n") end
  return places
end

--- A file into another folder: a hard link where that works, a copy elsewhere.
local function bring(from, to, name)
  if from.folder == to.folder then return true end
  local source, target = from:path(name), to:path(name)
  os.remove(target)
  if lfs.link(source, target) then return true end
  local bytes, message = core.file.read(source)
  if not bytes then return nil, message end
  return core.file.write(target, bytes)
end

--- Names of the files of a map.
local function files_of(result)
  local names, pictures = {}, result.view or {}
  for _, field in ipairs { "overlay", "panel", "raw" } do names[#names + 1] = result[field] end
  for _, field in ipairs(view.PICTURES) do names[#names + 1] = pictures[field] end
  return names
end

--- Brings the record of a case and its files.
local function bring_case(from, to, case)
  local record = from:record(case.id)
  if not record then return nil, ("%s: cannot be read"):format(from:record_path(case.id)) end
  for _, result in ipairs(record.results or {}) do
    for _, name in ipairs(files_of(result)) do
      local ok, message = bring(from, to, name)
      if not ok then return nil, message end
    end
  end
  return bring(from, to, ("cases/%s.json"):format(case.id))
end

local function write(plan, to, result)
  local records = assert(tables.records(plan, to))
  for _, record in ipairs(records) do result.failed = result.failed + (record.error and 1 or 0) end
  local summary, message = tables.write(plan, to, records)
  if not summary then return nil, message end
  result.figures, message = figure.write(plan, to, records)
  if not result.figures then return nil, message end
  result.records, result.summary = records, summary
  return result
end

--- Joins folders that shards of one recipe wrote into a folder with all records, files, tables and figures.
---@param folders string[]
---@param out string may be one of them
---@return fovea.RecipeResult? result nil with a list of gaps and doubles
---@return string? message
function M.run(folders, out)
  local stores, plan = open(folders)
  if not stores then return nil, plan end
  local places, complaint = locate(stores, plan)
  if not places then return nil, complaint end
  local to, message = store_module.open(out)
  if not to then return nil, message end
  for i, case in ipairs(plan.cases) do
    local ok, problem = bring_case(places[i], to, case)
    if not ok then return nil, problem end
  end
  for _, store in ipairs(stores) do
    for _, name in ipairs(segmentation.files(plan, store)) do
      local ok, problem = bring(store, to, name)
      if not ok then return nil, problem end
    end
  end
  local ok, problem = bring(stores[1], to, "plan.json")
  if not ok then return nil, problem end
  return write(plan, to, { folder = out, done = #plan.cases, there = 0, failed = 0 })
end

return M
