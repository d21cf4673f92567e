--- The outline of a mask as path data of SVG: along the sides of its pixels, closed, in units of pixels, so that it is
--- exact at any size. Outer outlines run clockwise, holes the other way.
local M = {}

-- Directions: right, down, left, up.
local DX, DY = { 1, 0, -1, 0 }, { 0, 1, 0, -1 }

--- Sides of pixels between inside and outside, by the corner they start at: a set of directions with the inside on the
--- right hand. Corners are numbered row by row, width + 1 to a row.
local function sides_of(inside, height, width)
  local sides, stride = {}, width + 1
  local function add(corner, direction)
    sides[corner] = (sides[corner] or 0) | 1 << direction
  end
  for y = 0, height - 1 do
    local row = y * width
    for x = 0, width - 1 do
      if inside[row + x + 1] then
        local corner = y * stride + x
        if y == 0 or not inside[row - width + x + 1] then add(corner, 1) end
        if x == width - 1 or not inside[row + x + 2] then add(corner + 1, 2) end
        if y == height - 1 or not inside[row + width + x + 1] then add(corner + stride + 1, 3) end
        if x == 0 or not inside[row + x] then add(corner + stride, 4) end
      end
    end
  end
  return sides
end

--- The direction to go on in from a corner. Where two pixels touch by a corner only, the turn to the right keeps them
--- apart.
local function turn(set, direction)
  for _, change in ipairs { 1, 0, 3 } do
    local wanted = (direction - 1 + change) % 4 + 1
    if set & 1 << wanted ~= 0 then return wanted end
  end
end

local function first_direction(set)
  for direction = 1, 4 do
    if set & 1 << direction ~= 0 then return direction end
  end
end

local function step_text(direction, length)
  return (direction % 2 == 1 and "h%d" or "v%d"):format((direction <= 2) and length or -length)
end

--- Follows one outline from a corner and takes its sides away.
local function follow(sides, start, stride, parts)
  local corner, direction, length = start, first_direction(sides[start]), 0
  parts[#parts + 1] = ("M%d %d"):format(start % stride, start // stride)
  repeat
    sides[corner] = sides[corner] & ~(1 << direction)
    corner, length = corner + DX[direction] + DY[direction] * stride, length + 1
    local going = turn(sides[corner] or 0, direction)
    if going and going ~= direction then
      parts[#parts + 1] = step_text(direction, length)
      length = 0
    end
    direction = going
  until not going
  parts[#parts + 1] = "z"
end

--- Path data of the outline of a mask; empty for an empty mask.
---@param mask fovea.Tensor H x W, non-zero inside
---@return string
function M.path(mask)
  local height, width = table.unpack(mask:shape())
  local inside, parts, stride = {}, {}, width + 1
  for i, value in ipairs(mask:values()) do inside[i] = value ~= 0 end
  local sides = sides_of(inside, height, width)
  for corner = 0, (height + 1) * stride - 1 do
    while (sides[corner] or 0) ~= 0 do follow(sides, corner, stride, parts) end
  end
  return table.concat(parts)
end

return M
