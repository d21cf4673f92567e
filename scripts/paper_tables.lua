--- The tables of several runs of `fovea run` in one: segmentation, heat maps by layer, threshold and score, and how
--- much the maps of a case differ between scores, thresholds and layers. Prints Markdown.
--- usage: bin/fovea scripts/paper_tables.lua FOLDER...      each the results of one recipe (configs/paper)
local fovea = require "fovea"

local FIXED = "0.5" -- the threshold that others are compared with

local function read_csv(path)
  local file = io.open(path, "rb")
  if not file then return nil end
  local text = file:read "a"
  file:close()
  return assert(require("fovea.report.csv").decode(text))
end

local function number(text) return tonumber(text) or 0 / 0 end

--- Mean of the values that are there, and their number.
local function mean(values)
  local sum, n = 0, 0
  for _, value in ipairs(values) do
    if value == value then sum, n = sum + value, n + 1 end
  end
  return sum / n, n
end

local function cell(values, form)
  local value, n = mean(values)
  return n == 0 and "-" or (form or "%.3f"):format(value)
end

local function print_table(title, columns, rows)
  print(("### %s\n"):format(title))
  print(require("fovea.report.text").markdown(columns, rows))
end

--- A run: its name, the rows of its cases, and the summary of its segmentations.
local function read_run(folder)
  local cases = read_csv(folder .. "/cases.csv")
  if not cases then
    io.stderr:write(("%s: no cases.csv, left out\n"):format(folder))
    return nil
  end
  return { folder = folder, name = folder:match "([^/]+)/*$", cases = cases,
    scores = read_csv(folder .. "/evaluation_summary.csv") or {} }
end

-- tables -------------------------------------------------------------------------------------------------------------

local SCORES = { "dice", "iou", "sensitivity", "specificity", "auc", "hd95" }

