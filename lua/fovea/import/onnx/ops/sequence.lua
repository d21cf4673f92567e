--- Sequences of values: how PyTorch's newer exporter writes split, chunk and unbind when nothing simplifies the file
--- afterwards. They exist only while the graph is built.
local slices = require "fovea.import.onnx.slices"

local M = {}

local function sequence(list)
  return { kind = "sequence", list = list, shape = { #list } }
end

local function sequence_input(c, i)
  local value = c:input(i)
  if value.kind ~= "sequence" then c:fail("input %d must be a sequence", i) end
  return value.list
end

--- Sizes of the parts: a list, one size for all parts, or single elements.
local function part_sizes(c, size)
  local given = c:optional(2)
  local sizes = c:list(nil, 2)
  if given and #given.shape == 1 then return sizes, true end
  local each, parts = sizes and sizes[1] or 1, {}
  if each < 1 then c:fail("parts of size %d", each) end
  for first = 1, size, each do parts[#parts + 1] = math.min(each, size - first + 1) end
  return parts, given ~= nil
end

--- The parts of an axis.
---@param c fovea.onnx.Context
function M.SplitToSequence(c)
  local x = c:input(1)
  local axis = c:axis(c:attr("axis", 0), #x.shape)
  local sizes, keep = part_sizes(c, x.shape[axis])
  local list = slices.parts(c, x, axis, sizes)
  if keep or c:attr("keepdims", 1) == 1 then return sequence(list) end
  local shape = table.move(x.shape, 1, axis - 1, 1, {})
  table.move(x.shape, axis + 1, #x.shape, axis, shape)
  for i, part in ipairs(list) do list[i] = c:view(part, shape) end
  return sequence(list)
end

--- A sequence of the inputs.
---@param c fovea.onnx.Context
function M.SequenceConstruct(c)
  return sequence(c:inputs())
end

--- One element, by a constant position.
---@param c fovea.onnx.Context
function M.SequenceAt(c)
  local list, position = sequence_input(c, 1), c:list(nil, 2)[1]
  return list[position < 0 and position + #list + 1 or position + 1]
    or c:fail("element %d of a sequence of %d", position, #list)
end

return M
