--- From an image to the input of a model, and a map back to the image. A preprocessing record is a plain table of
--- numbers and texts, kept with a model and stored beside its results:
---
---     channels  1 or 3; nil: as the image, without alpha
---     order     "rgb" or "bgr"
---     alpha     "drop", or "black": composited on black
---     scale     factor of the stored values; nil: 1/255 for 8 bits, 1/65535 for 16
---     mean, std one number, or one per channel in the order of the model: (scaled value - mean) / std
---     size      { policy = ... }
---         "none"    as the image is
---         "fixed"   resized to height x width
---         "resize"  resized so that each side is the nearest multiple of `multiple`
---         "pad"     centred in the next multiple of `multiple`, or in height x width; fill = "reflect" or "zero"
---                   (zeros of the model's input, after mean and std)
---         "crop"    the centre: the largest multiple of `multiple`, or height x width
---         pad and crop take `top` and `left`: rows and columns added or cut off there, instead of half of them
---
--- Resizing is linear with half-pixel centres.
local core = require "fovea.core"
local image_module = require "fovea.image"
local lookup = require "fovea.lookup"

local M = {}

---@class fovea.Geometry where the model's grid lies in the image
---@field image integer[] height, width of the image
---@field resized integer[] the image after resizing
---@field grid integer[] height, width of the model's input
---@field top integer first row of the grid in the resized image, from 0; negative: padding
---@field left integer

local FIELDS = { "channels", "order", "alpha", "scale", "mean", "std", "size" }
local SIZE_FIELDS = { "policy", "height", "width", "multiple", "fill", "top", "left" }
local POLICIES = { "none", "fixed", "resize", "pad", "crop" }

local function one_of(value, choices, what)
  for _, choice in ipairs(choices) do
    if value == choice then return value end
  end
  error(lookup.unknown("preprocess: unknown " .. what, value, choices), 0)
end

local function whole_number(value, least, what)
  if value ~= nil and not (math.type(value) == "integer" and value >= least) then
    error(("preprocess: %s must be a whole number from %d on, not %s"):format(what, least, tostring(value)), 0)
  end
  return value
end

local function size_record(given)
  given = given or { policy = "none" }
  lookup.check_keys(given, SIZE_FIELDS, "preprocess: size", -2)
  local size = { policy = one_of(given.policy or "none", POLICIES, "size policy") }
  for _, key in ipairs { "height", "width", "multiple" } do size[key] = whole_number(given[key], 1, "size." .. key) end
  for _, key in ipairs { "top", "left" } do size[key] = whole_number(given[key], 0, "size." .. key) end
  local exact, multiple = size.height and size.width, size.multiple
  local needs = { fixed = exact, resize = multiple, pad = exact or multiple, crop = exact or multiple, none = true }
  if not needs[size.policy] then
    local wanted = { fixed = "height and width", resize = "multiple" }
    error(("preprocess: size policy '%s' needs %s"):format(size.policy,
      wanted[size.policy] or "multiple, or height and width"), 0)
  end
  if size.policy == "pad" then size.fill = one_of(given.fill or "reflect", { "reflect", "zero" }, "fill") end
  return size
end

local function number_list(value, what, nonzero)
  if value == nil then return nil end
  local list = type(value) == "table" and { table.unpack(value) } or { value }
  for _, v in ipairs(list) do
    if type(v) ~= "number" or v ~= v or (nonzero and v == 0) then
      error(("preprocess: %s holds %s"):format(what, tostring(v)), 0)
    end
  end
  if #list == 0 then error(("preprocess: %s is empty"):format(what), 0) end
  return list
end

local function record_of(given)
  lookup.check_keys(given, FIELDS, "preprocess", -2)
  if given.channels ~= nil and given.channels ~= 1 and given.channels ~= 3 then
    error(("preprocess: channels must be 1 or 3, not %s"):format(tostring(given.channels)), 0)
  end
  if given.scale ~= nil and type(given.scale) ~= "number" then
    error("preprocess: scale must be a number, not a " .. type(given.scale), 0)
  end
  return {
    channels = given.channels, order = one_of(given.order or "rgb", { "rgb", "bgr" }, "order"),
    alpha = one_of(given.alpha or "drop", { "drop", "black" }, "alpha"), scale = given.scale,
    mean = number_list(given.mean, "mean"), std = number_list(given.std, "std", true),
    size = size_record(given.size),
  }
end

--- A complete record from options; raises for anything that is not understood.
---@param options? table
---@return table record
function M.record(options)
  local ok, result = pcall(record_of, options or {})
  if not ok then error(result, 2) end
  return result
end

--- --- geometry ---

local function nearest_multiple(n, m) return math.max(1, (2 * n + m) // (2 * m)) * m end

-- Height and width of the grid, and of the image before a crop or padding; or nil and a text.
local function sizes(size, h, w)
  local function side(n, exact, round) return exact or round(n, size.multiple) end
  local policy = size.policy
  if policy == "none" then return { h, w }, { h, w } end
  if policy == "fixed" then return { size.height, size.width }, { size.height, size.width } end
  if policy == "resize" then
    local grid = { nearest_multiple(h, size.multiple), nearest_multiple(w, size.multiple) }
    return grid, { grid[1], grid[2] }
  end
  local function up(n, m) return (n + m - 1) // m * m end
  local function down(n, m) return n // m * m end
  local round = policy == "pad" and up or down
  return { side(h, size.height, round), side(w, size.width, round) }, { h, w }
end

-- First row or column of the grid in the resized image; the half of an odd number is rounded down.
local function first(resized, grid, wanted)
  local spare = resized - grid
  local part = wanted or math.abs(spare) // 2
  return spare >= 0 and part or -part
end

--- Where the grid of a record lies in an image.
---@param record table
---@param height integer
---@param width integer
---@return fovea.Geometry? geometry nil when the image is too small for a crop, or too large for padding
---@return string? message
---@return string? code
function M.geometry(record, height, width)
  local size = record.size
  local grid, resized = sizes(size, height, width)
  for i, side in ipairs { "height", "width" } do
    local spare = resized[i] - grid[i]
    if grid[i] < 1 or (size.policy == "crop" and spare < 0) or (size.policy == "pad" and spare > 0) then
      return nil, ("image %dx%d does not fit the %s to %s"):format(width, height, size.policy,
        grid[i] < 1 and ("a multiple of %d"):format(size.multiple) or ("%s %d"):format(side, grid[i])), "mismatch"
    end
    local offset = i == 1 and "top" or "left"
    if (size[offset] or 0) > math.abs(spare) then
      return nil, ("image %dx%d: %s %d of the %s is more than the %d there are"):format(width, height, offset,
        size[offset], size.policy, math.abs(spare)), "mismatch"
    end
  end
  return {
    image = { height, width }, resized = resized, grid = grid,
    top = first(resized[1], grid[1], size.top), left = first(resized[2], grid[2], size.left),
  }
end

local function same(a, b) return a[1] == b[1] and a[2] == b[2] end

-- The last two axes of a map: 1 x 1 x h x w.
local function as_map(map)
  local shape = map:shape()
  return map:reshape { 1, 1, shape[#shape - 1], shape[#shape] }
end

local function resized_to(map, size, mode)
  local shape = map:shape()
  if same({ shape[3], shape[4] }, size) then return map end
  return map:resize { size[1], size[2], mode = mode }
end

--- Whether every pixel of the image lies on the grid.
---@param geometry fovea.Geometry
---@return boolean
function M.covers(geometry)
  local g = geometry
  return g.top <= 0 and g.left <= 0 and g.grid[1] + g.top >= g.resized[1] and g.grid[2] + g.left >= g.resized[2]
end

--- Brings a map on the model's grid (or on a coarser layer over it) back to the image.
---@param map fovea.Tensor [1 x] [1 x] h x w
---@param geometry fovea.Geometry
---@param mode? string "linear" (default), or "nearest" for masks
---@return fovea.Tensor map height x width of the image; 0 outside of the grid
---@return fovea.Tensor? covered 1 where the grid covers the image; nil when it does everywhere
function M.restore(map, geometry, mode)
  local g = geometry
  local function place(grid_map, how)
    if g.top ~= 0 or g.left ~= 0 or not same(g.grid, g.resized) then
      grid_map = core.picture.window(grid_map, 1 - g.top, 1 - g.left, g.resized[1], g.resized[2])
    end
    return resized_to(grid_map, g.image, how):reshape(g.image)
  end
  mode = mode or "linear"
  local back = place(resized_to(as_map(map), g.grid, mode), mode)
  if M.covers(g) then return back end
  return back, place(assert(core.full({ 1, 1, g.grid[1], g.grid[2] }, 1)), "nearest")
end

--- --- pixels ---

local function per_channel(list, channels, what)
  if #list == 1 then return list[1] end
  if #list ~= channels then
    return nil, ("preprocess: %d values of %s for %d channels"):format(#list, what, channels), "mismatch"
  end
  return assert(core.tensor({ channels, 1, 1 }, list))
end

local function reversed(pixels)
  return assert(core.concat({ pixels:slice(1, 3, 3), pixels:slice(1, 2, 2), pixels:slice(1, 1, 1) }, 1))
end

-- Scaled and normalised colours C x H x W; or nil, message, code.
local function prepared(record, image)
  local pixels = image:colours(record.alpha)
  if record.channels then pixels = image:with_channels(record.channels, record.alpha) end
  local channels = pixels:shape()[1]
  if record.order == "bgr" and channels == 3 then pixels = reversed(pixels) end
  pixels = record.scale and pixels * record.scale or pixels / image.white
  for _, step in ipairs { "mean", "std" } do
    if record[step] then
      local value, message, code = per_channel(record[step], channels, step)
      if not value then return nil, message, code end
      pixels = step == "mean" and pixels - value or pixels / value
    end
  end
  return pixels
end

--- The model's input for an image.
---@param record table from `record`
---@param image fovea.Image|fovea.Tensor
---@return fovea.Tensor? input 1 x C x h x w; nil when the image does not fit
---@return fovea.Geometry|string geometry
---@return string? code
function M.apply(record, image)
  image = image_module.of(image)
  local geometry, reason, code = M.geometry(record, image.height, image.width)
  if not geometry then return nil, reason, code end
  local pixels, message, pixel_code = prepared(record, image)
  if not pixels then return nil, message, pixel_code end
  local g, channels = geometry, pixels:shape()[1]
  local input = resized_to(pixels:reshape { 1, channels, image.height, image.width }, g.resized)
  if not same(g.grid, g.resized) then
    input = core.picture.window(input, 1 + g.top, 1 + g.left, g.grid[1], g.grid[2], record.size.fill or "zero")
  end
  return input, geometry
end

return M
