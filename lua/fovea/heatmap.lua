--- A heat map: the raw signed map of one layer, with everything needed to read it rightly (target, layer, status), and
--- the ways to show it.
local core = require "fovea.core"
local normalise = require "fovea.normalise"
local overlay = require "fovea.overlay"
local panel = require "fovea.panel"
local preprocess = require "fovea.preprocess"

local M = {}

---@class fovea.Heatmap
---@field raw fovea.Tensor [D x] H x W of the layer, signed, not normalised
---@field layer string
---@field layer_shape integer[]
---@field method string
---@field threshold string text form of the strategy
---@field target fovea.ThresholdRecord the resolved strategy
---@field count integer pixels (or voxels) picked
---@field score { kind: string, reduction: string, value: number }
---@field output string
---@field class integer from 1
---@field range { min: number, max: number, sum: number }
---@field status string the gravest of `statuses`
---@field statuses string[]
---@field mask fovea.Tensor [D x] H x W of the model's grid: what was explained
---@field probability fovea.Tensor the class on the model's grid
---@field image fovea.Image? what was explained, if it was an image
---@field geometry fovea.Geometry? where the grid lies in the image
---@field activation string from logits to probabilities
---@field ground_truth { path: string?, hash: string?, label: number? }? what strategies were given
---@field truth fovea.Tensor? the ground truth, 0/1, as large as given
---@field spacing number[]?
---@field exact boolean?
---@field precision fovea.Roughness? how far a map of less precision is off
---@field doubt string? why the output may not be what it is taken for
---@field seconds number
local Heatmap = {}
Heatmap.__index = Heatmap

---@param fields table
---@return fovea.Heatmap
function M.new(fields) return setmetatable(fields, Heatmap) end

--- Size of the picture the map belongs to: that of the image, or of the model's grid.
function Heatmap:size()
  if self.geometry then return self.geometry.image end
  return self.mask:shape()
end

