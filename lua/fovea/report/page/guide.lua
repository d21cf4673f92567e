--- How to read a page: what a map shows and what it does not, what the statuses mean, and what could not be shown.
local collect = require "fovea.report.collect"
local facts = require "fovea.report.page.facts"
local markup = require "fovea.report.markup"
local status = require "fovea.status"
local words = require "fovea.report.page.words"

local M = {}

local h = markup.element

local CARDS = {
  { "What a map shows", {
    "A threshold strategy picked pixels of the network's output: those inside the white outline.",
    "Their scores are summed, and the sum is differentiated back to one layer. Bright places are where the "
      .. "activations of this layer raised the sum, to first order.",
    "Colour outside of the outline is context that the layer responds to. Grad-CAM gives a channel one weight for the "
      .. "whole image, so it also lights up lookalikes; HiResCAM does not.",
  } },
  { "What it does not show", {
    "Whether the network is right: look at the ground truth and at the scores.",
    "How strong two maps are compared: each is scaled by its own maximum. Its range is written beside it.",
    "More detail than the layer has: switch on \u{201C}Cells\u{201D} to see its true resolution.",
    "Anything about the patient. A map is evidence about the network.",
  } },
  { "Before you trust one", {
    "Read its status: a flagged map may be blank, trivial or arbitrary.",
    "Compare layers and thresholds: what is there in one of them only is a property of that choice.",
    "Be wary of maps that just repeat the prediction. Layers close to the output do so by construction.",
    "Look at the negative part too: it holds what spoke against the sum.",
  } },
}

--- The reading guide.
---@return fovea.Markup
function M.guide()
  local cards = {}
  for i, card in ipairs(CARDS) do
    local items = {}
    for k, text in ipairs(card[2]) do items[k] = h("li", nil, text) end
    cards[i] = h("div", { class = "card" }, h("h3", nil, card[1]), h("ul", nil, items))
  end
  return h("details", { class = "guide", open = true }, h("summary", nil, h("h2", nil, "How to read this page")),
    h("div", { class = "cards" }, cards))
end

--- How many maps have each status.
---@param report fovea.Report
---@return table<string, integer>
function M.counts(report)
  local counts = {}
  for _, case in ipairs(report.cases) do
    for _, map in ipairs(case.maps) do counts[map.status] = (counts[map.status] or 0) + 1 end
  end
  return counts
end

local function status_table(rows)
  return h("div", { class = "scroll", tabindex = 0, role = "group", ["aria-label"] = "Statuses" }, h("table", nil,
    h("thead", nil, h("tr", nil, h("th", { scope = "col" }, "Status"), h("th", { scope = "col", class = "number" },
      "Maps"), h("th", { scope = "col" }, "Meaning"))), h("tbody", nil, rows)))
end

--- What every status means, with the number of maps that have it.
---@param counts table<string, integer>
---@return fovea.Markup
function M.statuses(counts)
  local present, absent = {}, {}
  for _, name in ipairs(status.order) do
    local rows = counts[name] and present or absent
    rows[#rows + 1] = h("tr", nil, h("th", { scope = "row" }, facts.badge(name)),
      h("td", { class = "number" }, words.count(counts[name] or 0)), h("td", nil, words.explain(name)))
  end
  return h("section", { class = "statuses", id = "statuses" }, h("h2", nil, "Statuses"),
    h("p", nil, "Every map has a status, so that nothing is blank without a reason. The gravest one is counted."),
    #present > 0 and status_table(present), #absent > 0 and
    h("details", nil, h("summary", nil, "Statuses that no map has"), status_table(absent)))
end

local SHOWN = 8 -- names in a row

local function names_of(list)
  if #list == 0 then return "\u{2013}" end
  local text = table.concat(list, ", ", 1, math.min(SHOWN, #list))
  return h("bdi", nil, #list > SHOWN and ("%s and %d more"):format(text, #list - SHOWN) or text)
end

--- What failed; nil when nothing did.
---@param failures fovea.ReportFailure[]
---@return fovea.Markup?
function M.failures(failures)
  if #failures == 0 then return nil end
  local rows, head = {}, {}
  for i, group in ipairs(collect.grouped(failures)) do
    local model, what = group.failure.model, group.failure.what
    rows[i] = h("tr", nil, h("td", nil, model and h("bdi", nil, collect.base_name(model)) or "\u{2013}"),
      h("td", nil, names_of(group.images)), h("td", nil, group.count > 1 and words.several(group.count, "case") or
      h("bdi", nil, what)), h("td", { class = "reason" }, group.failure.error))
  end
  for i, text in ipairs { "Network", "Image", "What", "Reason" } do head[i] = h("th", { scope = "col" }, text) end
  return h("section", { class = "failures", id = "failures" }, h("h2", nil, "Not made"),
    h("p", nil, words.several(#failures, "entry", "entries"), " could not be made or read."),
    h("div", { class = "scroll", tabindex = 0, role = "group", ["aria-label"] = "What failed" },
      h("table", nil, h("thead", nil, h("tr", nil, head)), h("tbody", nil, rows))))
end

return M
