--- Copies of graphs: the same ops over the same weights on another input, and convolutions over a concatenation taken
--- apart, so that the part over what a change hardly reaches can be kept.
local core = require "fovea.core"
local reach = require "fovea.perturb.reach"
local tensor = require "fovea.tensor"

local M = {}

--- All that a node comes from, and itself, in order.
---@param graph fovea.Graph
---@param target fovea.Node
---@return fovea.Node[]
function M.needed(graph, target)
  local wanted, list, nodes = { [target:id()] = true }, {}, graph:nodes()
  for i = #nodes, 1, -1 do
    if wanted[nodes[i]:id()] then
      for _, source in ipairs(nodes[i]:sources()) do wanted[source:id()] = true end
    end
  end
  for _, node in ipairs(nodes) do
    if wanted[node:id()] then list[#list + 1] = node end
  end
  return list
end

--- The same nodes of another graph that was made in the same order.
---@param nodes fovea.Node[]
---@param graph fovea.Graph
---@return fovea.Node[]
function M.twins(nodes, graph)
  local all, list = graph:nodes(), {}
  for i, node in ipairs(nodes) do list[i] = all[node:id()] end
  return list
end

local function through_identity(node)
  while node:kind() == "identity" or node:kind() == "dropout" do node = node:sources()[1] end
  return node
end

--- Adds the sources of a concatenation along the channels, those of concatenations among them instead of these.
local function add_joined(list, node)
  local inner = through_identity(node)
  if inner:kind() ~= "concat" or inner:options().axis ~= 2 then
    list[#list + 1] = node
    return
  end
  for _, source in ipairs(inner:sources()) do add_joined(list, source) end
end

-- Convolutions that add to something are slow unless their channels fill whole vectors.
local VECTOR = 8

--- The sources of the concatenation that a convolution runs over; nil when it runs over something else, or is better
--- not taken apart.
---@param conv fovea.Node
---@return fovea.Node[]?
function M.joined(conv)
  if conv:kind() ~= "conv" then return nil end
  local options, sources, list = conv:options(), conv:sources(), {}
  if options.groups ~= 1 or options.activation ~= "none" or not sources[2]:tensor()
    or conv:shape()[2] % VECTOR ~= 0 then return nil end
  add_joined(list, sources[1])
  return #list > 1 and list or nil
end

--- What is being made: the graph, the new nodes by the id of the old, and halves that wait for their normalisation.
---@class fovea.perturb.Copy
---@field graph fovea.Graph
---@field map table<integer, fovea.Node>

local function leaf(copy, node)
  local make = node:kind() == "parameter" and copy.graph.param or copy.graph.constant
  return make(copy.graph, node:tensor(), { name = node:name() })
end

local function mapped(copy, sources)
  local list = {}
  for i, source in ipairs(sources) do list[i] = copy.map[source:id()] end
  return list
end

--- A part of a convolution over a concatenation: over those sources for which `keep` holds.
local function half(copy, conv, keep, with_bias, suffix)
  local weights, sources, taken, first = conv:sources()[2]:tensor(), {}, {}, 0
  for _, source in ipairs(M.joined(conv)) do
    local channels = source:shape()[2]
    if keep(source) then
      sources[#sources + 1] = copy.map[source:id()]
      taken[#taken + 1] = weights:slice(2, first + 1, first + channels)
    end
    first = first + channels
  end
  sources.axis, taken[1] = 2, #taken == 1 and taken[1]:copy() or assert(tensor.concat(taken, 2))
  local name = conv:name() .. suffix
  local list = { #sources == 1 and sources[1] or copy.graph:concat(sources), copy.graph:constant(taken[1]) }
  local bias = conv:sources()[3]
  if with_bias and bias then list[3] = copy.map[bias:id()] end
  return conv:again(list, name)
end

--- The other half of a normalisation: scaled, not shifted.
local function scaled(copy, norm, source)
  local list, zeros = mapped(copy, norm:sources()), copy.graph:constant(assert(tensor.zeros { norm:shape()[2] }))
  list[1], list[3], list[4] = source, zeros, zeros
  return norm:again(list, norm:name() .. ".far")
end

--- A convolution, or the normalisation that alone follows it, as a sum of two.
local function sum(copy, node, near, far)
  return copy.graph:add { far, near, name = node:name() }
end

local function take_apart(copy, node, near, users)
  local keep = near[node:id()]
  local close = half(copy, node, function(source) return keep[source:id()] end, true, ".near")
  local other = half(copy, node, function(source) return not keep[source:id()] end, false, ".far")
  local user = users[node:id()]
  if user and user:kind() == "batch_norm" then
    copy.halves[node:id()] = { close, other }
    return nil
  end
  return sum(copy, node, close, other)
end

local function again(copy, node)
  local sources = node:sources()
  local halves = node:kind() == "batch_norm" and copy.halves[sources[1]:id()]
  if not halves then return node:again(mapped(copy, sources), node:name()) end
  local list = mapped(copy, sources)
  list[1] = halves[1]
  return sum(copy, node, node:again(list, node:name() .. ".near"), scaled(copy, node, halves[2]))
end

--- The only user of each node that has one, among some.
local function only_users(nodes)
  local users, several = {}, {}
  for _, node in ipairs(nodes) do
    for _, source in ipairs(node:sources()) do
      local id = source:id()
      several[id] = several[id] or (users[id] ~= nil)
      users[id] = node
    end
  end
  for id in pairs(several) do
    if several[id] then users[id] = nil end
  end
  return users
end

--- A copy of what a node comes from. near: by the id of a convolution over a concatenation, the set of ids of sources
--- that make one of its halves; the sum of both stands for it (within rounding).
---@param graph fovea.Graph
---@param target fovea.Node
---@param near? table<integer, table<integer, boolean>>
---@return fovea.perturb.Copy copy with `input` and `target`
function M.whole(graph, target, near)
  local copy, nodes = { graph = assert(core.graph()), map = {}, halves = {} }, M.needed(graph, target)
  local users = only_users(nodes)
  for _, node in ipairs(nodes) do
    local id, kind = node:id(), node:kind()
    if kind == "input" then
      copy.map[id] = copy.graph:input(node:shape(), { name = node:name() })
      copy.input = copy.map[id]
    elseif node:tensor() then
      copy.map[id] = leaf(copy, node)
    elseif near and near[id] and id ~= target:id() then
      copy.map[id] = take_apart(copy, node, near, users)
    else
      copy.map[id] = again(copy, node)
    end
  end
  copy.target = copy.map[target:id()]
  return copy
end

--- A resampling by its factors: its size belongs to the whole input.
local function magnify(copy, node)
  local options = node:options()
  return copy.graph:resample { copy.map[node:sources()[1]:id()], scale = reach.magnification(node), mode = options.mode,
    coordinates = options.coordinates, rounding = options.rounding, name = node:name() }
end

--- A copy of some nodes (with what they come from, all of which has a reach) over an input of another size.
---@param nodes fovea.Node[] in order, the input among them
---@param shape integer[] of the input
---@return fovea.perturb.Copy
function M.part(nodes, shape)
  local copy = { graph = assert(core.graph()), map = {}, halves = {} }
  for _, node in ipairs(nodes) do
    for _, source in ipairs(node:sources()) do
      if source:tensor() and not copy.map[source:id()] then copy.map[source:id()] = leaf(copy, source) end
    end
    local id, kind = node:id(), node:kind()
    if kind == "input" then
      copy.map[id] = copy.graph:input(shape, { name = node:name() })
    elseif kind == "resample" then
      copy.map[id] = magnify(copy, node)
    else
      copy.map[id] = again(copy, node)
    end
  end
  return copy
end

return M
