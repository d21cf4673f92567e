--- The figures of a run: rows are images, columns layers, strategies or methods; one figure for each combination of the
--- rest. Made of the overlays on disk.
local charts = require "fovea.recipe.charts"
local expand = require "fovea.recipe.expand"
local grid = require "fovea.report.grid"
local image = require "fovea.image"
local tables = require "fovea.recipe.tables"

local M = {}

local DEFAULTS = { columns = "strategies", rows = 8, cell = 240 }
local FIELDS = { layers = "layer", strategies = "threshold", methods = "method", scores = "score" }
local ALL = { "model", "layer", "threshold", "method", "score" }

--- Rest of the names of a case: what one figure shares.
local function rest_of(names, column)
  local parts = {}
  for _, field in ipairs(ALL) do
    if field ~= column then parts[#parts + 1] = names[field] end
  end
  return table.concat(parts, "   ")
end

local function add_column(figure, name)
  if figure.known[name] then return end
  figure.columns[#figure.columns + 1] = name
  figure.known[name] = #figure.columns
end

local function is_wanted(names, only)
  for field, name in pairs(only or {}) do
    if names[field] ~= name then return false end
  end
  return true
end

--- Figures as { title, columns, rows = { [image] = { [column] = record } } }, in the order of the plan.
local function arranged(plan, records, options)
  local figures, by_title = {}, {}
  for i, case in ipairs(plan.cases) do
    local names = expand.names(plan, case)
    if case.image <= options.rows and is_wanted(names, options.only) then
      local title = rest_of(names, FIELDS[options.columns])
      local figure = by_title[title]
      if not figure then
        figure = { title = title, columns = {}, known = {}, rows = {} }
        by_title[title], figures[#figures + 1] = figure, figure
      end
      local column = names[FIELDS[options.columns]]
      add_column(figure, column)
      figure.rows[case.image] = figure.rows[case.image] or {}
      figure.rows[case.image][figure.known[column]] = records[i]
    end
  end
  return figures
end

--- Picture and label of a record.
local function cell_of(store, record)
  local result = record.results and record.results[1]
  if not result then return { label = record.code or "FAILED" } end
  local label = result.status ~= "OK" and result.status or nil
  local picture = result.overlay and image.read(store:path(result.overlay))
  return { picture = picture, label = label or (not picture and "no picture" or nil) }
end

local function rows_of(plan, store, figure)
  local rows, aspect = {}, nil
  for i, source in ipairs(plan.images) do
    if figure.rows[i] then
      local cells = {}
      for c, record in pairs(figure.rows[i]) do
        cells[c] = cell_of(store, record)
        local picture = cells[c].picture
        if picture then aspect = math.max(aspect or 0, picture.height / picture.width) end
      end
      rows[#rows + 1] = { label = source.name, cells = cells }
    end
  end
  return rows, aspect
end

--- Draws the figures of one description; their names go on from those that are there.
local function write_some(plan, store, records, wanted, files)
  local options = {}
  for key, value in pairs(DEFAULTS) do options[key] = wanted[key] or value end
  options.only = wanted.only
  for _, figure in ipairs(arranged(plan, records, options)) do
    local rows, aspect = rows_of(plan, store, figure)
    local picture = grid.draw { title = figure.title, columns = figure.columns, rows = rows, cell = options.cell,
      aspect = math.min(aspect or 1, 3) }
    local count = (files.count[options.columns] or 0) + 1
    files.count[options.columns] = count
    files[#files + 1] = ("figures/%s-%02d.png"):format(options.columns, count)
    local ok, message = image.write(store:path(files[#files]), picture)
    if not ok then return nil, message end
  end
  return true
end

--- Draws and writes the figures, and the charts (fovea.recipe.charts).
---@param plan fovea.RecipePlan
---@param store fovea.RecipeStore
---@param records table[] in the order of the plan's cases
---@return string[]? files
---@return string? message
function M.write(plan, store, records)
  local outputs, files = plan.settings.outputs, { count = {} }
  local wanted = outputs.figure
  if not wanted and not outputs.charts then return {} end
  store:clear "figures"
  if wanted == true then wanted = {} end
  for _, one in ipairs(wanted and (#wanted > 0 and wanted or { wanted }) or {}) do
    local ok, message = write_some(plan, store, records, one, files)
    if not ok then return nil, message end
  end
  files.count = nil
  local ok, message = charts.write(plan, store, tables.rows(plan, records), files)
  if not ok then return nil, message end
  return files
end

return M
