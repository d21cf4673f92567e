--- The segmentation of an image at the image's own size: probabilities of a class and the predicted mask.
---
--- The image goes through the model's preprocessing, the probabilities come back to the image by linear interpolation
--- (fovea.preprocess.restore) before anything is compared. With `tile` the network sees windows of that size instead of
--- the whole image, as in training on patches: windows overlap, and their probabilities are averaged with weights that
--- fall off linearly towards the edges of a window. An image smaller than the window is padded by reflection.
local core = require "fovea.core"
local image_module = require "fovea.image"
local output = require "fovea.output"
local preprocess = require "fovea.preprocess"

local M = {}

---@class fovea.PredictOptions
---@field preprocess table? instead of that of the model
---@field output string|integer|nil name or number of the output; default the one explained
---@field activation string? from output to probability, when its end does not tell
---@field class integer? from 1; default 1 of one, 2 of two; needed for more
---@field tile integer[]? height and width of windows; default: the whole image at once
---@field overlap number? part that neighbouring windows share, 0 to below 1; default 0.5

---@class fovea.Segmentation
---@field probability fovea.Tensor H x W, of the class
---@field prediction fovea.Tensor? of more than two classes: 1 where the class is the most probable one
---@field covered fovea.Tensor? 1 where the model saw the image; nil when it saw all of it
---@field class integer
---@field classes integer

--- Probabilities N x K x h x w of an input.
local function forward(model, input, options)
  local instance, message, code = model:at(input:shape())
  if not instance then return nil, message, code end
  local found = model:output(instance, options.output)
  local plan, why, kind = model:plan(instance, { mode = "infer", taps = { found.logits } })
  if not plan then return nil, why, kind end
  local ran, reason, failure = model:run(instance, plan, input)
  if not ran then return nil, reason, failure end
  local logits = assert(plan:value(found.logits))
  return output.probabilities(logits, output.activation(found, options.activation))
end

-- tiles --------------------------------------------------------------------------------------------------------------

