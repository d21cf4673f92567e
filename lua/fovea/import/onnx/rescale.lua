--- Sizes that an exporter wrote as constants, when the graph is built for another input size than the file declares.
--
-- The importer then walks the file twice: once at its own size, to learn the shape that every value had there
-- (`c.declared`), and once at the wanted size. A constant size is translated with what is known from both walks:
--
--   1. a size equal to that of the operator's own source becomes the source's new size;
--   2. a spatial size that another value had in the file becomes that value's new size (the skip connection or the
--      input image that the original program asked for its size);
--   3. a source that did not change keeps the constant; one that scaled by a whole ratio scales it;
--   4. anything else is refused, with the advice to export with dynamic axes.
local V = require "fovea.import.onnx.value"
local tensor = require "fovea.tensor"

local M = {}

local function refuse(c, what)
  c:fail("%s fixed in the file and does not follow the input size; export the model with dynamic axes", what)
end

local function key(shape)
  return table.concat(shape, "x", 3)
end

--- Remembers how a value's spatial size changed. Called for every activation in the second walk.
---@param c fovea.onnx.Context
---@param name string of the value
---@param shape integer[]
function M.observe(c, name, shape)
  local declared = c.declared and c.declared[name]
  if not declared or #declared ~= #shape or #shape < 3 then return end
  local list = c.spatial_sizes[key(declared)] or {}
  c.spatial_sizes[key(declared)] = list
  list[#list + 1] = { from = declared, to = shape }
end

--- The new shape of values whose spatial size in the file was that of `wanted`; nil when there is none or they differ.
local function counterpart(c, wanted, old, new)
  local found
  for _, entry in ipairs(c.spatial_sizes[key(wanted)] or {}) do
    local to = entry.to
    if found and key(found) ~= key(to) then
      -- values disagree: those that changed by the same ratio as the source decide
      local function fits(shape)
        for i = 3, #shape do
          if shape[i] * old[i] ~= wanted[i] * new[i] then return false end
        end
        return true
      end
      if fits(found) == fits(to) then return nil end
      found = fits(found) and found or to
    else
      found = to
    end
  end
  return found
end

--- `sizes` (constants of the file, one per axis) of an operator that turns a value of shape `old` into one of that
--- size, for a source of shape `new`.
---@param c fovea.onnx.Context
---@param sizes integer[]
---@param old integer[] shape of the source at the file's size
---@param new integer[] shape of the source now
---@param dynamic? boolean[] entries that were computed for this build and stay
---@return integer[]
function M.sizes(c, sizes, old, new, dynamic)
  local rank, out = #sizes, {}
  if #old ~= rank or #new ~= rank then return sizes end
  local same_space, computed = true, false
  for i = 1, rank do
    local fixed = not V.is_dynamic(dynamic, i)
    out[i] = fixed and sizes[i] == old[i] and new[i] or sizes[i]
    if i > 2 then
      same_space = same_space and (not fixed or sizes[i] == old[i])
      computed = computed or not fixed
    end
  end
  local batch = c.declared_batch
  if not V.is_dynamic(dynamic, 1) and sizes[1] ~= old[1] and batch and sizes[1] == batch[1] then out[1] = batch[2] end
  if same_space or rank < 3 then return out end
  local other = not computed and counterpart(c, sizes, old, new)
  for i = 3, rank do
    if V.is_dynamic(dynamic, i) then
      out[i] = sizes[i]
    elseif other then
      out[i] = other[i]
    elseif new[i] == old[i] then
      out[i] = sizes[i]
    elseif (sizes[i] * new[i]) % old[i] == 0 then
      out[i] = sizes[i] * new[i] // old[i]
    else
      refuse(c, ("the size %d of axis %d is"):format(sizes[i], i))
    end
  end
  return out
end

--- Shape that the current node's input i had at the file's own size, nil when that is being built or not known.
---@param c fovea.onnx.Context
---@param i integer
function M.declared_shape(c, i)
  return c.declared and c.declared[c.node_info.inputs[i]]
end

--- As M.sizes for the spatial axes alone, of the value at input i.
---@param c fovea.onnx.Context
---@param wanted integer[]
---@param value fovea.onnx.Value
---@param i integer
function M.spatial(c, wanted, value, i)
  local old = M.declared_shape(c, i)
  if not old then return wanted end
  local full = { old[1], old[2] }
  for k, size in ipairs(wanted) do full[k + 2] = size end
  local out = M.sizes(c, full, old, value.shape)
  return table.move(out, 3, #out, 1, {})
end

--- A constant that is one number at every pixel of the file's own size, such as the first state of a recurrent layer,
--- at the size of this build; other constants as they are.
---@param c fovea.onnx.Context
---@param value fovea.onnx.Value
---@return fovea.onnx.Value
function M.uniform(c, value)
  local shape = value.shape
  local constant = value.kind == "floats" and #shape >= 4 and V.count(shape) > shape[1] * shape[2]
  if not c.declared or not constant then return value end
  local other = counterpart(c, shape, shape, shape)
  if not other or value.tensor:min() ~= value.tensor:max() then return value end
  local new, batch = { shape[1], shape[2], table.unpack(other, 3) }, c.declared_batch
  if batch and shape[1] == batch[1] then new[1] = batch[2] end
  return V.floats(tensor.full(new, value.tensor:min()), nil, value.dynamic)
end

-- reshape ------------------------------------------------------------------------------------------------------------

--- Splits both shapes into runs with equal products: {a, b, c, d} = input axes a..b against output axes c..d.
local function runs(old, out)
  local list, i, j = {}, 1, 1
  while i <= #old or j <= #out do
    local i0, j0 = i, j
    local p, q = old[i] or 1, out[j] or 1
    i, j = i + 1, j + 1
    while p ~= q do
      if p < q and i <= #old then
        p, i = p * old[i], i + 1
      elseif p > q and j <= #out then
        q, j = q * out[j], j + 1
      else
        return nil
      end
    end
    list[#list + 1] = { i0, math.min(i - 1, #old), j0, math.min(j - 1, #out) }
  end
  return list
end

local function product(shape, first, last)
  local p = 1
  for i = first, last do p = p * shape[i] end
  return p
end

--- One axis split into the spatial axes of a picture: their new sizes are those of the values that had them.
local function unflatten(c, out, run, total)
  local shape = { 0, 0 }
  for j = run[3], run[4] do shape[#shape + 1] = out[j] end
  local other = counterpart(c, shape, shape, shape)
  if not other or product(other, 3, #other) ~= total then return nil end
  return table.move(other, 3, #other, 1, {})
end

--- One entry of the run was written as -1: the others stay.
local function take_rest(written, out, run, total)
  local others, at = 1, nil
  for j = run[3], run[4] do
    if written[j] == -1 then at = j else others = others * out[j] end
  end
  if not at or total % others ~= 0 then return nil end
  local sizes = {}
  for j = run[3], run[4] do sizes[#sizes + 1] = j == at and total // others or out[j] end
  return sizes
end

--- Pictures cut into tiles (PixelUnshuffle): every spatial axis becomes two, and the second, the side of the tile,
--- stays. Returns that side, nil for other reshapes.
local function tile_side(groups, old, out)
  local side, cut = nil, 0
  for _, run in ipairs(groups) do
    local single, last = run[1] == run[2], out[run[4]]
    if single and run[4] == run[3] + 1 and #old >= 4 then
      if side and side ~= last then return nil end
      side, cut = last, cut + 1
    end
  end
  return cut == #old - 2 and side or nil
end

local function tiles(side, run, total)
  if not side or run[1] ~= run[2] or run[4] ~= run[3] + 1 or total % side ~= 0 then return nil end
  return { total // side, side }
end

--- Target shape of a Reshape with constants.
---@param c fovea.onnx.Context
---@param written integer[] as in the file, with 0 and -1
---@param out integer[] what it meant at the file's size
---@param old integer[] shape of the source at the file's size
---@param new integer[] shape of the source now
function M.reshape(c, written, out, old, new)
  local groups = runs(old, out) or refuse(c, "its target shape is")
  local result, side = {}, tile_side(groups, old, out)
  for _, run in ipairs(groups) do
    local before, total = product(old, run[1], run[2]), product(new, run[1], run[2])
    local sizes
    if run[3] > run[4] then
      sizes = total == 1 and {} or nil
    elseif run[3] == run[4] then
      sizes = { total }
    elseif before == total then
      sizes = table.move(out, run[3], run[4], 1, {})
    else
      sizes = tiles(side, run, total) or unflatten(c, out, run, total) or take_rest(written, out, run, total)
    end
    if not sizes then refuse(c, "its target shape is") end
    table.move(sizes, 1, #sizes, #result + 1, result)
  end
  if V.count(result) ~= V.count(new) then refuse(c, "its target shape is") end
  return result
end

return M
