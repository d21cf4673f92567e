-- A graph that only records what is asked of it and infers shapes, so that importers can be tested op by op:
-- g.calls lists { op, name, sources, options, shape }.
local M = {}

local Node = {}
Node.__index = Node

function Node:shape() return table.move(self.dims, 1, #self.dims, 1, {}) end
function Node:name() return self.label end
function Node:kind() return self.op end

local Graph = {}

local function count(shape)
  local n = 1
  for _, d in ipairs(shape) do n = n * d end
  return n
end

local function broadcast(a, b)
  local out, rank = {}, math.max(#a, #b)
  for i = 1, rank do
    local x, y = a[i - rank + #a] or 1, b[i - rank + #b] or 1
    if x ~= y and x ~= 1 and y ~= 1 then
      error(("shapes %s and %s"):format(table.concat(a, "x"), table.concat(b, "x")), 0)
    end
    out[i] = math.max(x, y)
  end
  return out
end

local rules = {}

local function same(src) return src[1] end

local function window(src, o, kernel, channels)
  local out = { src[1][1], channels }
  for i, k in ipairs(kernel) do
    local extent = ((o.dilation or {})[i] or 1) * (k - 1) + 1
    local room = src[1][i + 2] + o.pad[i] + o.pad_end[i] - extent
    local stride = o.stride[i]
    out[i + 2] = (o.ceil and (room + stride - 1) or room) // stride + 1
    if out[i + 2] < 1 then error("the kernel is bigger than the source", 0) end
  end
  return out
end

function rules.conv(src, o)
  local w = src[2]
  if src[1][2] ~= w[2] * o.groups then error(("%d channels, weights for %d"):format(src[1][2], w[2] * o.groups), 0) end
  return window(src, o, table.move(w, 3, #w, 1, {}), w[1])
end

function rules.conv_transpose(src, o)
  local w, out = src[2], { src[1][1], src[2][2] * o.groups }
  for i = 3, #w do
    local k = i - 2
    out[i] = o.stride[k] * (src[1][i] - 1) + o.output_pad[k] + (w[i] - 1) * o.dilation[k] + 1 - o.pad[k] - o.pad_end[k]
  end
  return out
end

function rules.max_pool(src, o) return window(src, o, o.kernel, src[1][2]) end
rules.avg_pool = rules.max_pool

function rules.adaptive_avg_pool(src, o)
  return { src[1][1], src[1][2], table.unpack(o.size) }
end

function rules.global_avg_pool(src)
  local out = { src[1][1], src[1][2] }
  for i = 3, #src[1] do out[i] = 1 end
  return out
end

function rules.linear(src)
  local out = table.move(src[1], 1, #src[1], 1, {})
  if out[#out] ~= src[2][2] then error(("%d features, weights for %d"):format(out[#out], src[2][2]), 0) end
  out[#out] = src[2][1]
  return out
end

function rules.matmul(src, o)
  local a, b = src[1], src[2]
  local rows, inner = a[#a - 1], a[#a]
  local inner_b, columns = b[#b - 1], b[#b]
  if o.transpose_a then rows, inner = inner, rows end
  if o.transpose_b then inner_b, columns = columns, inner_b end
  if inner ~= inner_b then error(("inner sizes %d and %d"):format(inner, inner_b), 0) end
  local out = broadcast(table.move(a, 1, #a - 2, 1, {}), table.move(b, 1, #b - 2, 1, {}))
  out[#out + 1], out[#out + 2] = rows, columns
  return out
end

for _, op in ipairs { "add", "sub", "mul", "div", "min", "max" } do
  rules[op] = function(src) return broadcast(src[1], src[2]) end
end

function rules.concat(src, o)
  local out = table.move(src[1], 1, #src[1], 1, {})
  for i = 2, #src do
    for axis, d in ipairs(src[i]) do
      if axis ~= o.axis and d ~= out[axis] then error(("axis %d: %d and %d"):format(axis, out[axis], d), 0) end
    end
    out[o.axis] = out[o.axis] + src[i][o.axis]
  end
  return out
end

function rules.slice(src, o)
  local out = table.move(src[1], 1, #src[1], 1, {})
  out[o.axis] = (o.last - o.first) // o.step + 1
  return out
end

function rules.pad(src, o)
  local out = {}
  for i, d in ipairs(src[1]) do out[i] = d + o.before[i] + o.after[i] end
  return out
end

function rules.resample(src, o)
  return { src[1][1], src[1][2], table.unpack(o.size) }
end

function rules.reshape(src, o)
  if count(src[1]) ~= count(o.shape) then error("the number of elements changes", 0) end
  return o.shape
end

function rules.transpose(src, o)
  local out = {}
  for i, p in ipairs(o.permutation) do out[i] = src[1][p] end
  return out
end

function rules.expand(_, o) return o.shape end

local function reduce(src, o)
  local gone, out = {}, {}
  for _, a in ipairs(o.axes) do gone[a] = true end
  for i, d in ipairs(src[1]) do
    if not gone[i] then out[#out + 1] = d elseif o.keep_dims ~= false then out[#out + 1] = 1 end
  end
  return out
end
rules.reduce_mean, rules.reduce_sum, rules.reduce_max = reduce, reduce, reduce

local function blocks(src, b, spread)
  local out = { src[1][1], spread and src[1][2] // b ^ (#src[1] - 2) or src[1][2] * b ^ (#src[1] - 2) }
  out[2] = math.tointeger(out[2])
  for i = 3, #src[1] do out[i] = spread and src[1][i] * b or src[1][i] // b end
  return out
end
function rules.depth_to_space(src, o) return blocks(src, o.block, true) end
function rules.space_to_depth(src, o) return blocks(src, o.block, false) end

for _, op in ipairs {
  "batch_norm", "instance_norm", "group_norm", "layer_norm", "softmax", "log_softmax", "relu", "sigmoid", "tanh",
  "silu", "hard_swish", "exp", "log", "sqrt", "abs", "erf", "mish", "softplus", "neg", "reciprocal", "leaky_relu",
  "elu", "selu", "gelu", "hard_sigmoid", "clip", "pow", "prelu", "identity",
} do
  rules[op] = same
end

local function add(g, op, label, shape, sources, options, tensor)
  if g.names[label] then error(("the name '%s' is taken"):format(label), 0) end
  local node = setmetatable({
    op = op, label = label, dims = table.move(shape, 1, #shape, 1, {}), sources = sources, options = options,
    tensor = tensor,
  }, Node)
  g.names[label] = node
  g.calls[#g.calls + 1] = node
  return node
end

function Graph:input(shape, options) return add(self, "input", options.name, shape, {}, {}) end
function Graph:param(tensor, options) return add(self, "param", options.name, tensor:shape(), {}, {}, tensor) end
function Graph:constant(tensor, options) return add(self, "constant", options.name, tensor:shape(), {}, {}, tensor) end

--- The calls that are no inputs and weights, or only those of an op.
function Graph:ops(op)
  local list = {}
  for _, node in ipairs(self.calls) do
    local leaf = node.op == "input" or node.op == "param" or node.op == "constant"
    if node.op == op or (not op and not leaf) then list[#list + 1] = node end
  end
  return list
end

--- "conv relu add": the ops in order.
function Graph:text()
  local list = {}
  for i, node in ipairs(self:ops()) do list[i] = node.op end
  return table.concat(list, " ")
end

local function index(_, op)
  if Graph[op] then return Graph[op] end
  local rule = rules[op]
  if not rule then return nil end
  return function(g, arguments)
    local sources, shapes, options = {}, {}, {}
    for key, value in pairs(arguments) do
      if math.type(key) ~= "integer" then options[key] = value end
    end
    for i, source in ipairs(arguments) do
      assert(getmetatable(source) == Node, op .. ": a source is no node")
      sources[i], shapes[i] = source, source.dims
    end
    return add(g, op, assert(arguments.name), rule(shapes, options), sources, options)
  end
end

function M.new()
  return setmetatable({ calls = {}, names = {} }, { __index = index })
end

return M
