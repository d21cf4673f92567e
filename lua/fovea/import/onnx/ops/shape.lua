--- Operators on shapes, and those that change the shape alone.
local V = require "fovea.import.onnx.value"

local M = {}

--- The dimensions, or those from `start` to `end`.
---@param c fovea.onnx.Context
function M.Shape(c)
  local x = c:input(1)
  local rank = #x.shape
  local function clip(i)
    return math.max(0, math.min(rank, i < 0 and i + rank or i))
  end
  local first, last = clip(c:attr("start", 0)), clip(c:attr("end", rank))
  local dims = table.move(x.shape, first + 1, last, 1, {})
  return V.ints(dims, { #dims }, x.kind == "node" or (x.dynamic and true))
end

--- The number of elements.
---@param c fovea.onnx.Context
function M.Size(c)
  local x = c:input(1)
  return V.ints({ V.count(x.shape) }, {}, x.kind == "node" or (x.dynamic and true))
end

--- 0 copies, -1 takes what is left.
local function resolve(c, written, shape, allow_zero)
  local out, known, free = {}, 1, nil
  for i, d in ipairs(written) do
    if d == 0 and not allow_zero then
      d = shape[i] or c:fail("entry %d of the target shape copies an axis that is not there", i)
    end
    if d < -1 or (d == -1 and free) then c:fail("the target shape %s is not valid", table.concat(written, ",")) end
    if d == -1 then free = i else known = known * d end
    out[i] = d
  end
  local total = V.count(shape)
  if free then
    if known == 0 or total % known ~= 0 then
      c:fail("%s cannot become %s", table.concat(shape, "x"), table.concat(written, ","))
    end
    out[free] = total // known
  end
  return out
end

--- True when a translated shape has the entries that were computed.
local function agrees(shape, written, dynamic)
  for i, d in ipairs(written) do
    if V.is_dynamic(dynamic, i) and d > 0 and shape[i] ~= d then return false end
  end
  return #shape == #written
end

--- To a shape that is computed, or written in the file and then translated to this input size.
---@param c fovea.onnx.Context
function M.Reshape(c)
  local x = c:input(1)
  local written, dynamic = c:list("shape", 2)
  if not written then c:fail("the target shape is missing") end
  local allow_zero = c:attr("allowzero", 0) == 1
  local old = dynamic ~= true and x.kind == "node" and c.rescale.declared_shape(c, 1)
  if old and not V.same_list(old, x.shape) then
    local out = c.declared[c.node_info.outputs[1]] or resolve(c, written, old, allow_zero)
    if not dynamic then return c:view(x, c.rescale.reshape(c, written, out, old, x.shape)) end
    local ok, shape = pcall(c.rescale.reshape, c, written, out, old, x.shape)
    if ok and agrees(shape, written, dynamic) then return c:view(x, shape) end
  end
  return c:view(x, resolve(c, written, x.shape, allow_zero))
end

--- Two axes: those before `axis`, and the rest.
---@param c fovea.onnx.Context
function M.Flatten(c)
  local x = c:input(1)
  local axis = c:attr("axis", 1)
  axis = axis < 0 and axis + #x.shape or axis
  local rows, columns = 1, 1
  for i, d in ipairs(x.shape) do
    if i <= axis then rows = rows * d else columns = columns * d end
  end
  return c:view(x, { rows, columns })
end

--- Drops axes of size 1.
---@param c fovea.onnx.Context
function M.Squeeze(c)
  local x, drop, shape = c:input(1), {}, {}
  local axes = c:list("axes", 2)
  for _, a in ipairs(axes or {}) do
    local axis = c:axis(a, #x.shape)
    if x.shape[axis] ~= 1 then c:fail("axis %d has size %d, not 1", a, x.shape[axis]) end
    drop[axis] = true
  end
  for i, d in ipairs(x.shape) do
    if not (drop[i] or (not axes and d == 1)) then shape[#shape + 1] = d end
  end
  return c:view(x, shape)
end

--- Adds axes of size 1.
---@param c fovea.onnx.Context
function M.Unsqueeze(c)
  local x, axes = c:input(1), c:list("axes", 2)
  if not axes then c:fail("the axes are missing") end
  local rank, new, shape, at = #x.shape + #axes, {}, {}, 1
  for _, a in ipairs(axes) do new[c:axis(a, rank)] = true end
  for i = 1, rank do
    if new[i] then
      shape[i] = 1
    else
      shape[i], at = x.shape[at], at + 1
    end
  end
  if at <= #x.shape then c:fail("an axis is named twice") end
  return c:view(x, shape)
end

local function expanded(c, x, shape)
  if V.same_list(shape, x.shape) then return x end
  if x.kind == "ints" then
    local ints = {}
    for n, at in ipairs(V.broadcast_positions(x.shape, shape)) do ints[n] = x.ints[at] end
    local out = V.ints(ints, shape, V.merged_flags({ x }, shape))
    out.boolean = x.boolean
    return out
  end
  if x.kind == "floats" then return V.floats(x.tensor:expand(shape), nil, x.dynamic and true) end
  return V.node(c:emit("expand", { c:node(x), shape = shape }))
end

--- Broadcasts to a shape.
---@param c fovea.onnx.Context
function M.Expand(c)
  local x = c:input(1)
  local wanted, dynamic = c:list("shape", 2)
  local old = dynamic ~= true and x.kind == "node" and c.rescale.declared_shape(c, 1)
  if old and wanted then
    local full = not dynamic and V.broadcast(old, wanted) or wanted
    wanted = c.rescale.sizes(c, full, old, x.shape, dynamic)
  end
  local shape = V.broadcast(x.shape, wanted or c:fail("the shape is missing"))
  if not shape then
    c:fail("%s cannot be expanded to %s", table.concat(x.shape, "x"), table.concat(wanted, "x"))
  end
  return expanded(c, x, shape)
end

local MAX_COPIES = 256

--- Repeats along axes.
---@param c fovea.onnx.Context
function M.Tile(c)
  local x, repeats = c:input(1), c:list("repeats", 2)
  if not repeats or #repeats ~= #x.shape then c:fail("one repeat count per axis is needed") end
  for i, n in ipairs(repeats) do
    if n < 1 or (n > MAX_COPIES and x.shape[i] > 1) then c:fail("a repeat count of %d", n) end
    if n > 1 and x.shape[i] == 1 then
      local shape = table.move(x.shape, 1, #x.shape, 1, {})
      shape[i] = n
      x = expanded(c, x, shape)
    elseif n > 1 then
      if x.kind == "ints" then c:fail("integers can only be repeated along axes of size 1") end
      local copies = { axis = i }
      for k = 1, n do copies[k] = x.kind == "floats" and x.tensor or c:node(x) end
      local tensor = require "fovea.tensor"
      x = x.kind == "floats" and V.floats(tensor.concat(copies, i), nil, x.dynamic and true)
        or V.node(c:emit("concat", copies))
    end
  end
  return x
end

return M