--- A map or mask on the model's grid (or a layer's), at the image's own resolution.
local function at_image(heat, map, mode)
  if heat.geometry then return (preprocess.restore(map, heat.geometry, mode)) end
  local size = heat.mask:shape()
  local shape = map:shape()
  local wanted = { mode = mode }
  for i, n in ipairs(size) do wanted[i] = n end
  local lead = { 1, 1 }
  for _, n in ipairs(shape) do lead[#lead + 1] = n end
  return map:reshape(lead):resize(wanted):reshape(size)
end

--- A map on the model's grid, or on that of a layer, at the image's own resolution.
---@param map fovea.Tensor
---@param mode? string "linear" (default) or "nearest"
---@return fovea.Tensor
function Heatmap:at_image(map, mode) return at_image(self, map, mode) end

--- The map to look at, at the image's resolution: sign choice, half-pixel resize, normaliser.
---@param options? { sign: string?, normaliser: string?, order: string?, percentile: number?, scale: number? } defaults:
--- "positive", "relu_max", "sign_first" (fovea.normalise)
---@return fovea.Tensor map
---@return string status of the normaliser
function Heatmap:display(options)
  options = options or {}
  local map = self.raw
  if options.order ~= "resize_first" then map = normalise.sign(map, options.sign) end
  map = at_image(self, map)
  if options.order == "resize_first" then map = normalise.sign(map, options.sign) end
  return normalise.apply(map, options.normaliser or normalise.default(options.sign),
    { percentile = options.percentile, scale = options.scale })
end

--- The mask that was explained, at the image's resolution.
---@return fovea.Tensor
function Heatmap:image_mask() return at_image(self, self.mask, "nearest") end

local function background(heat)
  if #heat.mask:shape() ~= 2 then error("heatmap: only 2-D maps can be drawn; slice the volume first", 3) end
  if heat.image then return heat.image end
  local size = heat:size()
  return assert(core.full({ 3, size[1], size[2] }, 0))
end

local DISPLAY_OPTIONS = { "sign", "normaliser", "order", "percentile", "scale" }

--- Options of the drawing functions: those given without those of `display`.
local function drawing_options(heat, options)
  local drawing = {}
  for key, value in pairs(options) do drawing[key] = value end
  for _, key in ipairs(DISPLAY_OPTIONS) do drawing[key] = nil end
  if drawing.signed == nil then drawing.signed = options.sign == "signed" end
  drawing.colorbar = nil
  drawing.covered = heat:covered()
  return drawing
end

--- Values of the raw map at the ends of the colour bar.
local function bar_values(heat, signed)
  local high = math.max(math.abs(heat.range.min), math.abs(heat.range.max))
  if signed then return { -high, high } end
  return { 0, math.max(0, heat.range.max) }
end

--- Where the model's grid covers the image (1); nil when it does everywhere.
---@return fovea.Tensor?
function Heatmap:covered()
  if not self.geometry then return nil end
  return select(2, preprocess.restore(self.mask, self.geometry, "nearest"))
end

--- Picture of the map over the image, with the contour of the mask.
---@param options? table those of `display` and of fovea.overlay (colormap, alpha, contour, ...); contour = false: none;
--- colorbar = true: with a colour bar of the raw values
---@return fovea.Tensor picture 3 x H x W
function Heatmap:overlay(options)
  options = options or {}
  local drawing = drawing_options(self, options)
  if options.contour == nil then drawing.contour = self:image_mask() end
  if options.contour == false then drawing.contour = nil end
  local picture = overlay.overlay(background(self), (self:display(options)), drawing)
  if not options.colorbar then return picture end
  local values = bar_values(self, drawing.signed)
  return panel.row({ { picture = picture } }, { bar = { low = values[1], high = values[2],
    colormap = drawing.colormap or (drawing.signed and "diverging" or "viridis") } })
end

--- Picture with image, prediction and heat map side by side.
---@param options? table those of `display` and of fovea.panel.explanation
---@return fovea.Tensor picture 3 x H x W
function Heatmap:panel(options)
  options = options or {}
  local drawing = drawing_options(self, options)
  drawing.values = drawing.values or bar_values(self, drawing.signed)
  drawing.titles = drawing.titles or { "image", "target", self.method }
  drawing.caption = drawing.caption or ("%s   %s   %d pixels   %s"):format(self.layer, self.threshold, self.count,
    self.status)
  return panel.explanation(background(self), self:image_mask(), (self:display(options)), drawing)
end

--- Draws the overlay in the terminal.
---@param options? table those of `overlay`, and `columns` and `rows`: the most it may take
function Heatmap:show(options)
  local drawing, place = {}, {}
  for key, value in pairs(options or {}) do
    if key == "columns" or key == "rows" then place[key] = value else drawing[key] = value end
  end
  require("fovea.show").draw(function() return self:overlay(drawing) end, tostring(self), place)
end

--- Part of the positive map that lies inside a mask (L2, 1910.01279); NaN when the map has nothing positive.
---@param mask fovea.Tensor at the image's resolution, non-zero inside
---@return number
function Heatmap:energy_inside(mask)
  local map = self:display { normaliser = "none" }
  local inside = mask:reshape(map:shape()):ne(0)
  return (map * inside):sum() / map:sum()
end

--- What there is to say about the strategy, without what the other fields say.
local function threshold_record(target)
  local record = {}
  for key, value in pairs(target) do
    if key ~= "count" and key ~= "flags" then record[key] = value end
  end
  return record
end

--- What is stored beside a result: everything but the tensors.
---@return table record plain values, see the README for the fields
function Heatmap:record()
  return {
    layer = self.layer, layer_shape = self.layer_shape, method = self.method,
    threshold = threshold_record(self.target),
    pixels = self.count, score = self.score, output = self.output, class = self.class, range = self.range,
    activation = self.activation, ground_truth = self.ground_truth, spacing = self.spacing,
    exact = self.exact, precision = self.precision, status = self.status, statuses = self.statuses,
    seconds = self.seconds,
  }
end

function Heatmap:__tostring()
  return ("fovea.Heatmap: %s at %s (%s), %s: %d pixels, %s score %.6g, range %.4g .. %.4g, %s"):format(self.method,
    self.layer, table.concat(self.raw:shape(), "x"), self.threshold, self.count, self.score.kind, self.score.value,
    self.range.min, self.range.max, self.status)
end

M.Heatmap = Heatmap

return M
