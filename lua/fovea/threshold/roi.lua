--- T8: a region the user names: a pixel (row/column), a box (top/left/bottom/right, ends included), or the non-zero
--- pixels of a mask file (PNG, .npy, .safetensors), on the model's grid or in the image (frame = "image"). Volumes:
--- depth/row/column, and front/top/left/back/bottom/right. Boxes are clipped to the grid. A mask has the size of the
--- grid or of the image; any other is resized (nearest) only with `resize`.
local core = require "fovea.core"
local grid = require "fovea.strategy.grid"
local mask_file = require "fovea.mask_file"

--- First and last corner of a pixel or box.
local function corners(p, axes)
  local list = p.pixel or p.box
  local wanted = p.pixel and axes or 2 * axes
  if #list ~= wanted then
    error(("threshold 'roi': %s needs %d numbers for a map of %d axes, not %d"):format(p.pixel and "pixel" or "box",
      wanted, axes, #list), 0)
  end
  return { table.unpack(list, 1, axes) }, { table.unpack(list, #list - axes + 1) }
end

local function box_mask(u, p, context)
  local shape = context.shape
  local first, last = corners(p, #shape)
  if p.frame == "image" then first, last = grid.cell(first, context), grid.cell(last, context) end
  local mask = core.full({ 1 }, 1):reshape(shape[3] and { 1, 1, 1 } or { 1, 1 })
  for axis, n in ipairs(shape) do
    local inside, one = {}, {}
    for i = 1, n do inside[i] = i >= first[axis] and i <= last[axis] and 1 or 0 end
    for i = 1, #shape do one[i] = i == axis and n or 1 end
    mask = mask * core.tensor(one, inside)
  end
  return mask:reshape(u:shape())
end

local function file_mask(p, context)
  local values, message = mask_file.read(p.mask)
  if not values then error("threshold 'roi': " .. message, 0) end
  local hash = mask_file.hash(p.mask)
  return grid.place(values:ne(0), context, p.mask, { resize = p.resize }), { detail = { hash = hash } }
end

return {
  name = "roi", id = "T8", doc = "a pixel, a box or a mask file", brief = true,
  parameters = {
    { name = "mask", type = "string", doc = "file" },
    { name = "pixel", type = "list", doc = "row/column" },
    { name = "box", type = "list", doc = "top/left/bottom/right" },
    { name = "frame", default = "grid", choices = { "grid", "image" }, doc = "of pixel and box: grid, image" },
    { name = "resize", default = false, doc = "bring a mask of any size to the grid" },
  },
  check = function(p)
    local n = (p.mask and 1 or 0) + (p.pixel and 1 or 0) + (p.box and 1 or 0)
    if n ~= 1 then return "give one of mask, pixel and box" end
  end,
  select = function(u, p, context)
    if p.mask then return file_mask(p, context) end
    return box_mask(u, p, context)
  end,
}
