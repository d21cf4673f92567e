--- What an output of a model means: where its logits are and which activation makes probabilities of them. A sigmoid
--- or softmax at the end is looked through, also when only moves of values follow (slices, reshapes, transpositions) or
--- when several sigmoids are joined (several heads in one output).
local lookup = require "fovea.lookup"

local M = {}

---@class fovea.Output
---@field name string
---@field final fovea.Node the output as the file has it
---@field logits fovea.Node the node whose values the logit score sums
---@field activation "sigmoid"|"softmax"|"none" from logits to probabilities
---@field in_graph boolean the activation is a node of the graph

M.ACTIVATIONS = { "sigmoid", "softmax", "none" }

--- Activations that give probabilities, or their logarithm, by kind of node.
local ENDS = { sigmoid = "sigmoid", softmax = "softmax", log_softmax = "softmax" }

--- The node behind identities (dropout is one outside of training).
local function through_identity(node)
  while node:kind() == "identity" or node:kind() == "dropout" do node = node:sources()[1] end
  return node
end

--- Concatenation of sigmoids along the channels: the concatenated logits, a new node.
local function joined_logits(graph, node)
  local logits = {}
  for i, source in ipairs(node:sources()) do
    source = through_identity(source)
    if source:kind() ~= "sigmoid" then return nil end
    logits[i] = source:sources()[1]
  end
  local channels = 0
  for _, l in ipairs(logits) do channels = channels + (l:shape()[2] or 0) end
  if channels ~= node:shape()[2] then return nil end
  logits.axis, logits.name = 2, node:name() .. ".logits"
  return graph:concat(logits)
end

--- Ops that only move values.
local MOVES = { slice = true, reshape = true, transpose = true }

--- The same moves on the logits of a sigmoid: a new node. Behind a softmax the logits of all classes count, so nothing
--- is moved: class numbers are those of the softmax.
local function moved_logits(moves, source)
  for i = #moves, 1, -1 do source = moves[i]:again(source, moves[i]:name() .. ".logits") end
  return source
end

--- The activation behind moves of values, with the moves on the way; nil when there is none.
local function behind_moves(node)
  local moves = {}
  while MOVES[node:kind()] do
    moves[#moves + 1] = node
    node = through_identity(node:sources()[1])
  end
  if #moves == 0 or not ENDS[node:kind()] then return nil end
  for _, move in ipairs(moves) do -- a softmax over another axis than the second would not be seen here
    if node:kind() ~= "sigmoid" and move:kind() ~= "slice" then return nil end
  end
  return node, moves
end

--- Finds the logits of an output.
---@param graph fovea.Graph
---@param name string
---@param final fovea.Node
---@return fovea.Output
function M.find(graph, name, final)
  local node = through_identity(final)
  local kind, found = node:kind(), { name = name, final = final, in_graph = true }
  if ENDS[kind] then
    found.logits, found.activation = node:sources()[1], ENDS[kind]
  elseif kind == "concat" then
    found.logits = joined_logits(graph, node)
    found.activation = "sigmoid"
  else
    local last, moves = behind_moves(node)
    if last then
      found.activation = ENDS[last:kind()]
      found.logits = last:sources()[1]
      if last:kind() == "sigmoid" then found.logits = moved_logits(moves, found.logits) end
    end
  end
  if not found.logits then
    found.logits, found.in_graph = final, false
    found.activation = (final:shape()[2] or 1) == 1 and "sigmoid" or "softmax"
  end
  return found
end

--- The activation to use: what the caller says, or what was found.
---@param output fovea.Output
---@param wish? string
---@return string
function M.activation(output, wish)
  if wish == nil then return output.activation end
  for _, known in ipairs(M.ACTIVATIONS) do
    if wish == known then return wish end
  end
  error(lookup.unknown("explain: unknown activation", wish, M.ACTIVATIONS), 0)
end

--- Probabilities from logits.
---@param logits fovea.Tensor N x K x [D] x H x W
---@param activation string
---@return fovea.Tensor
function M.probabilities(logits, activation)
  if activation == "sigmoid" then return logits:sigmoid() end
  if activation == "softmax" then return logits:softmax(2) end
  return logits
end

return M
