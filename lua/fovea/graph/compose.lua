--- Methods of fovea.Graph that are made of ops: split, flatten, squeeze, unsqueeze, tile, global_max_pool. As with ops,
--- the table holds the source, the options and a name.
local lookup = require "fovea.lookup"

---@class fovea.Graph
local Graph = {}

local from_end = { batch = 1, channel = 2, depth = -3, height = -2, width = -1 }

--- Raises an error in the name of the method's caller.
local function refuse(what, text, ...)
  error(("%s: "):format(what) .. text:format(...), 4)
end

--- Checks the one source and the keys; returns the source and its shape.
local function source_of(what, arguments, keys)
  if type(arguments) ~= "table" then
    refuse(what, "a table { src, option = value } is expected, not a %s", type(arguments))
  end
  local options = {}
  for key, value in pairs(arguments) do
    if math.type(key) ~= "integer" then options[key] = value end
  end
  lookup.check_keys(options, { "name", table.unpack(keys) }, what, 2)
  local src = arguments[1]
  if #arguments ~= 1 then refuse(what, "takes one source, not %d", #arguments) end
  if type(src) ~= "userdata" or not src.sources then refuse(what, "source 1 must be a node, not %s", type(src)) end
  return src, src:shape()
end

local function text_of(shape) return #shape == 0 and "scalar" or table.concat(shape, "x") end

--- Axis from 1 of `rank` axes, from a number (negative: from the end) or a name.
local function axis_of(what, axis, rank)
  local number = type(axis) == "string" and from_end[axis] or math.tointeger(axis)
  local found = number and (number < 0 and number + rank + 1 or number)
  if not found or found < 1 or found > rank then
    refuse(what, "axis %s does not exist in %d dimensions", tostring(axis), rank)
  end
  return found
end

--- Set of axes of a list (or of one axis).
local function axes_of(what, axes, rank)
  local set = {}
  for _, axis in ipairs(type(axes) == "table" and axes or { axes }) do set[axis_of(what, axis, rank)] = true end
  return set
end

local function positive(what, key, value)
  local n = math.tointeger(value)
  if not n or n < 1 then refuse(what, "%s must be positive integers, not %s", key, tostring(value)) end
  return n
end

local function product(list, first, last)
  local n = 1
  for i = first, last do n = n * list[i] end
  return n
end

--- Sizes of the parts of an axis.
local function part_sizes(arguments, size, shape)
  local sizes, parts, sum = arguments.sizes, arguments.parts, 0
  if (sizes == nil) == (parts == nil) then refuse("split", "one of the options 'sizes' and 'parts' is required") end
  if parts then
    parts = positive("split", "parts", parts)
    if size % parts ~= 0 then refuse("split", "src is %s: no %d equal parts of %d", text_of(shape), parts, size) end
    sizes = {}
    for i = 1, parts do sizes[i] = size // parts end
  end
  for _, n in ipairs(sizes) do sum = sum + positive("split", "sizes", n) end
  if sum ~= size then
    refuse("split", "src is %s: sizes %s do not add up to %d", text_of(shape), table.concat(sizes, ","), size)
  end
  return sizes
end

