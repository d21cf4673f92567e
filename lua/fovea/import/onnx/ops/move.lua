--- Operators that move elements: transpose, concatenate, split, slice, gather, pad.
local V = require "fovea.import.onnx.value"
local slices = require "fovea.import.onnx.slices"
local tensor = require "fovea.tensor"

local M = {}
local slice = slices.slice

local function transpose_integers(value, perm)
  local strides, step, shape = {}, 1, V.permuted(value.shape, perm)
  for i = #perm, 1, -1 do strides[i], step = step, step * value.shape[i] end
  local ints = {}
  for n = 0, step - 1 do
    local rest, from = n, 1
    for i = #perm, 1, -1 do
      from = from + rest % shape[i] * strides[perm[i]]
      rest = rest // shape[i]
    end
    ints[n + 1] = value.ints[from]
  end
  local out = V.ints(ints, shape, value.dynamic and true)
  out.boolean = value.boolean
  return out
end

--- Nothing is moved before somebody needs it: pairs of transpositions (TensorFlow's layouts) disappear.
---@param c fovea.onnx.Context
function M.Transpose(c)
  local x, perm = c:input(1), {}
  local rank = #x.shape
  local written = c:attr("perm")
  for i = 1, rank do perm[i] = written and c:axis(written[i] or -rank - 1, rank) or rank - i + 1 end
  if x.kind == "floats" then return c:transpose_constant(x, perm) end
  if x.kind == "ints" then return transpose_integers(x, perm) end
  local composed = x.perm and V.permuted(x.perm, perm) or perm
  if V.is_identity(composed) then composed = nil end
  local base = x
  if x.reshape_of then base = { kind = "node", node = c:base(x) } end
  return {
    kind = "node", node = base.node, perm = composed, shape = V.permuted(x.shape, perm), label = c.node_info.label,
  }
end

local function concat_integers(c, values, axis)
  local ints, flags, shape = {}, {}, table.move(values[1].shape, 1, #values[1].shape, 1, {})
  for i = 1, axis - 1 do
    if shape[i] ~= 1 then c:fail("integers can only be concatenated along their first axis") end
  end
  shape[axis] = 0
  for _, v in ipairs(values) do
    if v.kind ~= "ints" then c:fail("integers and activations in one concatenation") end
    if #v.shape ~= #shape then c:fail("values of %d and %d dimensions", #shape, #v.shape) end
    for i, k in ipairs(v.ints) do ints[#ints + 1], flags[#flags + 1] = k, V.is_dynamic(v.dynamic, i) end
    shape[axis] = shape[axis] + v.shape[axis]
  end
  return V.ints(ints, shape, V.flags(flags))
end

--- Joins values along an axis, in the layout of the first that has one.
---@param c fovea.onnx.Context
function M.Concat(c)
  local values = c:inputs()
  local axis = c:axis(c:attr("axis", 1), #values[1].shape)
  local nodes, perm, integers = 0, nil, false
  for _, v in ipairs(values) do
    if v.kind == "node" then nodes = nodes + 1 end
    integers = integers or v.kind == "ints"
    perm = perm or V.pending(v)
  end
  if integers then return concat_integers(c, values, axis) end
  if #values == 1 then return values[1] end
  if nodes == 0 then
    local list = {}
    for i, v in ipairs(values) do list[i] = v.tensor end
    return V.floats(tensor.concat(list, axis), nil, V.any_dynamic(values))
  end
  local sources = { axis = perm and perm[axis] or axis }
  for i, v in ipairs(values) do sources[i] = perm and c:node_in(v, perm) or c:source(v) end
  return V.node(c:emit("concat", sources), perm)
end

-- slices -------------------------------------------------------------------------------------------------------------

--- ONNX bounds (0-based, end exclusive, clamped) -> first and last.
local function bounds(size, start, stop, step)
  if start < 0 then start = start + size end
  if stop < 0 then stop = math.max(stop + size, -1) end
  if step > 0 then return math.max(math.min(start, size), 0) + 1, math.max(math.min(stop, size), 0) end
  return math.max(math.min(start, size - 1), 0) + 1, math.max(math.min(stop, size - 1), -1) + 2
end

--- A constant end at or behind the file's own size means "to the end"; equal margins (the centre crop of a U-Net
--- without padding) stay; another bound on an axis whose size changed cannot be translated.
local function stretched(c, old, new, start, stop, step)
  if old == new then return start, stop end
  if stop >= old then stop = math.maxinteger end
  local head = start >= 0 and start < step
  local tail = stop < 0 or stop == math.maxinteger
  if step > 0 and ((head and tail) or (start < 0 and tail)) then return start, stop end
  if step > 0 and start >= 0 and stop < 0 then return start, stop end
  local centred = step == 1 and start > 0 and stop < old and math.abs(old - stop - start) <= 1
  if centred then return start, stop + new - old end
  c:fail("its bounds %d..%d are fixed in the file and do not follow the input size; export the model with dynamic axes",
    start, stop)
end

--- One slice per axis named.
---@param c fovea.onnx.Context
function M.Slice(c)
  local x = c:input(1)
  local starts, dynamic_start = c:list("starts", 2)
  local stops, dynamic_stop = c:list("ends", 3)
  local axes, steps = c:list("axes", 4), c:list(nil, 5)
  if not (starts and stops) then c:fail("starts and ends are missing") end
  local old = not (dynamic_start or dynamic_stop) and c.rescale.declared_shape(c, 1)
  local n = #starts
  if #stops ~= n or (axes and #axes ~= n) or (steps and #steps ~= n) then
    c:fail("starts, ends, axes and steps must have the same length")
  end
  for k = 1, n do
    local axis = c:axis(axes and axes[k] or k - 1, #x.shape)
    local step = steps and steps[k] or 1
    if step == 0 then c:fail("a step of 0") end
    local start, stop = starts[k], stops[k]
    if old and x.kind == "node" then start, stop = stretched(c, old[axis], x.shape[axis], start, stop, step) end
    local first, last = bounds(x.shape[axis], start, stop, step)
    x = slice(c, x, axis, first, last, step, k < n and "axis" .. axis or nil)
  end
  return x
end

--- Sizes from the attribute or input `split`, or equal parts.
---@param c fovea.onnx.Context
function M.Split(c)
  local x = c:input(1)
  local axis, parts = c:axis(c:attr("axis", 0), #x.shape), #c.node_info.outputs
  local sizes, size = c:list("split", 2), x.shape[axis]
  if not sizes then
    sizes = {}
    local each = (size + parts - 1) // parts
    for i = 1, parts do sizes[i] = math.min(each, size - each * (i - 1)) end
  end
  return table.unpack(slices.parts(c, x, axis, sizes))
end

-- gather -------------------------------------------------------------------------------------------------------------

--- Pieces of the axis for runs of consecutive indices.
local function gather_node(c, x, axis, indices)
  local pieces, i = {}, 1
  while i <= #indices do
    local j = i
    while j < #indices and indices[j + 1] == indices[j] + 1 do j = j + 1 end
    local whole = i == 1 and j == #indices
    pieces[#pieces + 1] = slice(c, x, axis, indices[i], indices[j], 1, not whole and "part" or nil)
    i = j + 1
  end
  if #pieces == 1 then return pieces[1] end
  if #pieces > 256 then c:fail("a gather of %d separate pieces", #pieces) end
  local sources = { axis = axis }
  for k, piece in ipairs(pieces) do sources[k] = c:source(piece) end
  return V.node(c:emit("concat", sources))
end

local function gather_constant(c, x, axis, indices)
  local parts = {}
  for i, at in ipairs(indices) do parts[i] = slice(c, x, axis, at, at, 1) end
  if x.kind == "ints" then
    if #parts == 1 then return parts[1] end
    return concat_integers(c, parts, axis)
  end
  local list = {}
  for i, part in ipairs(parts) do list[i] = part.tensor end
  return V.floats(tensor.concat(list, axis), nil, x.dynamic and true)
end

--- Picks constant indices of an axis.
---@param c fovea.onnx.Context
function M.Gather(c)
  local x, index = c:input(1), c:constant(2)
  if index.kind ~= "ints" then c:fail("the indices must be integers") end
  local axis, indices = c:axis(c:attr("axis", 0), #x.shape), {}
  for i, v in ipairs(index.ints) do
    indices[i] = v < 0 and v + x.shape[axis] + 1 or v + 1
    if indices[i] < 1 or indices[i] > x.shape[axis] then
      c:fail("index %d is outside an axis of %d", v, x.shape[axis])
    end
  end
  if #indices == 0 then c:fail("no indices") end
  local out = (x.kind == "node" and gather_node or gather_constant)(c, x, axis, indices)
  local shape = table.move(x.shape, 1, axis - 1, 1, {})
  table.move(index.shape, 1, #index.shape, #shape + 1, shape)
  table.move(x.shape, axis + 1, #x.shape, #shape + 1, shape)
  out = c:view(out, shape)
  if out.kind == "ints" and index.dynamic then out.dynamic = true end
  return out
end

-- pad and blocks ---------------------------------------------------------------------------------------------------

--- Constant, reflected or edge values; negative pads crop.
---@param c fovea.onnx.Context
function M.Pad(c)
  local x, pads = c:input(1), c:list("pads", 2)
  local mode, axes, rank = c:attr("mode", "constant"), c:list(nil, 4), #x.shape
  if x.kind ~= "node" then c:fail("padding of constants is not supported") end
  if mode ~= "constant" and mode ~= "reflect" and mode ~= "edge" then
    c:fail("mode '%s' is not supported", mode)
  end
  local n = axes and #axes or rank
  if not pads or #pads ~= 2 * n then c:fail("%d pads for %d axes", pads and #pads or 0, n) end
  local base, perm = c:base(x)
  local before, after, any = {}, {}, false
  for i = 1, rank do before[i], after[i] = 0, 0 end
  for k = 1, n do
    local axis = axes and c:axis(axes[k], rank) or k
    local at = perm and perm[axis] or axis
    before[at], after[at] = pads[k], pads[n + k]
    any = any or pads[k] ~= 0 or pads[n + k] ~= 0
  end
  if not any then return x end
  local value = c:scalar("value", 3) or 0
  return V.node(c:emit("pad", { base, before = before, after = after, mode = mode, value = value }), perm)
end

local function block_size(c)
  local block = c:attr("blocksize")
  if math.type(block) ~= "integer" or block < 1 then c:fail("blocksize is missing") end
  return block
end

--- Channels to pixels, depth-column-row or column-row-depth.
---@param c fovea.onnx.Context
function M.DepthToSpace(c)
  local order = c:attr("mode", "DCR") == "CRD" and "crd" or "dcr"
  return V.node(c:emit("depth_to_space", { c:node(c:input(1)), block = block_size(c), order = order }))
end

--- Pixels to channels.
---@param c fovea.onnx.Context
function M.SpaceToDepth(c)
  return V.node(c:emit("space_to_depth", { c:node(c:input(1)), block = block_size(c) }))
end

return M