--- First positions of windows of n elements that cover `size` elements.
local function starts(size, n, overlap)
  if size <= n then return { 0 } end
  local count = math.ceil((size - n) / math.max(1, math.floor(n * (1 - overlap)))) + 1
  local list = {}
  for i = 0, count - 1 do list[i + 1] = ((size - n) * i + (count - 1) // 2) // (count - 1) end
  return list
end

--- Weights of a window: 1 in its middle, falling to almost 0 at its edges.
local function window_weights(height, width)
  local function ramp(n)
    local list = {}
    for i = 1, n do list[i] = math.min(i - 0.5, n - i + 0.5) / (n / 2) end
    return list
  end
  return assert(core.tensor({ 1, 1, height, 1 }, ramp(height))) * assert(core.tensor({ 1, 1, 1, width }, ramp(width)))
end

--- The input that windows are cut from: the size policies pad and crop give way to the whole image, at least a window
--- in size.
local function tile_input(record, image, tile)
  local own = {}
  for key, value in pairs(record) do own[key] = value end
  if record.size.policy ~= "fixed" and record.size.policy ~= "resize" then own.size = { policy = "none" } end
  local input, geometry, code = preprocess.apply(own, image)
  if not input then return nil, geometry, code end
  local h, w = math.max(geometry.grid[1], tile[1]), math.max(geometry.grid[2], tile[2])
  if h == geometry.grid[1] and w == geometry.grid[2] then return input, geometry end
  geometry.top, geometry.left = -((h - geometry.grid[1]) // 2), -((w - geometry.grid[2]) // 2)
  geometry.grid = { h, w }
  return core.picture.window(input, 1 + geometry.top, 1 + geometry.left, h, w, "reflect"), geometry
end

local function tiled(model, record, image, options)
  local tile, overlap = options.tile, options.overlap or 0.5
  local input, geometry, code = tile_input(record, image, tile)
  if not input then return nil, geometry, code end
  local h, w = geometry.grid[1], geometry.grid[2]
  local weights, sum, total = window_weights(tile[1], tile[2]), nil, nil
  for _, top in ipairs(starts(h, tile[1], overlap)) do
    for _, left in ipairs(starts(w, tile[2], overlap)) do
      local window = input:slice(3, top + 1, top + tile[1]):slice(4, left + 1, left + tile[2])
      local found, message, kind = forward(model, window, options)
      if not found then return nil, message, kind end
      local part = core.picture.window(found * weights, 1 - top, 1 - left, h, w)
      local weight = core.picture.window(weights, 1 - top, 1 - left, h, w)
      sum, total = sum and sum + part or part, total and total + weight or weight
    end
  end
  return sum / total, geometry
end

-- the whole ----------------------------------------------------------------------------------------------------------

local function class_of(classes, wish)
  local class = wish or (classes <= 2 and classes)
  if not class then error(("evaluate: the model has %d classes: which one? (class)"):format(classes), 0) end
  if class < 1 or class > classes then
    error(("evaluate: the model has classes 1 to %d, there is no class %d"):format(classes, class), 0)
  end
  return class
end

local function check_tile(options)
  local tile, overlap = options.tile, options.overlap or 0.5
  if tile and not (#tile == 2 and math.type(tile[1]) == "integer" and math.type(tile[2]) == "integer"
    and tile[1] > 0 and tile[2] > 0) then
    error("evaluate: 'tile' is a height and a width", 0)
  end
  if overlap < 0 or overlap >= 1 then error("evaluate: 'overlap' must be from 0 to below 1", 0) end
end

--- The same for a tensor N C H W that is preprocessed already: its grid is its own.
local function tensor_probabilities(model, input, options)
  if options.tile then error("evaluate: 'tile' is for images, not for tensors that are preprocessed already", 0) end
  local found, message, code = forward(model, input, options)
  if not found then return nil, message, code end
  local size = { table.unpack(input:shape(), 3) }
  return found, { image = size, resized = size, grid = size, top = 0, left = 0 }
end

--- Probabilities of all classes on the model's grid, and where that lies in the image.
local function grid_probabilities(model, image, options)
  if type(image) == "userdata" and image:rank() >= 4 then return tensor_probabilities(model, image, options) end
  image = image_module.of(image)
  local record = options.preprocess and preprocess.record(options.preprocess) or model.preprocess
  if options.tile then return tiled(model, record, image, options) end
  local input, geometry, code = preprocess.apply(record, image)
  if not input then return nil, geometry, code end
  local found, message, kind = forward(model, input, options)
  if not found then return nil, message, kind end
  return found, geometry
end

--- Segments an image. Raises for misuse (level 0).
---@param model fovea.Model
---@param image fovea.Image|fovea.Tensor an image, or a tensor 1 x C x H x W that is already preprocessed
---@param options? fovea.PredictOptions
---@return fovea.Segmentation? segmentation nil when the image cannot go through the model
---@return string? message
---@return string? code
function M.segment(model, image, options)
  options = options or {}
  check_tile(options)
  local found, geometry, code = grid_probabilities(model, image, options)
  if not found then return nil, geometry, code end
  local shape = found:shape()
  if #shape ~= 4 then
    return nil, ("%s: the output is %s, not a map of an image"):format(model.name, table.concat(shape, "x")), "mismatch"
  end
  local result = { classes = shape[2], class = class_of(shape[2], options.class) }
  local function map_of(class) return preprocess.restore(found:slice(2, class, class), geometry) end
  result.probability, result.covered = map_of(result.class)
  if result.classes > 2 then
    result.prediction = assert(core.full(result.probability:shape(), 1))
    for class = 1, result.classes do -- ties go to the first class, as everywhere
      if class < result.class then result.prediction = result.prediction * result.probability:gt((map_of(class))) end
      if class > result.class then result.prediction = result.prediction * result.probability:ge((map_of(class))) end
    end
  end
  return result
end

return M