--- Cuts an axis (2) into parts of given sizes, or into a number of equal parts; named NAME.1, NAME.2, ...
---@param arguments {[1]: fovea.Node, axis: fovea.Axis?, sizes: integer[]?, parts: integer?, name: string?}
---@return fovea.Node ... the parts
function Graph:split(arguments)
  local src, shape = source_of("split", arguments, { "axis", "sizes", "parts" })
  local axis = axis_of("split", arguments.axis or 2, #shape)
  local nodes, first = {}, 1
  for i, n in ipairs(part_sizes(arguments, shape[axis], shape)) do
    local name = arguments.name and ("%s.%d"):format(arguments.name, i)
    nodes[i] = self:slice { src, axis = axis, first = first, last = first + n - 1, name = name }
    first = first + n
  end
  return table.unpack(nodes)
end

--- Two dimensions: the axes before `axis` (2), and the others. `axis` may be one more than there are.
---@param arguments {[1]: fovea.Node, axis: fovea.Axis?, name: string?}
---@return fovea.Node
function Graph:flatten(arguments)
  local src, shape = source_of("flatten", arguments, { "axis" })
  local axis = arguments.axis or 2
  if axis ~= #shape + 1 then axis = axis_of("flatten", axis, #shape) end
  return self:reshape { src, shape = { product(shape, 1, axis - 1), product(shape, axis, #shape) },
    name = arguments.name }
end

--- Drops axes of size 1: those named, or all.
---@param arguments {[1]: fovea.Node, axes: fovea.Axis|fovea.Axis[]|nil, name: string?}
---@return fovea.Node
function Graph:squeeze(arguments)
  local src, shape = source_of("squeeze", arguments, { "axes" })
  local drop, kept = arguments.axes and axes_of("squeeze", arguments.axes, #shape), {}
  for i, n in ipairs(shape) do
    if drop and drop[i] and n ~= 1 then refuse("squeeze", "src is %s: axis %d is not 1", text_of(shape), i) end
    if n ~= 1 or (drop and not drop[i]) then kept[#kept + 1] = n end
  end
  return self:reshape { src, shape = kept, name = arguments.name }
end

--- Puts in axes of size 1; the numbers are positions in the result.
---@param arguments {[1]: fovea.Node, axes: integer|integer[], name: string?}
---@return fovea.Node
function Graph:unsqueeze(arguments)
  local src, shape = source_of("unsqueeze", arguments, { "axes" })
  if arguments.axes == nil then refuse("unsqueeze", "option 'axes' is required") end
  local rank = #shape + (type(arguments.axes) == "table" and #arguments.axes or 1)
  local added, wanted, at = axes_of("unsqueeze", arguments.axes, rank), {}, 0
  for i = 1, rank do
    if not added[i] then at = at + 1 end
    wanted[i] = added[i] and 1 or shape[at]
  end
  if at ~= #shape or #wanted ~= rank then refuse("unsqueeze", "an axis is named twice") end
  return self:reshape { src, shape = wanted, name = arguments.name }
end

--- One axis n times one after the other.
local function repeat_axis(graph, src, axis, n, name)
  local shape, copies = src:shape(), { axis = axis, name = name }
  if shape[axis] == 1 then
    shape[axis] = n
    return graph:expand { src, shape = shape, name = name }
  end
  for i = 1, n do copies[i] = src end
  return graph:concat(copies)
end

--- Repeats the whole along each axis; `repeats` has one entry per axis. The source itself when all are 1.
---@param arguments {[1]: fovea.Node, repeats: integer[], name: string?}
---@return fovea.Node
function Graph:tile(arguments)
  local src, shape = source_of("tile", arguments, { "repeats" })
  local repeats, last = arguments.repeats, 0
  if type(repeats) ~= "table" or #repeats ~= #shape then
    refuse("tile", "repeats needs one entry per axis of src, %s", text_of(shape))
  end
  for axis, n in ipairs(repeats) do
    if positive("tile", "repeats", n) > 1 then last = axis end
  end
  for axis, n in ipairs(repeats) do
    if n > 1 then src = repeat_axis(self, src, axis, n, axis == last and arguments.name or nil) end
  end
  return src
end

--- Largest value of each channel; the spatial axes become 1.
---@param arguments {[1]: fovea.Node, name: string?}
---@return fovea.Node
function Graph:global_max_pool(arguments)
  local src, shape = source_of("global_max_pool", arguments, {})
  if #shape < 3 then refuse("global_max_pool", "src is %s: it needs spatial axes", text_of(shape)) end
  return self:reduce_max { src, keep_dims = true, name = arguments.name }
end

return Graph
