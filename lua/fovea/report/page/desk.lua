--- The desk of a page: the chosen map large, how it is displayed, and what is known about it. It works with the page's
--- script; without one, and on paper, the cases stand for themselves.
local colormap = require "fovea.colormap"
local colours = require "fovea.report.page.colours"
local markup = require "fovea.report.markup"

local M = {}

local h = markup.element

--- A large drawing, whose parts the script fills in.
local function view(id, hidden)
  local layers = {}
  for i, class in ipairs { "picture", "tint", "heat", "line casing prediction", "line prediction", "line casing truth",
    "line truth", "line casing target", "line target" } do
    layers[i] = h("use", { class = class })
  end
  return h("div", { class = "view", hidden = hidden }, h("svg", { id = id, viewBox = "0 0 4 3", role = "img" },
    h("rect", { class = "ground", width = "100%", height = "100%" }), layers), h("p", { id = id .. "-name" }))
end

--- The chosen map, room for a second one beside it, and the legend.
local function stage()
  return h("figure", { class = "stage" }, h("div", { class = "views" }, view("stage", false), view("pinned", true)),
    h("figcaption", nil, h("div", { class = "legend" }, h("output", { id = "legend-low" }), h("div", { class = "bar",
      id = "legend-bar" }), h("output", { id = "legend-high" })),
      h("p", { id = "legend-text" }),
      h("button", { type = "button", id = "pin", ["aria-pressed"] = "false" }, "Keep beside the next map")))
end

local function slider(id, label, value, most)
  return h("label", { class = "slider", ["for"] = id }, h("span", nil, label), h("input", { type = "range", id = id,
    min = 0, max = most, value = value }), h("output", { ["for"] = id, id = id .. "-value" }))
end

local function choice(id, label, options)
  local items = {}
  for i, option in ipairs(options) do items[i] = h("option", { value = option[1] }, option[2]) end
  return h("label", { class = "choice", ["for"] = id }, h("span", nil, label), h("select", { id = id }, items))
end

local function switch(id, label, on, key)
  return h("label", { class = "switch" }, h("input", { type = "checkbox", id = id, checked = on }),
    key and h("span", { class = "key " .. key, ["aria-hidden"] = "true" }), h("span", nil, label))
end

local function display()
  local maps = {}
  for _, name in ipairs(colormap.names) do
    if name ~= "diverging" then maps[#maps + 1] = { name, name } end
  end
  return h("form", { class = "card display", ["aria-label"] = "Display" }, h("h3", nil, "Display"),
    slider("opacity", "Opacity", math.floor(colours.OPACITY * 100 + 0.5), 100), slider("cut", "Hide below", 0, 99),
    h("div", { class = "pair" }, choice("colours", "Colours", maps), choice("part", "Part of the map",
      { { "positive", "positive" }, { "negative", "negative" }, { "signed", "signed" } })),
    h("fieldset", nil, h("legend", nil, "Outlines"), switch("show-target", "Explained pixels", true, "target"),
      switch("show-prediction", "Prediction", false, "prediction"),
      switch("show-truth", "Ground truth", false, "truth")),
    h("fieldset", nil, h("legend", nil, "Map"), switch("show-heat", "Heat map", true),
      switch("show-tint", "Probability", false), switch("fade", "Fade low values", true),
      switch("cells", "Cells", false)),
    h("button", { type = "reset", class = "reset" }, "Reset"))
end

--- The desk.
---@return fovea.Markup
function M.desk()
  return h("section", { class = "desk scripted", ["aria-label"] = "The chosen map" }, stage(),
    h("div", { class = "side" }, display(), h("div", { class = "card", id = "facts", ["aria-live"] = "polite" })))
end

return M
