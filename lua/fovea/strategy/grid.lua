--- Where things are on the model's grid: maps and positions of the image brought to it, neighbours, voxel sizes.
local core = require "fovea.core"

local M = {}

local function same(a, b)
  for i = 1, math.max(#a, #b) do
    if a[i] ~= b[i] then return false end
  end
  return true
end

--- Whether a shape is that of the grid, but for axes of size 1.
local function fits(shape, grid)
  local function long(list)
    local kept = {}
    for _, n in ipairs(list) do
      if n ~= 1 then kept[#kept + 1] = n end
    end
    return kept
  end
  return same(long(shape), long(grid))
end

local function resized(map, size)
  local shape = map:shape()
  local lead, wanted = { 1, 1, table.unpack(shape) }, { mode = "nearest", table.unpack(size) }
  if same(shape, size) then return map end
  return map:reshape(lead):resize(wanted):reshape(size)
end

--- An image-sized label or mask on the grid: resized (nearest) and cut or padded (with 0) as the image was.
---@param map fovea.Tensor H x W of the image
---@param geometry fovea.Geometry
---@param grid integer[]
---@return fovea.Tensor
function M.from_image(map, geometry, grid)
  local g = geometry
  map = resized(map:reshape(g.image), g.resized)
  if g.top ~= 0 or g.left ~= 0 or not same(g.grid, g.resized) then
    map = core.picture.window(map:reshape { 1, 1, g.resized[1], g.resized[2] }, 1 + g.top, 1 + g.left, g.grid[1],
      g.grid[2], "zero"):reshape(g.grid)
  end
  return resized(map, grid)
end

--- A mask or label map on the grid: as it is when it has the grid's size, through the geometry when it has that of the
--- image, or resized (nearest) when asked for. Raises otherwise, naming `what` and the shapes.
---@param map fovea.Tensor
---@param context table see fovea.threshold: shape, geometry
---@param what string for messages
---@param options? { resize: boolean? }
---@return fovea.Tensor shape of the grid
function M.place(map, context, what, options)
  local grid, shape, geometry = context.shape, map:shape(), context.geometry
  if fits(shape, grid) then return map:reshape(grid) end
  if geometry and fits(shape, geometry.image) then return M.from_image(map, geometry, grid) end
  if options and options.resize and #shape == #grid then return resized(map, grid) end
  local image = geometry and (", and not of the image, %s"):format(table.concat(geometry.image, "x")) or ""
  error(("%s is %s, which is not the size of the model's grid, %s%s"):format(what, table.concat(shape, "x"),
    table.concat(grid, "x"), image), 0)
end

--- The cell of the grid in which a pixel of the image lies (both from 1); it may lie outside.
---@param pixel number[] row, column
---@param context table
---@return integer[]
function M.cell(pixel, context)
  local g, grid = context.geometry, context.shape
  if not g then error("positions in the image need an image: give positions on the model's grid", 0) end
  local offset, cell = { g.top, g.left }, {}
  for axis = 1, 2 do
    local at = (pixel[axis] - 0.5) * g.resized[axis] / g.image[axis] - offset[axis]
    cell[axis] = math.floor(at * grid[axis] / g.grid[axis]) + 1
  end
  return cell
end

--- Size of a cell of the grid in mm, from that of a pixel of the image (or of a voxel of the input tensor).
---@param spacing number[]?
---@param input integer[] spatial sizes of the model's input
---@param grid integer[]
---@param geometry fovea.Geometry?
---@return number[]?
function M.spacing(spacing, input, grid, geometry)
  if spacing == nil then return nil end
  if type(spacing) ~= "table" or #spacing ~= #grid then
    error(("spacing must be a list of %d numbers"):format(#grid), 0)
  end
  local sizes = {}
  for axis, size in ipairs(spacing) do
    if type(size) ~= "number" or not (size > 0 and size < math.huge) then
      error(("spacing holds '%s'; sizes in mm are above 0"):format(tostring(size)), 0)
    end
    local scale = geometry and geometry.image[axis] / geometry.resized[axis] or 1
    sizes[axis] = size * scale * input[axis] / grid[axis]
  end
  return sizes
end

--- The members of a mask that have a face neighbour outside of it. The edge of the grid is no neighbour.
---@param mask fovea.Tensor
---@return fovea.Tensor
function M.boundary(mask)
  local shape, boundary = mask:shape(), nil
  local outside = mask:eq(0)
  for axis, n in ipairs(shape) do
    if n > 1 then
      local none = outside:slice(axis, 1, 1) * 0
      local before = core.concat({ none, outside:slice(axis, 1, n - 1) }, axis)
      local after = core.concat({ outside:slice(axis, 2, n), none }, axis)
      local touching = before:max_of(after)
      boundary = boundary and boundary:max_of(touching) or touching
    end
  end
  return boundary and boundary:min_of(mask:ne(0)) or mask * 0
end

--- Distance from every cell to the nearest of a mask, in cells or in mm.
---@param mask fovea.Tensor
---@param unit string "pixels" or "mm"
---@param context table
---@return fovea.Tensor
function M.distance(mask, unit, context)
  local spacing = { 1, 1, #context.shape > 2 and 1 or nil }
  if unit == "mm" then
    spacing = context.spacing or error("distances in mm need the spacing of the image (option spacing)", 0)
  end
  return mask:distance { spacing = spacing }
end

return M
