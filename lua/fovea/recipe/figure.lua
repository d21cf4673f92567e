--- The figures of a run: rows are images, columns layers, strategies or methods; one figure for each combination of the
--- rest. Made of the overlays on disk.
local expand = require "fovea.recipe.expand"
local grid = require "fovea.report.grid"
local image = require "fovea.image"

local M = {}

local DEFAULTS = { columns = "strategies", rows = 8, cell = 240 }
local FIELDS = { layers = "layer", strategies = "threshold", methods = "method" }
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

--- Figures as { title, columns, rows = { [image] = { [column] = record } } }, in the order of the plan.
local function arranged(plan, records, options)
  local figures, by_title = {}, {}
  for i, case in ipairs(plan.cases) do
    if case.image <= options.rows then
      local names = expand.names(plan, case)
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

--- Draws and writes the figures.
---@param plan fovea.RecipePlan
---@param store fovea.RecipeStore
---@param records table[] in the order of the plan's cases
---@return string[]? files
---@return string? message
function M.write(plan, store, records)
  local options, files = {}, {}
  local wanted = plan.settings.outputs.figure
  if not wanted then return files end
  store:clear "figures"
  for key, value in pairs(DEFAULTS) do options[key] = type(wanted) == "table" and wanted[key] or value end
  for i, figure in ipairs(arranged(plan, records, options)) do
    local rows, aspect = rows_of(plan, store, figure)
    local picture = grid.draw { title = figure.title, columns = figure.columns, rows = rows, cell = options.cell,
      aspect = math.min(aspect or 1, 3) }
    files[i] = ("figures/%s-%02d.png"):format(options.columns, i)
    local ok, message = image.write(store:path(files[i]), picture)
    if not ok then return nil, message end
  end
  return files
end

return M
