--- Drawings of a page: an image with a map and outlines over it, made of pictures that are embedded elsewhere, and the
--- filters that colour maps.
local colours = require "fovea.report.page.colours"
local markup = require "fovea.report.markup"

local M = {}

local h = markup.element

local function use(id, class) return id and h("use", { href = "#" .. id, class = class }) end

--- An outline: a dark line below a bright one, so that it is seen on anything.
local function line(id, class) return id and { use(id, "line casing " .. class), use(id, "line " .. class) } end

--- A drawing of the whole image.
---@param size integer[] height, width
---@param parts { image: string?, tint: string?, map: string?, target: string?, truth: string?, prediction: string? }
--- ids of pictures and outlines
---@param label? string what it shows, for those who cannot see it
---@return fovea.Markup
function M.draw(size, parts, label)
  return h("svg", { viewBox = ("0 0 %d %d"):format(size[2] // 1 | 0, size[1] // 1 | 0), role = label and "img" or nil,
    ["aria-label"] = label, ["aria-hidden"] = not label and "true" or nil },
    h("rect", { class = "ground", width = "100%", height = "100%" }), use(parts.image), use(parts.tint, "tint"),
    use(parts.map, "heat"), line(parts.prediction, "prediction"), line(parts.truth, "truth"),
    line(parts.target, "target"))
end

local CHANNEL = { red = "1 0 0 0 0", green = "0 1 0 0 0", blue = "0 0 1 0 0" }

--- Colour of a channel, with an opacity that depends on it too.
local function filter(id, channel, tables, opacity)
  local row = CHANNEL[channel]
  local function transfer(name, values) return h(name, { type = "table", tableValues = values }) end
  return h("filter", { id = id, x = 0, y = 0, width = 1, height = 1, ["color-interpolation-filters"] = "sRGB" },
    h("feColorMatrix", { ["in"] = "SourceGraphic", type = "matrix", result = "value", class = "pick",
      values = ("%s %s %s 0 0 0 0 1"):format(row, row, row) }),
    h("feComponentTransfer", { ["in"] = "value", result = "colour" },
      transfer("feFuncR", tables[1]), transfer("feFuncG", tables[2]), transfer("feFuncB", tables[3])),
    h("feColorMatrix", { ["in"] = "SourceGraphic", type = "matrix", class = "pick-opacity",
      values = ("0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 %s"):format(row) }),
    h("feComponentTransfer", { result = "opacity" }, transfer("feFuncA", opacity)),
    h("feComposite", { ["in"] = "colour", in2 = "opacity", operator = "in" }))
end

--- The filters of a page: `heat` for maps (positive part in viridis until the reader chooses something else), `tint`
--- for probabilities.
---@return fovea.Markup
function M.filters()
  local tables = {}
  for channel = 1, 3 do tables[channel] = colours.table_values("viridis", channel) end
  return h("svg", { class = "hidden", width = 0, height = 0, ["aria-hidden"] = "true", focusable = "false" },
    filter("heat", "red", tables, colours.opacity_values()),
    filter("tint", "red", { "0.13 0.13", "0.83 0.83", "0.76 0.76" }, "0 0.08 0.24 0.42 0.55"))
end

return M
