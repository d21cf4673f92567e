--- Scores of the segmentations on a page: of one case as a line, of all as a table.
local collect = require "fovea.report.collect"
local evaluate = require "fovea.evaluate"
local markup = require "fovea.report.markup"
local summary = require "fovea.report.summary"
local view = require "fovea.report.view"

local M = {}

local h = markup.element

local function label(name)
  local ok, metric = pcall(evaluate.metric, name)
  return ok and metric.label or name
end

local function text(value) return value and value == value and ("%.3f"):format(value) or "\u{2013}" end

--- Scores of one case; nil when there is no ground truth.
---@param scores table<string, number>
---@return fovea.Markup?
function M.line(scores)
  if not next(scores) then return nil end
  local items = {}
  for _, name in ipairs(view.SCORES) do
    items[#items + 1] = h("div", nil, h("dt", nil, label(name)), h("dd", nil, text(scores[name])))
  end
  return h("dl", { class = "scores", title = "Prediction above one half against the ground truth" }, items)
end

local function group_of(groups, key, model)
  if not groups[key] then
    groups[key] = { name = collect.base_name(model), list = {}, evaluations = {} }
    groups[#groups + 1] = groups[key]
  end
  return groups[key]
end

--- Evaluations and cases with scores, by network in the order of the page.
local function by_model(report)
  local groups = {}
  for _, evaluation in ipairs(report.evaluations) do
    table.insert(group_of(groups, evaluation.model, evaluation.model).evaluations, evaluation)
  end
  for _, case in ipairs(report.cases) do
    if next(case.scores) then table.insert(group_of(groups, case.model, case.model).list, case) end
  end
  return groups
end

local function row(name, cells, class)
  local list = { h("th", { scope = "row" }, name) }
  for _, cell in ipairs(cells) do list[#list + 1] = h("td", { class = "number" }, cell) end
  return h("tr", { class = class }, list)
end

local function interval(found)
  if not found then return text(nil) end
  if not (found.low and found.high) then return text(found.mean) end
  return { text(found.mean), " ", h("small", nil, ("%s\u{2013}%s"):format(text(found.low), text(found.high))) }
end

local function evaluation_row(evaluation)
  local cells = {}
  for i, name in ipairs(view.SCORES) do cells[i] = interval(evaluation.summary[name]) end
  local failed = evaluation.failed > 0 and (", %.0f failed"):format(evaluation.failed) or ""
  return row({ ("mean of %.0f: "):format(evaluation.images), h("bdi", nil, evaluation.data), failed }, cells, "mean")
end

local function mean_row(group)
  local cells = {}
  for i, name in ipairs(view.SCORES) do
    local values = {}
    for _, case in ipairs(group.list) do values[#values + 1] = case.scores[name] end
    cells[i] = text(summary.stats(values).mean)
  end
  return row(("mean of %d images"):format(#group.list), cells, "mean")
end

local function body(group)
  local rows = { h("tr", { class = "group" }, h("th", { colspan = #view.SCORES + 1, scope = "rowgroup" },
    h("bdi", nil, group.name))) }
  for _, evaluation in ipairs(group.evaluations) do rows[#rows + 1] = evaluation_row(evaluation) end
  for _, case in ipairs(group.list) do
    local cells, name = {}, h("bdi", nil, case.image_name)
    for i, metric in ipairs(view.SCORES) do cells[i] = text(case.scores[metric]) end
    rows[#rows + 1] = row(case.number and h("a", { href = ("#case-%d"):format(case.number) }, name) or name, cells)
  end
  if #group.list > 1 and #group.evaluations == 0 then rows[#rows + 1] = mean_row(group) end
  return h("tbody", nil, rows)
end

--- The table of all networks; nil when no case has a ground truth.
---@param report fovea.Report cases with scores, and with the number that they have on the page
---@return fovea.Markup?
function M.section(report)
  local groups = by_model(report)
  if #groups == 0 then return nil end
  local head, bodies = { h("th", { scope = "col" }, "Image") }, {}
  for i, name in ipairs(view.SCORES) do head[i + 1] = h("th", { scope = "col", class = "number" }, label(name)) end
  for i, group in ipairs(groups) do bodies[i] = body(group) end
  return h("section", { class = "segmentation", id = "segmentation" }, h("h2", nil, "Segmentation"),
    h("p", nil, "The prediction above one half against the ground truth. A map explains what the network does, "
      .. "whether it is right or wrong: read it together with these numbers.", #report.evaluations > 0 and
      " Ranges are intervals of the mean." or nil),
    h("div", { class = "scroll", tabindex = 0, role = "group", ["aria-label"] = "Segmentation scores" },
      h("table", nil, h("thead", nil, h("tr", nil, head)), bodies)))
end

return M
