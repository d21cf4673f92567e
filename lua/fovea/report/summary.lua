--- Mean, standard deviation and number of quantities by group.
local M = {}

---@class fovea.Summary
---@field group string[] columns that rows of one group share
---@field quantities string[]
---@field rows table[] { names = {...}, maps = n, failed = n, stats = { [quantity] = { mean, sd, n } } }

--- Mean, sample standard deviation (divisor n - 1; NaN for one value) and number of values; NaN is left out.
---@param values number[]
---@return { mean: number, sd: number, n: integer }
function M.stats(values)
  local n, sum = 0, 0
  for _, value in ipairs(values) do
    if value == value then n, sum = n + 1, sum + value end
  end
  local mean, squares = sum / n, 0
  for _, value in ipairs(values) do
    if value == value then squares = squares + (value - mean) ^ 2 end
  end
  return { mean = n > 0 and mean or 0 / 0, sd = n > 1 and math.sqrt(squares / (n - 1)) or 0 / 0, n = n }
end

local function new_group(row, columns)
  local found = { names = {}, maps = 0, failed = 0, values = {} }
  for _, column in ipairs(columns) do found.names[column] = row[column] end
  return found
end

local function add(found, row, quantities)
  if row.error then
    found.failed = found.failed + 1
    return
  end
  found.maps = found.maps + 1
  for _, quantity in ipairs(quantities) do
    found.values[quantity] = found.values[quantity] or {}
    table.insert(found.values[quantity], row[quantity] or 0 / 0)
  end
end

--- Groups rows, in the order in which the groups appear.
---@param rows table[]
---@param group string[] columns
---@param quantities string[] columns with numbers
---@return fovea.Summary
function M.of(rows, group, quantities)
  local summary, known = { group = group, quantities = quantities, rows = {} }, {}
  for _, row in ipairs(rows) do
    local names = {}
    for i, column in ipairs(group) do names[i] = tostring(row[column]) end
    local place = table.concat(names, "\n")
    if not known[place] then
      known[place] = new_group(row, group)
      summary.rows[#summary.rows + 1] = known[place]
    end
    add(known[place], row, quantities)
  end
  for _, found in ipairs(summary.rows) do
    found.stats = {}
    for _, quantity in ipairs(quantities) do found.stats[quantity] = M.stats(found.values[quantity] or {}) end
    found.values = nil
  end
  return summary
end

--- Columns and rows for a CSV file: QUANTITY_mean, QUANTITY_sd, QUANTITY_n.
---@param summary fovea.Summary
---@return string[] columns
---@return table[] rows
function M.columns(summary)
  local columns, rows = { table.unpack(summary.group) }, {}
  table.move({ "maps", "failed" }, 1, 2, #columns + 1, columns)
  for _, quantity in ipairs(summary.quantities) do
    for _, what in ipairs { "mean", "sd", "n" } do columns[#columns + 1] = ("%s_%s"):format(quantity, what) end
  end
  for i, found in ipairs(summary.rows) do
    local row = { maps = found.maps, failed = found.failed }
    for column, name in pairs(found.names) do row[column] = name end
    for quantity, stats in pairs(found.stats) do
      for what, value in pairs(stats) do row[("%s_%s"):format(quantity, what)] = value end
    end
    rows[i] = row
  end
  return columns, rows
end

local function short(value)
  if value ~= value then return "-" end
  if value == math.floor(value) and math.abs(value) < 1e7 then return ("%d"):format(math.floor(value)) end
  return ("%.4g"):format(value)
end

--- "mean ± sd", and the number of values where it is not that of the maps.
local function cell(stats, maps)
  if stats.n == 0 then return "-" end
  local text = stats.n == 1 and short(stats.mean) or ("%s ± %s"):format(short(stats.mean), short(stats.sd))
  return stats.n == maps and text or ("%s (n=%d)"):format(text, stats.n)
end

--- Columns and cells for people. Columns that say the same everywhere are left out, as long as one stays.
---@param summary fovea.Summary
---@param all? boolean leave none out
---@return string[] columns
---@return string[][] rows
function M.cells(summary, all)
  local columns, rows, shown = {}, {}, {}
  for _, column in ipairs(summary.group) do
    local first, differs = summary.rows[1] and summary.rows[1].names[column], false
    for _, found in ipairs(summary.rows) do differs = differs or found.names[column] ~= first end
    if differs or all or column == "layer" then shown[#shown + 1] = column end
  end
  for _, column in ipairs(shown) do columns[#columns + 1] = column end
  table.move({ "n", "failed" }, 1, 2, #columns + 1, columns)
  table.move(summary.quantities, 1, #summary.quantities, #columns + 1, columns)
  for i, found in ipairs(summary.rows) do
    local row = {}
    for _, column in ipairs(shown) do row[#row + 1] = tostring(found.names[column]) end
    row[#row + 1], row[#row + 2] = tostring(found.maps), tostring(found.failed)
    for _, quantity in ipairs(summary.quantities) do row[#row + 1] = cell(found.stats[quantity], found.maps) end
    rows[i] = row
  end
  return columns, rows
end

return M
