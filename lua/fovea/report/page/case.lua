--- One case of a page: a network on an image, with its prediction, its maps and their numbers.
local drawing = require "fovea.report.page.drawing"
local markup = require "fovea.report.markup"
local matrix = require "fovea.report.page.matrix"
local scores = require "fovea.report.page.scores"
local words = require "fovea.report.page.words"

local M = {}

local h = markup.element

--- The first map of a case that has a picture of something.
local function first_with(case, field)
  for _, map in ipairs(case.maps) do
    if map.view[field] then return map end
  end
end

--- Finds what all maps of a case share, and embeds it: sets `size`, `parts` and `reasons`.
---@param page table
---@param case fovea.ReportCase
function M.prepare(page, case)
  local sized = first_with(case, "size")
  case.size, case.parts, case.reasons = sized and sized.view.size or { 3, 4 }, {}, {}
  local whole = { 0, 0, case.size[2], case.size[1] }
  local function embed(part, field, how, box)
    local map = first_with(case, field)
    if not map then return end
    local reason
    case.parts[part], reason = page.pictures[how](page.pictures, map.folder, map.view[field], box)
    if reason then case.reasons[#case.reasons + 1] = ("%s: %s"):format(field, reason) end
  end
  embed("image", "image", "image", whole)
  embed("tint", "prediction", "image", whole)
  embed("prediction", "prediction", "outline", case.size)
  embed("truth", "truth", "outline", case.size)
end

--- Scores of the prediction of a case; empty when there is no ground truth.
---@param case fovea.ReportCase
---@return table<string, number>
function M.scores(case)
  for _, map in ipairs(case.maps) do
    if next(map.view.scores) then return map.view.scores end
  end
  return {}
end

local function tile(case, parts, caption, label)
  return h("figure", { class = "tile" }, drawing.draw(case.size, parts, label), h("figcaption", nil, caption))
end

local function tiles(case)
  local parts, list = case.parts, {}
  if parts.image then list[1] = tile(case, { image = parts.image }, "Image", "The image") end
  if parts.tint then
    list[#list + 1] = tile(case, { image = parts.image, tint = parts.tint, prediction = parts.prediction },
      "Prediction", "The predicted probability over the image, with its outline at one half")
  end
  if parts.truth then
    list[#list + 1] = tile(case, { image = parts.image, prediction = parts.prediction, truth = parts.truth },
      "Ground truth and prediction", "Outlines of the ground truth and of the prediction")
  end
  return h("div", { class = "tiles" }, list)
end

local NUMBERS = { "Layer", "Threshold", "Method", "Score", "Status", "Pixels", "Score value", "Map minimum",
  "Map maximum", "Inside explained", "Inside truth" }

local function number_row(map)
  local cells = { map.layer, words.threshold(map.threshold), map.method, map.score, map.status }
  local values = { words.count(map.pixels), words.number(map.score_value), words.number(map.range.min),
    words.number(map.range.max), words.percent(map.view.inside.target), words.percent(map.view.inside.truth) }
  local row = {}
  for i, text in ipairs(cells) do row[i] = h("td", nil, h("bdi", nil, text)) end
  for _, text in ipairs(values) do row[#row + 1] = h("td", { class = "number" }, text) end
  return h("tr", nil, row)
end

local function numbers(case)
  local head, rows = {}, {}
  for i, name in ipairs(NUMBERS) do head[i] = h("th", { scope = "col", class = i > 5 and "number" or nil }, name) end
  for i, map in ipairs(case.maps) do rows[i] = number_row(map) end
  return h("details", { class = "numbers" }, h("summary", nil, "Numbers of all ", words.several(#rows, "map")),
    h("div", { class = "scroll", tabindex = 0, role = "group", ["aria-label"] = "Numbers" },
      h("table", nil, h("thead", nil, h("tr", nil, head)), h("tbody", nil, rows))))
end

local function record(case)
  local list, first = {}, case.maps[1]
  for i, fact in ipairs(first.facts) do
    list[i] = h("div", nil, h("dt", nil, fact[1]), h("dd", nil, h("code", nil, h("bdi", nil, fact[2]))))
  end
  return h("details", { class = "record" }, h("summary", nil, "Record: what was computed with what"),
    h("dl", nil, list))
end

local function problems(case)
  if #case.reasons == 0 then return nil end
  return h("p", { class = "reason" }, "Not shown: ", table.concat(case.reasons, "; "))
end

--- The section of a case.
---@param page table
---@param case fovea.ReportCase prepared
---@param number integer
---@return fovea.Markup
function M.section(page, case, number)
  local parts = case.parts
  return h("article", { class = "case", id = ("case-%d"):format(number), ["data-size"] =
    ("%d %d"):format(case.size[2], case.size[1]), ["data-image"] = parts.image, ["data-tint"] = parts.tint,
    ["data-prediction"] = parts.prediction, ["data-truth"] = parts.truth,
    style = ("--unit: %.3f"):format(case.size[2] / 1000) },
    h("header", nil, h("h2", nil, h("bdi", nil, case.image_name), h("small", nil, h("bdi", nil, case.model_name))),
      scores.line(case.scores)),
    problems(case), tiles(case), matrix.matrix(page, case), numbers(case), record(case))
end

--- The entry of a case in the list of all.
---@param case fovea.ReportCase prepared
---@param number integer
---@return fovea.Markup
function M.entry(case, number)
  local flagged = 0
  for _, map in ipairs(case.maps) do flagged = flagged + (map.status ~= "OK" and 1 or 0) end
  local dice = case.scores.dice
  return h("a", { class = "frame", href = ("#case-%d"):format(number) },
    drawing.draw(case.size, { image = case.parts.image, tint = case.parts.tint }),
    h("span", { class = "title" }, markup.name(case.image_name)),
    h("span", { class = "sub" }, markup.name(case.model_name)),
    h("span", { class = "sub" }, dice and ("Dice %.3f"):format(dice),
      flagged > 0 and h("span", { class = "badge doubtful" }, ("%d flagged"):format(flagged))))
end

return M