local function segmentation(runs)
  local rows = {}
  for _, run in ipairs(runs) do
    local row, images = { run.name }, "-"
    for i, name in ipairs(SCORES) do
      row[i + 1] = "-"
      for _, found in ipairs(run.scores) do
        if found.metric == name then
          row[i + 1] = ("%.3f"):format(number(found.mean))
          if name == "dice" then
            images = found.n
            row[2] = ("%.3f (%.3f to %.3f)"):format(number(found.mean), number(found.low), number(found.high))
          end
        end
      end
    end
    row[#row + 1] = images
    rows[#rows + 1] = row
  end
  print_table("Segmentation", { "run", "Dice (95 % interval)", "IoU", "sensitivity", "specificity", "AUC", "HD95",
    "n" }, rows)
end

--- Values of a column in the rows that a filter picks.
local function column(cases, name, filter)
  local values = {}
  for _, row in ipairs(cases) do
    if filter(row) then values[#values + 1] = number(row[name]) end
  end
  return values
end

local USABLE = { OK = true, TIES = true }

--- Share of rows with a status that means something.
local function usable(cases, filter)
  local values = {}
  for _, row in ipairs(cases) do
    if filter(row) then values[#values + 1] = USABLE[row.status] and 1 or 0 end
  end
  return values
end

--- Values of a field in the order in which they appear.
local function levels(cases, field)
  local seen, list = {}, {}
  for _, row in ipairs(cases) do
    if not seen[row[field]] then seen[row[field]], list[#list + 1] = true, row[field] end
  end
  return list
end

local MAPS = { "energy_lift:ground_truth", "roc_auc:ground_truth", "pointing_game:ground_truth", "gini", "spearman" }
local HEADS = { "usable", "energy lift", "ROC-AUC", "pointing", "Gini", "rho with probability" }

local function map_cells(cases, filter)
  local cells = { cell(usable(cases, filter), "%.2f") }
  for i, name in ipairs(MAPS) do cells[i + 1] = cell(column(cases, name, filter), i == 3 and "%.2f" or nil) end
  return cells
end

local function by_layer(runs, method)
  local rows = {}
  for _, run in ipairs(runs) do
    for _, layer in ipairs(levels(run.cases, "layer")) do
      rows[#rows + 1] = { run.name, layer, table.unpack(map_cells(run.cases, function(row)
        return row.layer == layer and row.threshold == FIXED and row.score == "logit" and row.method == method
      end)) }
    end
  end
  print_table(("Heat maps by layer (%s, threshold 0.5, logit)"):format(method), { "run", "layer", table.unpack(HEADS) },
    rows)
end

local function all_cases(runs)
  local all = {}
  for _, run in ipairs(runs) do table.move(run.cases, 1, #run.cases, #all + 1, all) end
  return all
end

local function pooled(runs, field, title)
  local all, rows = all_cases(runs), {}
  for _, level in ipairs(levels(all, field)) do
    for _, method in ipairs(levels(all, "method")) do
      rows[#rows + 1] = { level, method, table.unpack(map_cells(all, function(row)
        return row[field] == level and (field == "score" or row.score == "logit") and row.method == method
          and row.status ~= "TAUTOLOGY"
      end)) }
    end
  end
  print_table(title, { field, "method", table.unpack(HEADS) }, rows)
end

local function statuses(runs)
  local rows, names = {}, { "OK", "TIES", "TAUTOLOGY", "EMPTY_TARGET", "ALL_NONPOSITIVE", "SATURATED", "ZERO_GRAD",
    "CONSTANT", "NONFINITE", "FAILED" }
  for _, run in ipairs(runs) do
    local row, counts = { run.name }, {}
    for _, one in ipairs(run.cases) do counts[one.status] = (counts[one.status] or 0) + 1 end
    for i, name in ipairs(names) do row[i + 1] = tostring(counts[name] or 0) end
    rows[#rows + 1] = row
  end
  print_table("Status of all maps", { "run", table.unpack(names) }, rows)
end

-- pairs of maps ------------------------------------------------------------------------------------------------------

local function raw_of(run, row)
  return row.raw and row.raw ~= "" and fovea.npy.read(("%s/%s"):format(run.folder, row.raw)) or nil
end

--- Rank correlation of the positive parts of two maps, resized to the larger one.
local function similarity(a, b)
  local sa, sb = a:shape(), b:shape()
  if sa[1] * sa[2] < sb[1] * sb[2] then a = a:resize(sb) else b = b:resize(sa) end
  return fovea.metric.spearman(a:relu(), b:relu())
end

--- Correlations of the maps of pairs of cases that agree in all but one field: by method, level and layer. Layers whose
--- maps only repeat the prediction are left out.
local function compared(run, field, base)
  local index, found = {}, {}
  local function place(row, level)
    local parts = {}
    for _, name in ipairs { "image", "layer", "threshold", "method", "score", "target" } do
      parts[#parts + 1] = name == field and level or row[name]
    end
    return table.concat(parts, "\n")
  end
  for _, row in ipairs(run.cases) do index[place(row, row[field])] = row end
  for _, row in ipairs(run.cases) do
    local other = row[field] ~= base and row.status ~= "TAUTOLOGY" and index[place(row, base)]
    local a, b = other and raw_of(run, row), other and raw_of(run, other)
    if a and b and (field == "score" or row.score == "logit") then
      local key = row.method .. "\n" .. row[field]
      found[key] = found[key] or {}
      found[key][row.layer] = found[key][row.layer] or {}
      table.insert(found[key][row.layer], similarity(a, b))
    end
  end
  return found
end

--- Mean over the layers, and the layer where it is lowest.
local function summary_cell(layers)
  local values, lowest, where = {}, math.huge, nil
  for layer, list in pairs(layers or {}) do
    local value = mean(list)
    if value == value then
      values[#values + 1] = value
      if value < lowest or (value == lowest and layer < where) then lowest, where = value, layer end
    end
  end
  if #values == 0 then return "-" end
  return ("%.2f (%.2f %s)"):format(mean(values), lowest, where)
end

local function similarities(runs, field, base, title)
  local columns, rows, others = { "run", "method" }, {}, {}
  for _, level in ipairs(levels(all_cases(runs), field)) do
    if level ~= base then others[#others + 1], columns[#columns + 1] = level, level end
  end
  for _, run in ipairs(runs) do
    local found = compared(run, field, base)
    for _, method in ipairs(levels(run.cases, "method")) do
      local row = { run.name, method }
      for _, level in ipairs(others) do row[#row + 1] = summary_cell(found[method .. "\n" .. level]) end
      rows[#rows + 1] = row
    end
  end
  print_table(title .. ": mean over the layers (lowest, and where)", columns, rows)
end

local runs = {}
for _, folder in ipairs(arg) do runs[#runs + 1] = read_run(folder) end
if #runs == 0 then
  io.stderr:write "usage: fovea scripts/paper_tables.lua FOLDER...\n"
  os.exit(2)
end
segmentation(runs)
for _, method in ipairs(levels(all_cases(runs), "method")) do by_layer(runs, method) end
pooled(runs, "threshold", "Heat maps by threshold strategy (logit; all layers that are no tautology)")
pooled(runs, "score", "Heat maps by score (all strategies; all layers that are no tautology)")
statuses(runs)
similarities(runs, "score", "logit", "Rank correlation of the map by probability with the map by logit")
similarities(runs, "threshold", FIXED, "Rank correlation with the map at threshold 0.5 (logit)")
