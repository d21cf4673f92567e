--- What part of the input each node of a graph sees: element i of an axis reads the elements from i * step - before to
--- i * step + after of the input, and none else. It follows from the ops, for those that look at a neighbourhood that
--- moves along with the element (convolutions, pools, element-wise ops, whole upsampling). A node has none when it, or
--- something it comes from, looks at everything or moves in another way (global pools, attention, reshapes).
local M = {}

---@class fovea.Reach one entry per spatial axis
---@field step number[] elements of the input from one element to the next
---@field before number[]
---@field after number[]

local POINTWISE = {}
for kind in ([[relu leaky_relu elu clip sigmoid tanh silu hard_swish gelu mish softplus exp log sqrt abs neg erf
  reciprocal pow hard_sigmoid selu identity dropout prelu batch_norm add sub mul div min max]]):gmatch "%S+" do
  POINTWISE[kind] = true
end

--- Entry of an option with one entry per axis, one for all, or none.
local function entry(list, axis, default)
  local n = #list
  if n == 0 then return default end
  return n == 1 and list[1] or list[axis]
end

--- The same reach, moved on by a function of each axis: step, before, after from those of the source.
local function each_axis(reach, change)
  local made = { step = {}, before = {}, after = {} }
  for axis = 1, #reach.step do
    made.step[axis], made.before[axis], made.after[axis] =
      change(axis, reach.step[axis], reach.before[axis], reach.after[axis])
  end
  return made
end

local function window(reach, options, kernel)
  return each_axis(reach, function(axis, step, before, after)
    local stride, pad = entry(options.stride, axis, kernel[axis]), entry(options.pad, axis, 0)
    local span = (kernel[axis] - 1) * entry(options.dilation or {}, axis, 1)
    return step * stride, before + pad * step, after + (span - pad) * step
  end)
end

local rules = {}

rules.conv = function(node, reach)
  return window(reach, node:options(), table.pack(table.unpack(node:sources()[2]:shape(), 3)))
end

rules.max_pool = function(node, reach)
  local options, kernel = node:options(), {}
  for axis = 1, #reach.step do kernel[axis] = entry(options.kernel, axis) end
  return window(reach, options, kernel)
end

rules.avg_pool = rules.max_pool

rules.conv_transpose = function(node, reach)
  local options, weights = node:options(), node:sources()[2]:shape()
  return each_axis(reach, function(axis, step, before, after)
    local stride, pad = entry(options.stride, axis, 1), entry(options.pad, axis, 0)
    local span = (weights[axis + 2] - 1) * entry(options.dilation, axis, 1)
    return step / stride, before + (span - pad) / stride * step, after + pad / stride * step
  end)
end

--- How many times larger an upsampling makes each axis; nil unless these are whole numbers and positions scale along.
---@param node fovea.Node of kind "resample"
---@return integer[]?
function M.magnification(node)
  local options, from, to, times = node:options(), node:sources()[1]:shape(), node:shape(), {}
  if options.coordinates == "align_corners" then return nil end
  for axis = 1, #from - 2 do
    times[axis] = to[axis + 2] // from[axis + 2]
    if times[axis] < 1 or times[axis] * from[axis + 2] ~= to[axis + 2] then return nil end
    if entry(options.scale, axis, times[axis]) ~= times[axis] then return nil end
  end
  return times
end

rules.resample = function(node, reach)
  local times = M.magnification(node)
  return times and each_axis(reach, function(axis, step, before, after)
    return step / times[axis], before + 1.5 * step, after + step
  end)
end

-- How far beyond its own place a padded element looks, in paddings: into the image, from the border on.
local PAD_LOOKS = { constant = 0, edge = 1, reflect = 2 }

rules.pad = function(node, reach)
  local options = node:options()
  for axis = 1, 2 do
    if entry(options.before, axis, 0) ~= 0 or entry(options.after, axis, 0) ~= 0 then return nil end
  end
  local look = PAD_LOOKS[options.mode]
  return each_axis(reach, function(axis, step, before, after)
    local first, last = entry(options.before, axis + 2, 0), entry(options.after, axis + 2, 0)
    return step, before + (first + look * math.max(0, last)) * step, after + (look * math.max(0, first) - first) * step
  end)
end

local function along_channels(node, reach) return node:options().axis == 2 and reach or nil end
rules.concat, rules.slice, rules.softmax, rules.log_softmax = along_channels, along_channels, along_channels,
  along_channels

--- The reach of several sources together; nil when their elements lie differently.
local function join(reaches)
  local first = reaches[1]
  for i = 2, #reaches do
    for axis, step in ipairs(first.step) do
      if reaches[i].step[axis] ~= step then return nil end
    end
  end
  return each_axis(first, function(axis, step, before, after)
    for i = 2, #reaches do
      before, after = math.max(before, reaches[i].before[axis]), math.max(after, reaches[i].after[axis])
    end
    return step, before, after
  end)
end

--- Whether a value that does not come from the input is the same at all places.
local function is_uniform(node, spatial)
  local shape = node:shape()
  for i = math.max(1, #shape - spatial + 1), #shape do
    if shape[i] ~= 1 then return false end
  end
  return true
end

--- Whether the sources of a node are as its rule takes them: element-wise ops over maps and numbers per channel, the
--- others over maps first and parameters after them.
local function has_fit_sources(node, moves, spatial)
  local kind = node:kind()
  local is_free = POINTWISE[kind] and kind ~= "prelu" and kind ~= "batch_norm"
  for i, source in ipairs(node:sources()) do
    if moves[source:id()] then
      if i > 1 and not is_free and kind ~= "concat" then return false end
    elseif not source:tensor() or (i == 1 or kind == "concat") and not is_free then
      return false
    elseif is_free and not is_uniform(source, spatial) then
      return false
    end
  end
  return true
end

local function reach_of(node, known, moves, shape)
  local kind, own, reaches = node:kind(), node:shape(), {}
  if #own ~= #shape or own[1] ~= shape[1] then return nil end
  if not (POINTWISE[kind] or rules[kind]) or not has_fit_sources(node, moves, #shape - 2) then return nil end
  for _, source in ipairs(node:sources()) do
    if moves[source:id()] then
      if not known[source:id()] then return nil end
      reaches[#reaches + 1] = known[source:id()]
    end
  end
  local joined = join(reaches)
  if not joined or POINTWISE[kind] then return joined end
  return rules[kind](node, joined)
end

--- The reach of the nodes of a graph, by id.
---@param graph fovea.Graph
---@param input fovea.Node
---@return table<integer, fovea.Reach>
function M.analyse(graph, input)
  local shape, known, moves = input:shape(), {}, { [input:id()] = true }
  local own = { step = {}, before = {}, after = {} }
  for axis = 1, #shape - 2 do own.step[axis], own.before[axis], own.after[axis] = 1, 0, 0 end
  known[input:id()] = own
  for _, node in ipairs(graph:nodes()) do
    local id = node:id()
    for _, source in ipairs(node:sources()) do moves[id] = moves[id] or moves[source:id()] end
    if moves[id] and id ~= input:id() then known[id] = reach_of(node, known, moves, shape) end
  end
  return known
end

return M
