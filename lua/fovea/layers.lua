--- Layers: the nodes of a graph that a user may look at. Choosing them by name, pattern or function, the default
--- choice, and what is known of a layer (is it the input of the head?).
local lookup = require "fovea.lookup"
local new_layer = require("fovea.layer").new

local M = {}

local function is_leaf(kind) return kind == "input" or kind == "parameter" or kind == "constant" end

--- All layers of a graph in order, without inputs and parameters.
---@param graph fovea.Graph
---@return fovea.Layer[]
---@return table<string, fovea.Node> nodes by layer name
function M.list(graph)
  local layers, nodes, counted = {}, {}, {}
  for _, node in ipairs(graph:nodes()) do
    local kind = node:kind()
    if not is_leaf(kind) then
      local count = 0
      for _, source in ipairs(node:sources()) do
        if source:kind() == "parameter" and not counted[source:id()] then
          counted[source:id()] = true
          count = count + source:tensor():count()
        end
      end
      layers[#layers + 1] = new_layer { name = node:name(), kind = kind, shape = node:shape(), parameters = count,
        macs = node:macs(), index = #layers + 1 }
      nodes[node:name()] = node
    end
  end
  return layers, nodes
end

--- Whether a heat map can be made of a layer: N C and at least one spatial axis.
---@param layer fovea.Layer
---@return boolean
function M.is_spatial(layer) return #layer.shape >= 3 end

--- Whether a layer can be shown over an input: the batch and the number of axes are those of the input. The tokens and
--- windows of transformers are none.
---@param layer fovea.Layer
---@param input integer[] shape of the input
---@return boolean
function M.is_map(layer, input) return #layer.shape == #input and layer.shape[1] == input[1] end

--- Lua pattern of a glob: "*" any characters, "?" one.
local function glob_pattern(glob)
  return "^" .. glob:gsub("[%^%$%(%)%%%.%[%]%+%-]", "%%%0"):gsub("%*", ".*"):gsub("%?", ".") .. "$"
end

--- Layers that a filter picks: nil (all), a name or glob ("dec*"), a list of those, a function, or a table of
--- `kind`, `name`, `last` and `spatial`.
---@param layers fovea.Layer[]
---@param filter? string|string[]|function|{ kind: string?, name: string?, last: integer?, spatial: boolean? }
---@return fovea.Layer[]
function M.select(layers, filter)
  if filter == nil or filter == "all" then return { table.unpack(layers) } end
  local keep
  if type(filter) == "function" then
    keep = filter
  elseif type(filter) == "string" then
    local pattern = glob_pattern(filter)
    keep = function(layer) return layer.name == filter or layer.name:find(pattern) ~= nil end
  elseif type(filter) == "table" and #filter > 0 then
    local picked = {}
    for _, one in ipairs(filter) do
      for _, layer in ipairs(M.select(layers, one)) do picked[layer.name] = true end
    end
    keep = function(layer) return picked[layer.name] end
  elseif type(filter) == "table" then
    lookup.check_keys(filter, { "kind", "name", "last", "spatial" }, "layers", 2)
    local pattern = filter.name and glob_pattern(filter.name)
    keep = function(layer)
      return (not filter.kind or layer.kind == filter.kind) and (not pattern or layer.name:find(pattern) ~= nil)
        and (filter.spatial == nil or M.is_spatial(layer) == filter.spatial)
    end
  else
    error("layers: a filter is a name, a pattern, a list, a function or a table, not a " .. type(filter), 3)
  end
  local chosen = {}
  for _, layer in ipairs(layers) do
    if keep(layer) then chosen[#chosen + 1] = layer end
  end
  local last = type(filter) == "table" and filter.last
  return last and { table.unpack(chosen, math.max(1, #chosen - last + 1)) } or chosen
end

--- How far a wish is from a name, or from its beginning or end, in edits.
local function distance(wish, name)
  wish, name = wish:lower(), name:lower()
  return math.min(lookup.distance(wish, name), lookup.distance(wish, name:sub(1, #wish)),
    lookup.distance(wish, name:sub(-#wish)))
end

--- Message for a layer that is not there, with the nearest names.
---@param layers fovea.Layer[]
---@param name string
---@return string
function M.unknown(layers, name)
  local ranked = {}
  for i, layer in ipairs(layers) do ranked[i] = { layer.name, distance(name, layer.name), i } end
  table.sort(ranked, function(a, b)
    if a[2] ~= b[2] then return a[2] < b[2] end
    return a[3] < b[3]
  end)
  local names = {}
  for i = 1, math.min(4, #ranked) do names[i] = ranked[i][1] end
  return ("no layer '%s'; the nearest of %d: %s"):format(name, #layers, table.concat(names, ", "))
end

-- structure ----------------------------------------------------------------------------------------------------------

--- Set (by node id) of a node and all it depends on.
local function ancestors(node)
  local seen, stack = { [node:id()] = node }, { node }
  while #stack > 0 do
    for _, source in ipairs(table.remove(stack):sources()) do
      if not seen[source:id()] then
        seen[source:id()] = source
        stack[#stack + 1] = source
      end
    end
  end
  return seen
end

local function extent(shape)
  local n = 1
  for i = 3, #shape do n = n * shape[i] end
  return n
end

--- Linear in each channel by itself: what comes before is the logits in other clothes.
local looked_through = { identity = true, dropout = true, batch_norm = true, resample = true }

--- A convolution that mixes channels at each pixel alone.
local function is_pointwise(node)
  if node:kind() ~= "conv" then return false end
  local src, weights = node:sources()[1]:shape(), node:sources()[2]:shape()
  for i = 3, #weights do
    if weights[i] ~= 1 or node:shape()[i] ~= src[i] then return false end
  end
  return weights[2] == src[2]
end

--- Names of the nodes at which a class activation map only repeats the logits: the logits themselves and the input of
--- a pointwise linear head, seen through identities, resizing and normalisation with fixed statistics (oracle 15).
---@param logits fovea.Node
---@return table<string, boolean> names
---@return fovea.Node head the earliest of them
function M.tautological(logits)
  local names, node = {}, logits
  names[node:name()] = true
  while looked_through[node:kind()] do
    node = node:sources()[1]
    names[node:name()] = true
  end
  if not is_pointwise(node) then return names, node end
  node = node:sources()[1]
  names[node:name()] = true
  while node:kind() == "identity" or node:kind() == "dropout" do
    node = node:sources()[1]
    names[node:name()] = true
  end
  return names, node
end

local pooled_ops = { adaptive_avg_pool = true, global_avg_pool = true, reduce_mean = true, reduce_max = true,
  reduce_sum = true }

--- True for a pool over the image or a large part of it: the bins of a pyramid.
local function pools_widely(node)
  local kind = node:kind()
  if pooled_ops[kind] then return true end
  if kind ~= "avg_pool" and kind ~= "max_pool" then return false end
  local shape = node:shape()
  return extent(node:sources()[1]:shape()) >= 4 ^ (#shape - 2) * extent(shape)
end

-- What these make is no map by itself (tokens, windows, matrices); what those take is one.
local leave_map, make_map = {}, {}
for kind in ("reshape transpose linear matmul expand"):gmatch "%S+" do leave_map[kind] = true end
for kind in ("conv conv_transpose max_pool avg_pool resample batch_norm instance_norm depth_to_space"):gmatch "%S+" do
  make_map[kind] = true
end

--- Whether a node carries pixels: from the grid of the image on, lost where it is rearranged, found again where a
--- convolution or the like takes it for a picture, or where it is added to one.
local function on_grid(node, grid)
  if leave_map[node:kind()] then return false end
  if make_map[node:kind()] then return true end
  for _, source in ipairs(node:sources()) do
    if grid[source:id()] then return true end
  end
  return false
end

--- Nodes on the way from an input to the logits that carry pixels, in order; branches that pooled the whole image
--- (gates, context) are left out until they come back to the size of the map.
local function trunk(graph, logits)
  local wanted, driven, pooled, grid, nodes = ancestors(logits), {}, {}, {}, {}
  for _, node in ipairs(graph:nodes()) do
    local id, shape = node:id(), node:shape()
    if wanted[id] and node:kind() == "input" then
      driven[id], grid[id] = true, true
    elseif wanted[id] and not is_leaf(node:kind()) then
      local narrow = pools_widely(node)
      for _, source in ipairs(node:sources()) do
        driven[id] = driven[id] or driven[source:id()]
        if pooled[source:id()] and extent(source:shape()) == extent(shape) then narrow = true end
      end
      pooled[id], grid[id] = narrow, on_grid(node, grid)
      if driven[id] and grid[id] and not narrow and #shape >= 3 then nodes[#nodes + 1] = node end
    end
  end
  return nodes
end

--- Names of all layers on the way from the input to the logits that carry pixels, in order: the layers of a sweep.
---@param graph fovea.Graph
---@param logits fovea.Node
---@return string[]
function M.path(graph, logits)
  local names = {}
  for i, node in ipairs(trunk(graph, logits)) do names[i] = node:name() end
  return names
end

local spreads = { conv = true, conv_transpose = true, resample = true }


local activations = {}
for kind in ([[relu leaky_relu prelu elu selu gelu silu hard_swish clip tanh mish softplus batch_norm instance_norm
  group_norm add conv conv_transpose]]):gmatch "%S+" do
  activations[kind] = true
end

--- The last node of the smallest spatial extent: the bottleneck. Neither a gate of one channel nor what the head
--- repeats.
local function bottleneck(nodes, head)
  local best
  for _, node in ipairs(nodes) do
    local shape = node:shape()
    local fits = extent(shape) > 1 and shape[2] > 1 and activations[node:kind()] and not head[node:name()]
    if fits and (not best or extent(shape) <= extent(best:shape())) then best = node end
  end
  return best
end

--- The last of a list of nodes that is `of` or something it depends on, and passes the test.
local function last_before(nodes, of, test)
  local before = ancestors(of)
  for i = #nodes, 1, -1 do
    if before[nodes[i]:id()] and test(nodes[i]) then return nodes[i] end
  end
end

--- The last activation before the head that is not the head's own input: a convolution or resizing lies between.
local function last_block(nodes, logits)
  local _, head = M.tautological(logits)
  local spreading = last_before(nodes, head, function(node) return spreads[node:kind()] end)
  return spreading and last_before(nodes, spreading:sources()[1], function(node)
    return activations[node:kind()] and node:shape()[2] > 1
  end)
end

--- Default layers: the bottleneck (smallest spatial extent on the way from the image to the logits) and the last block
--- before the head.
---@param graph fovea.Graph
---@param logits fovea.Node
---@return string[] names
function M.default(graph, logits)
  local nodes = trunk(graph, logits)
  local deepest, last = bottleneck(nodes, (M.tautological(logits))), last_block(nodes, logits)
  local names = { deepest and deepest:name() }
  if last and not (deepest and last:id() == deepest:id()) then names[#names + 1] = last:name() end
  return names
end

return M
