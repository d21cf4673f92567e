--- The maps of a case by layer and threshold, one table for each method and score.
local collect = require "fovea.report.collect"
local drawing = require "fovea.report.page.drawing"
local facts = require "fovea.report.page.facts"
local markup = require "fovea.report.markup"
local words = require "fovea.report.page.words"

local M = {}

local h = markup.element

--- Ids of the pictures of a map; the reason when there is no picture of it.
local function parts_of(page, case, map)
  local view, parts = map.view, { image = case.parts.image }
  local size = view.size or case.size
  parts.target = view.target and page.pictures:outline(map.folder, view.target, size)
  local whole = { 0, 0, size[2], size[1] }
  local reason
  if view.map then
    parts.map, reason = page.pictures:image(map.folder, view.map, view.place or whole)
  elseif map.picture and not map.error then
    parts.drawn, reason = page.pictures:image(map.folder, map.picture, whole)
    parts.image = parts.drawn or parts.image
  else
    reason = map.error or "no picture"
  end
  return parts, reason
end

local function pixels_of(map) return map.pixels and words.count(map.pixels) .. " px" end

local function label_of(map)
  return ("Layer %s, threshold %s, %s of %ss: %s %s"):format(map.layer, words.threshold(map.threshold), map.method,
    map.score, map.status, pixels_of(map) or "")
end

--- A number that reads back the same.
local function exact(value) return value and ("%.17g"):format(value) end

local function cell(page, case, map)
  if not map then return h("td", { class = "none" }, "\u{2013}") end
  local parts, reason = parts_of(page, case, map)
  page.count = page.count + 1
  local range, size = map.range, map.view.size or case.size
  local note = reason and not map.error and h("span", { class = "missing" }, reason)
  return h("td", nil,
    h("button", { type = "button", class = reason and "cell empty" or "cell",
      id = ("m%d"):format(page.count), ["aria-pressed"] = "false", ["aria-label"] = label_of(map),
      ["data-map"] = parts.map, ["data-drawn"] = parts.drawn, ["data-target"] = parts.target,
      ["data-low"] = exact(range.min), ["data-high"] = exact(range.max) },
      drawing.draw(size, parts), h("span", { class = "under" }, map.status ~= "OK" and { facts.badge(map.status),
        " " }, h("span", nil, pixels_of(map)), note)),
    h("template", nil, facts.facts(map)))
end

local function shape_of(case, layer)
  for _, map in ipairs(case.maps) do
    local shape = map.layer_shape
    if map.layer == layer and shape and #shape >= 3 then
      local sizes = { table.unpack(shape, 3) }
      for i, n in ipairs(sizes) do sizes[i] = ("%.0f"):format(n) end
      return ("%s, %.0f channels"):format(table.concat(sizes, "\u{00D7}"), shape[2])
    end
  end
end

--- The two axes of a case: headings with what is below them. Layers run to the right, as the network does, unless there
--- are more thresholds than layers.
local function axes_of(case)
  local layers, thresholds = { name = "Layer" }, { name = "Threshold" }
  for i, layer in ipairs(case.layers) do layers[i] = { key = layer, text = layer, note = shape_of(case, layer) } end
  for i, spec in ipairs(case.thresholds) do thresholds[i] = { key = spec, text = words.threshold(spec) } end
  if #thresholds > #layers then return thresholds, layers, function(t, l) return l, t end end
  return layers, thresholds, function(l, t) return l, t end
end

local function heading(item, scope)
  return h("th", { scope = scope }, markup.name(item.text), item.note and h("small", nil, item.note))
end

local function table_of(page, case, variant)
  local across, down, place = axes_of(case)
  local head, rows = { h("th", { scope = "col" }, down.name) }, {}
  for i, item in ipairs(across) do head[i + 1] = heading(item, "col") end
  for i, row in ipairs(down) do
    local cells = { heading(row, "row") }
    for k, column in ipairs(across) do
      local layer, threshold = place(column.key, row.key)
      cells[k + 1] = cell(page, case, collect.find(case, layer, threshold, variant))
    end
    rows[i] = h("tr", nil, cells)
  end
  return h("table", { style = ("--columns: %d"):format(#across) }, h("thead", nil, h("tr", nil, head)),
    h("tbody", nil, rows))
end

local function name_of(variant) return ("%s, %s score"):format(variant.method, variant.score) end

--- Buttons that choose between the tables.
local function tabs(case)
  if #case.variants < 2 then return nil end
  local buttons = {}
  for i, variant in ipairs(case.variants) do
    buttons[i] = h("button", { type = "button", ["data-variant"] = i, ["aria-pressed"] = i == 1 and "true" or "false" },
      h("bdi", nil, name_of(variant)))
  end
  return h("div", { class = "segments scripted", role = "group", ["aria-label"] = "Method and score" }, buttons)
end

--- All tables of a case.
---@param page table
---@param case fovea.ReportCase with size and parts
---@return fovea.Markup
function M.matrix(page, case)
  local tables = {}
  for i, variant in ipairs(case.variants) do
    tables[i] = h("div", { class = "variant", ["data-variant"] = i },
      h("h4", { class = #case.variants > 1 and "printed" or nil }, h("bdi", nil, name_of(variant))),
      h("div", { class = "scroll", tabindex = 0, role = "group", ["aria-label"] = "Maps by layer and threshold" },
        table_of(page, case, variant)))
  end
  return h("section", { class = "matrix" }, h("div", { class = "head" },
    h("h3", nil, "Maps by layer and threshold"), tabs(case)), tables)
end

return M
