--- Drawing with fields: shapes as signed distances (negative inside, in pixels), random textures, and colours that are
--- laid over a picture by coverage. A canvas measures places and lengths in parts of its side, so that a drawing looks
--- the same at any size. All loops over pixels are C (fovea.core.draw).
local core = require "fovea.core"
local tensor = require "fovea.tensor"

local draw = core.draw
local M = {}

---@class fovea.Canvas
---@field size integer side in pixels
local Canvas = {}
Canvas.__index = Canvas

--- A square canvas.
---@param size integer side in pixels
---@return fovea.Canvas
function M.canvas(size) return setmetatable({ size = size }, Canvas) end

--- Fractal noise of mean 0 and deviation 1.
---@param seed integer
---@param cell number of the coarsest octave
---@param options? { octaves: integer?, gain: number?, stretch: number?, angle: number? }
---@return fovea.Tensor
function Canvas:noise(seed, cell, options)
  local all = { seed = seed, cell = cell * self.size }
  for key, value in pairs(options or {}) do all[key] = value end
  return draw.noise(self.size, self.size, all)
end

--- Cellular noise: distances to the nearest and second nearest random point in cells, and the cell's random number.
---@param seed integer
---@param cell number
---@return fovea.Tensor nearest
---@return fovea.Tensor second
---@return fovea.Tensor value
function Canvas:cells(seed, cell)
  local all = draw.cells(self.size, self.size, { seed = seed, cell = cell * self.size })
  return all:select(1, 1), all:select(1, 2), all:select(1, 3)
end

--- Field of a round shape.
---@param blob { x: number, y: number, radius: number, aspect: number?, angle: number?, harmonics: number[]? }
---@return fovea.Tensor
function Canvas:blob(blob)
  local s, aspect = self.size, math.sqrt(blob.aspect or 1)
  return draw.blob(s, s, blob.x * s, blob.y * s, blob.radius * aspect * s, blob.radius / aspect * s, blob.angle or 0,
    blob.harmonics)
end

--- Field of strokes, each { x0, y0, radius0, x1, y1, radius1, value? }, with the distance to the middle line in radii
--- and the value of the nearest stroke.
---@param list number[][]
---@param reach? number how far beyond the strokes the field goes; default 0.06
---@return fovea.Tensor field
---@return fovea.Tensor profile
---@return fovea.Tensor value
function Canvas:strokes(list, reach)
  local s, flat = self.size, {}
  for _, stroke in ipairs(list) do
    local n = #flat
    for i = 1, 6 do flat[n + i] = stroke[i] * s end
    flat[n + 7] = stroke[7] or 0
  end
  local all = draw.strokes(s, s, flat, (reach or 0.06) * s)
  return all:select(1, 1), all:select(1, 2), all:select(1, 3)
end

--- The distance of every pixel's centre from a point.
---@param x number
---@param y number
---@return fovea.Tensor
function Canvas:distance(x, y)
  local s = self.size
  return draw.blob(s, s, x * s, y * s, 1, 1) + 1
end

--- A plane of one value.
---@param value number
---@return fovea.Tensor
function Canvas:plane(value) return tensor.full({ self.size, self.size }, value) end

--- A picture of one colour.
---@param colour number[]
---@return fovea.Tensor C x H x W
function Canvas:filled(colour)
  return tensor.tensor({ #colour, 1, 1 }, colour) + tensor.zeros { 1, self.size, self.size }
end

--- Coverage of a field: 1 inside, 0 outside, smooth over `softness` around the border; at least a pixel.
---@param field fovea.Tensor
---@param softness? number
---@return fovea.Tensor
function Canvas:cover(field, softness) return draw.cover(field, math.max(1, (softness or 0) * self.size)) end

--- Gaussian blur.
---@param picture fovea.Tensor
---@param sigma number
---@return fovea.Tensor
function Canvas:blur(picture, sigma) return draw.blur(picture, sigma * self.size) end

--- Independent noise of mean 0 and deviation 1.
---@param seed integer
---@param channels? integer
---@return fovea.Tensor
function Canvas:grain(seed, channels)
  return draw.grain(channels and { channels, self.size, self.size } or { self.size, self.size }, seed)
end

--- A colour, picture or number laid over a picture.
---@param below fovea.Tensor C x H x W or H x W
---@param above fovea.Tensor|number[]|number
---@param coverage fovea.Tensor H x W
---@param alpha? number
---@return fovea.Tensor
function M.over(below, above, coverage, alpha)
  if type(above) == "table" then above = tensor.tensor({ #above, 1, 1 }, above) end
  local weight = alpha and coverage * alpha or coverage
  return below + weight * (above - below)
end

--- A picture whose channels are multiplied by factors where it is covered: a filter laid on it.
---@param below fovea.Tensor
---@param factors number[]
---@param coverage fovea.Tensor
---@return fovea.Tensor
function M.filter(below, factors, coverage)
  local change = {}
  for i, factor in ipairs(factors) do change[i] = factor - 1 end
  return below * (coverage * tensor.tensor({ #change, 1, 1 }, change) + 1)
end

--- The exact mask of a field.
---@param field fovea.Tensor
---@return fovea.Tensor
function M.inside(field) return field:lt(0) end

--- Random harmonics for a blob: the higher, the smaller.
---@param random fovea.Random
---@param count integer
---@param strength number of the first one that bends the shape (the second harmonic)
---@param decay? number power of the order; default 1
---@return number[]
function M.harmonics(random, count, strength, decay)
  local list = { 0, 0 }
  for k = 2, count do
    local size = strength * (2 / k) ^ (decay or 1)
    list[2 * k - 1], list[2 * k] = random:normal(0, size), random:normal(0, size)
  end
  return list
end

M.Canvas = Canvas

return M
