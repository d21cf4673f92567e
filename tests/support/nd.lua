--- Small N-d arrays of doubles for naive references: { shape = {...}, data = flat row-major list }.
local M = {}
local nd = {}
nd.__index = nd

--- Number of elements of a shape.
function M.count(shape)
  local n = 1
  for _, d in ipairs(shape) do n = n * d end
  return n
end

function M.new(shape, data)
  local copy = {}
  for i, d in ipairs(shape) do copy[i] = d end
  if not data then
    data = {}
    for i = 1, M.count(shape) do data[i] = 0.0 end
  end
  return setmetatable({ shape = copy, data = data }, nd)
end

function M.from_tensor(t)
  return M.new(t:shape(), t:values())
end

--- Flat position (from 1) of an index list (from 1); nil outside of the array.
function nd:at(index)
  local flat = 0
  for i, d in ipairs(self.shape) do
    local k = index[i]
    if k < 1 or k > d then return nil end
    flat = flat * d + k - 1
  end
  return flat + 1
end

--- Element, or 0 outside.
function nd:get(index)
  local at = self:at(index)
  return at and self.data[at] or 0.0
end

function nd:set(index, value)
  self.data[self:at(index)] = value
end

function nd:add(index, value)
  local at = self:at(index)
  self.data[at] = self.data[at] + value
end

--- Iterates over all index lists of a shape in row-major order; the list is reused.
function M.indices(shape)
  local index, first = {}, true
  for i = 1, #shape do index[i] = 1 end
  local empty = M.count(shape) == 0
  return function()
    if empty then return nil end
    if first then first = false return index end
    for i = #shape, 1, -1 do
      index[i] = index[i] + 1
      if index[i] <= shape[i] then return index end
      index[i] = 1
    end
    return nil
  end
end

--- New array with f(index) at every index.
function M.build(shape, f)
  local out = M.new(shape)
  local i = 0
  for index in M.indices(shape) do
    i = i + 1
    out.data[i] = f(index)
  end
  return out
end

return M
