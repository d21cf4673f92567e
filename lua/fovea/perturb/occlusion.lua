--- P1, occlusion: how much the score falls when a window of the input is replaced by the baseline; each element gets
--- the mean of the windows that cover it (1311.2901).
local core = require "fovea.core"
local lookup = require "fovea.lookup"
local result = require "fovea.perturb.result"
local tensor = require "fovea.tensor"

local M = {}

--- One number per axis, from one for all or a list.
local function per_axis(value, size, what)
  local list = {}
  for axis, most in ipairs(size) do
    local n = type(value) == "table" and value[axis] or value
    if math.type(n) ~= "integer" or n < 1 then
      error(("occlusion: %s must be a positive integer for each axis, not %s"):format(what, tostring(n)), 0)
    end
    list[axis] = math.min(n, most)
  end
  return list
end

--- Where windows begin along an axis; the last one ends with the axis.
local function places(size, window, stride)
  local list = {}
  for at = 1, size - window + 1, stride do list[#list + 1] = at end
  if list[#list] + window - 1 < size then list[#list + 1] = size - window + 1 end
  return list
end

--- The windows of a grid, the last axis running fastest, and where they begin along each axis.
---@param size integer[]
---@param window integer[]
---@param stride integer[]
---@return fovea.perturb.Box[] boxes
---@return integer[][] starts
function M.windows(size, window, stride)
  local starts, boxes = {}, { { at = {}, size = window } }
  for axis = 1, #size do
    local more = {}
    starts[axis] = places(size[axis], window[axis], stride[axis])
    for _, box in ipairs(boxes) do
      for _, at in ipairs(starts[axis]) do
        more[#more + 1] = { at = { table.unpack(box.at) }, size = window }
        more[#more].at[axis] = at
      end
    end
    boxes = more
  end
  return boxes, starts
end

--- size x n: 1 where a window covers an element.
local function cover(size, starts, window)
  local values = {}
  for i = 1, size do
    for _, at in ipairs(starts) do values[#values + 1] = (i >= at and i < at + window) and 1 or 0 end
  end
  return assert(tensor.tensor({ size, #starts }, values))
end

--- Sums over the windows that cover each element: one product for each axis, which then goes to the end.
local function spread(values, size, starts, window)
  for axis = 1, #size do
    local own = values:reshape { #starts[axis], values:count() // #starts[axis] }
    values = cover(size[axis], starts[axis], window[axis]):matmul(own):transpose { 2, 1 }
  end
  return values:reshape(size)
end

--- An occlusion map.
---@param engine fovea.perturb.Engine
---@param options? { window: integer|integer[]|nil, stride: integer|integer[]|nil } window: one number, or one per axis
--- (default: 1/8 of each axis); stride (default: half the window)
---@return fovea.Heatmap? map `perturbation` has window, stride, windows and uncovered (elements without a window, 0 in
--- the map)
---@return string? message
---@return string? code
function M.map(engine, options)
  lookup.check_keys(options, { "window", "stride" }, "occlusion", -2)
  options = options or {}
  local size, start, eighth, half = result.size(engine), core.clock(), {}, {}
  for axis, n in ipairs(size) do eighth[axis] = math.max(1, n // 8) end
  local window = per_axis(options.window or eighth, size, "window")
  for axis, n in ipairs(window) do half[axis] = math.max(1, n // 2) end
  local stride = per_axis(options.stride or half, size, "stride")
  local boxes, starts = M.windows(size, window, stride)
  local record = { window = window, stride = stride, windows = #boxes }
  if not result.has_target(engine) then
    return result.heatmap(engine, nil, { method = "occlusion", perturbation = record, seconds = 0 })
  end
  local scores, message, code = engine:boxes(boxes)
  if not scores then return nil, message, code end
  local drops = {}
  for i, score in ipairs(scores) do drops[i] = engine.score - score end
  local counts = spread(assert(tensor.full({ #boxes }, 1)), size, starts, window)
  local sums = spread(assert(tensor.tensor({ #boxes }, drops)), size, starts, window)
  record.uncovered = counts:eq(0):count_nonzero()
  return result.heatmap(engine, sums / counts:clamp(1, math.huge), { method = "occlusion", perturbation = record,
    seconds = core.clock() - start })
end

return M
