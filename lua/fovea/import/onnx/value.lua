--- What flows along the edges of an ONNX graph while it is lowered.
--
-- kind "ints":   { ints, shape, boolean }         integers and booleans (0 and 1), exact, evaluated here
-- kind "floats": { tensor, shape, name }          constants; `name` when they come from an initialiser
-- kind "node":   { node, perm, shape }            an activation: logical axis i is axis perm[i] of the graph node
--                                                 (perm nil: the same), or { reshape_of, shape }: a reshaped
--                                                 value, made into a node when somebody needs it
-- kind "decision": { source }                     what follows an arg-max or a comparison of activations: it has
--                                                 no gradient and may only lead to an output
--
-- `dynamic` marks constants that were computed from the shape of an activation in this very build: true, or a list with
-- one boolean per element (exporters concatenate computed and fixed sizes).
local M = {}

---@class fovea.onnx.Value
---@field kind "ints"|"floats"|"node"|"decision"
---@field shape integer[]
---@field dynamic? boolean|boolean[]

--- Integers of a shape (default: one axis).
---@param ints integer[]
---@param shape? integer[]
---@param dynamic? boolean|boolean[]
---@return fovea.onnx.Value
function M.ints(ints, shape, dynamic)
  return { kind = "ints", ints = ints, shape = shape or { #ints }, dynamic = dynamic or nil }
end

--- The same with 0 and 1 as truth values.
---@param ints integer[]
---@param shape? integer[]
---@param dynamic? boolean|boolean[]
---@return fovea.onnx.Value
function M.booleans(ints, shape, dynamic)
  local value = M.ints(ints, shape, dynamic)
  value.boolean = true
  return value
end

--- A float constant.
---@param tensor fovea.Tensor
---@param name? string of the initialiser
---@param dynamic? boolean|boolean[]
---@return fovea.onnx.Value
function M.floats(tensor, name, dynamic)
  return { kind = "floats", tensor = tensor, shape = tensor:shape(), name = name, dynamic = dynamic or nil }
end

--- An activation; with `perm` its logical axis i is axis perm[i] of the graph node.
---@param node fovea.Node
---@param perm? integer[]
---@return fovea.onnx.Value
function M.node(node, perm)
  local shape = node:shape()
  if perm and M.is_identity(perm) then perm = nil end
  return { kind = "node", node = node, perm = perm, shape = perm and M.permuted(shape, perm) or shape }
end

--- True for integers and float constants.
---@param value fovea.onnx.Value
function M.is_constant(value)
  return value.kind == "ints" or value.kind == "floats"
end

--- Number of elements; infinite where the product leaves the integers.
---@param shape integer[]
---@return number
function M.count(shape)
  local n = 1
  for _, d in ipairs(shape) do
    if d ~= 0 and n > math.maxinteger // math.max(d, 1) then return math.huge end
    n = n * d
  end
  return n
end

--- The elements of a constant as a flat list of numbers.
---@param value fovea.onnx.Value
---@return number[]
function M.numbers(value)
  if value.kind == "ints" then return value.ints end
  return value.tensor:values()
end

--- True when two lists hold the same entries.
---@param a any[]
---@param b any[]
function M.same_list(a, b)
  if #a ~= #b then return false end
  for i = 1, #a do
    if a[i] ~= b[i] then return false end
  end
  return true
end

-- permutations ---------------------------------------------------------------------------------------------------

--- True for 1, 2, 3, ...
---@param perm integer[]
function M.is_identity(perm)
  for i, p in ipairs(perm) do
    if p ~= i then return false end
  end
  return true
end

--- list[perm[1]], list[perm[2]], ...
---@param list any[]
---@param perm integer[]
function M.permuted(list, perm)
  local out = {}
  for i, p in ipairs(perm) do out[i] = list[p] end
  return out
end

--- The permutation that undoes another.
---@param perm integer[]
function M.inverse(perm)
  local out = {}
  for i, p in ipairs(perm) do out[p] = i end
  return out
end

--- N, spatial..., C seen as N, C, spatial...: the layout of TensorFlow.
---@param perm integer[]
function M.is_channels_last(perm)
  local rank = #perm
  if rank < 4 or perm[1] ~= 1 or perm[rank] ~= 2 then return false end
  for i = 2, rank - 1 do
    if perm[i] ~= i + 1 then return false end
  end
  return true
end

--- The permutation of a value whose graph node has its channels first while the file has them last, or nil.
---@param value fovea.onnx.Value
---@return integer[]?
function M.pending(value)
  return value.perm and M.is_channels_last(value.perm) and value.perm or nil
end

--- That permutation.
---@param rank integer
function M.channels_last(rank)
  local perm = { 1 }
  for i = 2, rank - 1 do perm[i] = i + 1 end
  perm[rank] = 2
  return perm
end

-- broadcasting ---------------------------------------------------------------------------------------------------

--- NumPy's rule; nil when the shapes do not fit.
---@param a integer[]
---@param b integer[]
---@return integer[]?
function M.broadcast(a, b)
  local rank, out = math.max(#a, #b), {}
  for i = 1, rank do
    local x, y = a[i - rank + #a] or 1, b[i - rank + #b] or 1
    if x ~= y and x ~= 1 and y ~= 1 then return nil end
    out[i] = x == 1 and y or x
  end
  return out
end

local function strides_in(shape, out)
  local strides, step, offset = {}, 1, #out - #shape
  for i = #out, 1, -1 do
    local d = shape[i - offset] or 1
    strides[i] = d == 1 and 0 or step
    step = step * d
  end
  return strides
end

--- Most elements of a list that is computed here: shapes and index masks are small, a hostile file may ask for more.
M.MAX_ELEMENTS = 1 << 20

--- Fails when a list of integers would have more elements.
---@param count number
function M.check_size(count)
  if count > M.MAX_ELEMENTS then
    error({ message = ("an integer constant of %.0f elements"):format(count), code = "unsupported" }, 0)
  end
end

--- Positions (1-based) in a list of `shape` for each element of the broadcast `out`, in row-major order.
---@param shape integer[]
---@param out integer[]
---@return integer[]
function M.broadcast_positions(shape, out)
  M.check_size(M.count(out))
  local strides, index, positions, at = strides_in(shape, out), {}, {}, 1
  for i = 1, #out do index[i] = 0 end
  for n = 1, M.count(out) do
    positions[n] = at
    for i = #out, 1, -1 do
      index[i], at = index[i] + 1, at + strides[i]
      if index[i] < out[i] then break end
      at = at - strides[i] * out[i]
      index[i] = 0
    end
  end
  return positions
end

--- fn over the broadcast elements of integer lists; returns the list and its shape, or nil.
---@param fn fun(...: integer): integer
---@param ... fovea.onnx.Value
---@return integer[]?
---@return integer[]?
function M.map(fn, ...)
  local values, shape = { ... }, {}
  for _, v in ipairs(values) do
    shape = M.broadcast(shape, v.shape)
    if not shape then return nil end
  end
  local lists, out = {}, {}
  for k, v in ipairs(values) do lists[k] = M.broadcast_positions(v.shape, shape) end
  for n = 1, M.count(shape) do
    local arguments = {}
    for k, v in ipairs(values) do arguments[k] = v.ints[lists[k][n]] end
    out[n] = fn(table.unpack(arguments, 1, #values))
  end
  return out, shape
end

--- True when element i is computed from an activation's shape.
---@param dynamic? boolean|boolean[]
---@param i integer
---@return boolean
function M.is_dynamic(dynamic, i)
  return dynamic == true or (type(dynamic) == "table" and dynamic[i] == true)
end

--- One flag per element in their shortest form: true for all, nil for none.
---@param flags boolean[]
---@return boolean|boolean[]|nil
function M.flags(flags)
  local count = 0
  for _, flag in ipairs(flags) do count = count + (flag and 1 or 0) end
  if count == 0 then return nil end
  return count == #flags or flags
end

--- Flags of an element-wise result: an element is dynamic when one of its operands is.
---@param values fovea.onnx.Value[]
---@param shape integer[] of the result
---@return boolean|boolean[]|nil
function M.merged_flags(values, shape)
  local mixed, flags = false, {}
  for _, v in ipairs(values) do mixed = mixed or type(v.dynamic) == "table" or (v.dynamic and M.count(v.shape) > 1) end
  if not mixed or M.count(shape) > M.MAX_ELEMENTS then return M.any_dynamic(values) end
  for n = 1, M.count(shape) do flags[n] = false end
  for _, v in ipairs(values) do
    if v.dynamic then
      local positions = M.broadcast_positions(v.shape, shape)
      for n, at in ipairs(positions) do flags[n] = flags[n] or M.is_dynamic(v.dynamic, at) end
    end
  end
  return M.flags(flags)
end

--- True when one of the values was computed from an activation's shape.
---@param values table<any, fovea.onnx.Value>
---@return boolean?
function M.any_dynamic(values)
  for _, v in pairs(values) do
    if v.dynamic then return true end
  end
  return nil
end

return M
