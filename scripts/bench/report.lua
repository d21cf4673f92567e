-- The results as Markdown, CSV and a chart.
local fovea = require "fovea"
local csv = require "fovea.report.csv"
local plot = require "fovea.plot"
local text = require "fovea.report.text"

local M = {}

local COLUMNS = { "network", "task", "size", "threads", "contestant", "variant", "seconds", "least", "ratio", "first",
  "peak", "flops", "of_peak", "difference", "runs", "note" }

local TASKS = { forward = "forward", map = "map, both layers", bottleneck = "map, bottleneck", last = "map, last block",
  many = "5 layers x 8 thresholds", perturb = "occluded images", train = "training step" }

local function number(format, value, factor)
  if not value then return "-" end
  return format:format(value * (factor or 1))
end

local function time_text(seconds)
  if not seconds then return "-" end
  return seconds < 0.1 and ("%.1f"):format(1e3 * seconds) or ("%.0f"):format(1e3 * seconds)
end

local function cells(row)
  return { row.network, TASKS[row.task] .. (row.count and (" (%d)"):format(row.count) or ""), tostring(row.size),
    tostring(row.threads), row.contestant .. (row.variant and (" (%s)"):format(row.variant:gsub("_", " ")) or ""),
    time_text(row.seconds), number("%.2f", row.ratio), number("%.2f", row.first), number("%.0f", row.peak, 1e-6),
    number("%.0f", row.flops, 1e-9), number("%.0f %%", row.of_peak, 100), number("%.1e", row.difference),
    row.note or "" }
end

local HEAD = { "network", "task", "size", "threads", "contestant", "ms", "x Fovea", "first s", "peak MB", "GFLOP/s",
  "of peak", "difference", "" }

local EXPLANATION = [[
ms: median of %d interleaved runs (%s); x Fovea: median of the ratios to the run of Fovea beside it; first s: from the
start of the process to its first result; peak MB: most memory (resident) of the process; GFLOP/s: two operations for
each multiply-accumulate of the layers that the question needs, whatever a contestant computes; of peak: of the measured
multiply-add peak (%s); difference: greatest difference to Fovea's result, relative to its greatest value.
]]

--- Writes bench.md, bench.csv and bench.png.
---@param folder string
---@param rows table[]
---@param facts { machine: string, clock: string, peaks: string, runs: integer }
---@return string markdown
function M.write(folder, rows, facts)
  local list = {}
  for i, row in ipairs(rows) do list[i] = cells(row) end
  local markdown = ("%s\n\n%s\n%s"):format(facts.machine, text.markdown(HEAD, list),
    EXPLANATION:format(facts.runs, facts.clock, facts.peaks))
  for name, content in pairs { ["bench.md"] = markdown, ["bench.csv"] = csv.encode(COLUMNS, rows) } do
    local file <close> = assert(io.open(folder .. "/" .. name, "w"))
    file:write(content)
  end
  M.chart(folder, rows)
  return markdown
end

-- One chart per task, size and number of threads: a group of bars for each network.
local function panels(rows)
  local list, known = {}, {}
  for _, row in ipairs(rows) do
    local key = ("%s, %d pixels, %s"):format(TASKS[row.task], row.size,
      row.threads == 1 and "1 thread" or row.threads .. " threads")
    local panel = known[key]
    if not panel then
      panel = { title = key .. ": time relative to Fovea", groups = {}, series = {}, group = {}, bars = {} }
      known[key], list[#list + 1] = panel, panel
    end
    if not panel.group[row.network] then
      panel.groups[#panel.groups + 1] = row.network
      panel.group[row.network] = #panel.groups
    end
    local bar = panel.bars[row.contestant]
    if not bar then
      bar = { label = row.contestant, values = {} }
      panel.bars[row.contestant], panel.series[#panel.series + 1] = bar, bar
    end
    bar.values[panel.group[row.network]] = row.ratio
  end
  return list
end

--- Draws the chart.
---@param folder string
---@param rows table[]
function M.chart(folder, rows)
  local pictures = {}
  for i, panel in ipairs(panels(rows)) do
    pictures[i] = plot.bars { groups = panel.groups, series = panel.series, title = panel.title, width = 900 }
  end
  if #pictures > 0 then assert(fovea.image.write(folder .. "/bench.png", plot.stack(pictures))) end
end

return M
