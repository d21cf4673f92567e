--- What a page says of one map: status, target, numbers, and how to make it again.
local markup = require "fovea.report.markup"
local words = require "fovea.report.page.words"

local M = {}

local h = markup.element

--- The mark of a status.
---@param name string
---@return fovea.Markup
function M.badge(name) return h("span", { class = "badge " .. words.grade(name) }, name) end

local function statuses(map)
  local items = {}
  for i, name in ipairs(#map.statuses > 0 and map.statuses or { map.status }) do
    items[i] = h("p", { class = "status" }, M.badge(name), " ", words.explain(name), ".")
  end
  return items
end

local function threshold(map)
  local value = map.threshold_value
  local text = words.threshold(map.threshold)
  if value and words.number(value) ~= text then text = ("%s \u{2192} %s"):format(text, words.number(value)) end
  return text
end

local function pixels(map)
  local share = map.view.share.target
  return share and ("%s (%s of the image)"):format(words.count(map.pixels), words.percent(share))
    or words.count(map.pixels)
end

local function shape(map)
  if not map.layer_shape or #map.layer_shape == 0 then return nil end
  local parts = {}
  for i, n in ipairs(map.layer_shape) do parts[i] = ("%.0f"):format(n) end
  return table.concat(parts, "\u{202F}\u{00D7}\u{202F}")
end

--- Part of the positive map inside of pixels, and what a uniform map would have there.
local function inside(view, name)
  local value, share = view.inside[name], view.share[name]
  if not value then return nil end
  return share and ("%s of the map, on %s of the image"):format(words.percent(value), words.percent(share))
    or words.percent(value)
end

local function sorted(values)
  local names = {}
  for name in pairs(values) do names[#names + 1] = name end
  table.sort(names)
  return names
end

--- Names and texts of what is known about a map.
---@param map fovea.ReportMap
---@return string[][]
function M.rows(map)
  local rows = {}
  local function put(name, value) if value then rows[#rows + 1] = { name, value } end end
  put("Threshold", threshold(map))
  put("Explained pixels", pixels(map))
  put("Method", map.method)
  put("Score", ("%s of %ss: %s"):format(map.reduction or "sum", map.score, words.number(map.score_value)))
  put("Raw map", ("%s to %s"):format(words.number(map.range.min), words.number(map.range.max)))
  put("Layer", shape(map))
  put("Inside explained pixels", inside(map.view, "target"))
  put("Inside ground truth", inside(map.view, "truth"))
  for _, name in ipairs(sorted(map.metrics)) do put(name, words.number(map.metrics[name])) end
  return rows
end

--- A command with a button that copies it.
local function command(map)
  if not map.command then return h("p", { class = "source" }, "Its record: ", map.source, ".") end
  return h("div", { class = "command" }, h("p", nil, "Make it again, to the last bit:"),
    h("code", nil, map.command), h("button", { type = "button", class = "copy" }, "Copy"))
end

--- What failed, unless the status says it.
local function reason(map)
  if not map.error or map.error:find(words.explain(map.status), 1, true) then return nil end
  return h("p", { class = "reason" }, map.error)
end

--- All of it.
---@param map fovea.ReportMap
---@return fovea.Markup
function M.facts(map)
  local list = {}
  for _, row in ipairs(M.rows(map)) do
    list[#list + 1] = h("div", nil, h("dt", nil, row[1]), h("dd", nil, h("bdi", nil, row[2])))
  end
  return h("div", { class = "facts" }, h("h3", nil, h("bdi", nil, map.layer)), statuses(map),
    reason(map), h("dl", nil, list), command(map))
end

return M
