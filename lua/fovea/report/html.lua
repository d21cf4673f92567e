--- One HTML page that shows the results of a run and needs nothing else: no network, no server, every picture inside.
local cases = require "fovea.report.page.case"
local core = require "fovea.core"
local desk = require "fovea.report.page.desk"
local drawing = require "fovea.report.page.drawing"
local guide = require "fovea.report.page.guide"
local lookup = require "fovea.lookup"
local markup = require "fovea.report.markup"
local means = require "fovea.report.page.means"
local pictures = require "fovea.report.page.pictures"
local scores = require "fovea.report.page.scores"
local script = require "fovea.report.page.script"
local status = require "fovea.status"
local style = require "fovea.report.page.style"
local words = require "fovea.report.page.words"

local M = {}

local h = markup.element

-- Nothing may be loaded from anywhere.
local POLICY = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:; "
  .. "base-uri 'none'; form-action 'none'"

local MOST_CASES, MOST_MAPS = 60, 1500 -- of a page that a browser opens at once

local function logo()
  return h("svg", { viewBox = "0 0 32 32", ["aria-hidden"] = "true" }, h("circle", { cx = 16, cy = 16, r = 15,
    fill = "#440154" }), h("circle", { cx = 16, cy = 16, r = 11, fill = "#31688e" }), h("circle", { cx = 16, cy = 16,
    r = 7, fill = "#35b779" }), h("circle", { cx = 16, cy = 16, r = 3, fill = "#fde725" }))
end

local function distinct(list, field)
  local seen, count = {}, 0
  for _, case in ipairs(list) do
    if not seen[case[field]] then seen[case[field]], count = true, count + 1 end
  end
  return count
end

local function lead(report, maps)
  local parts = { words.several(distinct(report.cases, "model"), "network"),
    words.several(distinct(report.cases, "image"), "image"), words.several(maps, "heat map") }
  return ("%s on %s: %s."):format(parts[1], parts[2], parts[3])
end

local function count_items(report, counts)
  local items = {}
  for _, name in ipairs(status.order) do
    if counts[name] then
      items[#items + 1] = h("li", { class = "badge " .. words.grade(name) }, ("%s %s"):format(counts[name], name))
    end
  end
  if #report.failures > 0 then
    items[#items + 1] = h("li", nil, h("a", { class = "badge bad", href = "#failures" },
      ("%d not made"):format(#report.failures)))
  end
  return items
end

local function top(report, title, counts)
  local maps = 0
  for _, n in pairs(counts) do maps = maps + n end
  return h("header", { class = "top" }, h("div", nil, h("div", { class = "brand" }, logo(), "Fovea \u{00B7} what a "
    .. "segmentation network looks at"), h("h1", nil, h("bdi", nil, title)), h("p", { class = "lead" },
    lead(report, maps)), h("ul", { class = "counts" }, count_items(report, counts))))
end

local function film(shown, hidden)
  local frames = {}
  for i, case in ipairs(shown) do frames[i] = cases.entry(case, i) end
  local note = hidden > 0 and h("p", { class = "reason" }, ("The page shows %d of %d cases: the first images of "
    .. "every network."):format(#shown, #shown + hidden))
  return { h("div", { class = "walk" }, h("h2", nil, "Cases"), h("span", { id = "where", class = "scripted" }),
    h("button", { type = "button", id = "previous", class = "scripted" }, "Previous"),
    h("button", { type = "button", id = "next", class = "scripted" }, "Next")), note,
    h("nav", { class = "film", ["aria-label"] = "Cases" }, frames) }
end

--- Cases by network, in order.
local function by_network(report)
  local list, known = {}, {}
  for place, case in ipairs(report.cases) do
    local key = case.folder .. "\n" .. case.model
    if not known[key] then
      known[key] = {}
      list[#list + 1] = known[key]
    end
    table.insert(known[key], { case = case, place = place })
  end
  return list
end

--- The cases that are shown: of every network the first ones, as many as are allowed.
local function chosen(report, limit)
  local networks, picked, maps, most = by_network(report), {}, 0, limit or MOST_CASES
  for round = 1, #report.cases do
    for _, network in ipairs(networks) do
      local item = network[round]
      local fits = #picked < most and (limit or #picked == 0 or item and maps + #item.case.maps <= MOST_MAPS)
      if item and fits then picked[#picked + 1], maps = item, maps + #item.case.maps end
    end
  end
  table.sort(picked, function(a, b) return a.place < b.place end)
  return picked
end

--- The cases that are shown, with what their maps share.
local function prepared(page, report, limit)
  local shown = {}
  for _, case in ipairs(report.cases) do case.scores, case.number = cases.scores(case), nil end
  for i, item in ipairs(chosen(report, limit)) do
    shown[i], item.case.number = item.case, i
    cases.prepare(page, item.case)
  end
  return shown
end

local function body(report, options)
  local page = { pictures = pictures.new(), count = 0 }
  local shown, counts = prepared(page, report, options.limit), guide.counts(report)
  local articles = {}
  for i, case in ipairs(shown) do articles[i] = cases.section(page, case, i) end
  local has_maps = #shown > 0
  return h("body", nil, drawing.filters(), top(report, options.title or report.name, counts),
    h("main", nil, guide.guide(), has_maps and { film(shown, #report.cases - #shown), desk.desk() }, articles,
      scores.section(report), means.section(report), guide.statuses(counts), guide.failures(report.failures)),
    h("footer", { class = "foot" }, h("div", nil, ("Made by Fovea %s. This file holds everything it shows; it loads "
      .. "nothing and sends nothing."):format(core.version()))),
    page.pictures:definitions(), has_maps and h("script", nil, markup.raw(script.text())))
end

--- The page of a report.
---@param report fovea.Report from fovea.report.collect
---@param options? { title: string?, limit: integer? } limit: cases shown; default: 60, with at most 1500 maps
---@return string html
function M.page(report, options)
  options = options or {}
  lookup.check_keys(options, { "title", "limit" }, "report")
  local head = h("head", nil, h("meta", { charset = "utf-8" }), h("meta", { name = "viewport",
    content = "width=device-width, initial-scale=1" }), h("meta", { ["http-equiv"] = "Content-Security-Policy",
    content = POLICY }), h("meta", { name = "color-scheme", content = "light dark" }), h("meta", { name = "generator",
    content = "Fovea " .. core.version() }), h("title", nil, (options.title or report.name) .. " \u{00B7} Fovea"),
    h("style", nil, markup.raw(style.text())))
  return "<!DOCTYPE html>\n" .. markup.text(h("html", { lang = "en" }, head, body(report, options))) .. "\n"
end

return M
