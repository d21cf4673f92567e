--- Means over the images of a page: one table for each network that was looked at on several images.
local markup = require "fovea.report.markup"
local summary = require "fovea.report.summary"
local words = require "fovea.report.page.words"

local M = {}

local h = markup.element

local GROUP = { "layer", "threshold", "method", "score" }
local INSIDE, TRUTH = "inside explained pixels", "inside ground truth"

--- A map as a row of quantities.
local function row_of(map, known, quantities)
  local row = { layer = map.layer, threshold = words.threshold(map.threshold), method = map.method, score = map.score,
    flagged = map.status ~= "OK" and 1 or 0 }
  local function put(name, value)
    if value and not known[name] then known[name], quantities[#quantities + 1] = true, name end
    row[name] = value
  end
  put(INSIDE, map.view.inside.target)
  put(TRUTH, map.view.inside.truth)
  local names = {}
  for name in pairs(map.metrics) do names[#names + 1] = name end
  table.sort(names)
  for _, name in ipairs(names) do put(name, map.metrics[name]) end
  return row
end

--- Networks with the rows of all their maps, in the order of the report.
local function networks(report)
  local list, known = {}, {}
  for _, case in ipairs(report.cases) do
    local key = case.folder .. "\n" .. case.model
    local network = known[key]
    if not network then
      network = { name = case.model_name, images = 0, rows = {}, known = {}, quantities = {} }
      known[key], list[#list + 1] = network, network
    end
    network.images = network.images + 1
    for _, map in ipairs(case.maps) do
      network.rows[#network.rows + 1] = row_of(map, network.known, network.quantities)
    end
  end
  return list
end

local function value_of(name, stats)
  if stats.n == 0 then return "\u{2013}" end
  local percent = name == INSIDE or name == TRUTH
  local write = percent and words.percent or words.number
  return { write(stats.mean), stats.sd == stats.sd and h("small", nil, " \u{00B1} ", write(stats.sd)) }
end

local function table_of(network)
  local quantities = { "flagged", table.unpack(network.quantities) }
  local found, head, rows = summary.of(network.rows, GROUP, quantities), {}, {}
  for i, name in ipairs(GROUP) do head[i] = h("th", { scope = "col" }, name) end
  head[#head + 1] = h("th", { scope = "col", class = "number" }, "flagged")
  for _, name in ipairs(network.quantities) do head[#head + 1] = h("th", { scope = "col", class = "number" }, name) end
  for i, group in ipairs(found.rows) do
    local cells = {}
    for k, name in ipairs(GROUP) do cells[k] = h("td", nil, h("bdi", nil, group.names[name])) end
    local flagged = group.stats.flagged
    cells[#cells + 1] = h("td", { class = "number" }, ("%.0f of %d"):format(flagged.mean * flagged.n, flagged.n))
    for _, name in ipairs(network.quantities) do
      cells[#cells + 1] = h("td", { class = "number" }, value_of(name, group.stats[name]))
    end
    rows[i] = h("tr", nil, cells)
  end
  return h("table", nil, h("thead", nil, h("tr", nil, head)), h("tbody", nil, rows))
end

--- The section; nil when no network was looked at on several images.
---@param report fovea.Report
---@return fovea.Markup?
function M.section(report)
  local parts = {}
  for _, network in ipairs(networks(report)) do
    if network.images > 1 then
      parts[#parts + 1] = h("details", { class = "numbers" }, h("summary", nil, h("bdi", nil, network.name), ", ",
        words.several(network.images, "image")), h("div", { class = "scroll", tabindex = 0, role = "group",
        ["aria-label"] = "Means over images" }, table_of(network)))
    end
  end
  if #parts == 0 then return nil end
  return h("section", { class = "means", id = "means" }, h("h2", nil, "Means over images"),
    h("p", nil, "Mean and standard deviation over all images of the results, also those that are not shown above. "
      .. "Maps without a value are left out."), parts)
end

return M
