--- Normalisation layers.
local V = require "fovea.import.onnx.value"
local tensor = require "fovea.tensor"

local M = {}

--- Our momentum is the weight of the new batch, ONNX's that of the old value.
local function momentum(c)
  local m = c:attr("momentum", 0.9)
  return m < 1 and 1 - m or nil
end

local function is_trivial(value, number)
  if value.kind ~= "floats" then return false end
  return value.tensor:equal(tensor.full(value.shape, number))
end

--- Statistics of the picture itself: exporters that decompose instance normalisation write a batch normalisation in
--- training mode of 1 x (N C) x ..., whose stored mean and variance are 0 and 1.
local function normalises_itself(c, x)
  return c:attr("training_mode", 0) == 1 and x.shape[1] == 1 and is_trivial(c:input(4), 0) and is_trivial(c:input(5), 1)
end

--- With the stored mean and variance; the graph decides about training.
---@param c fovea.onnx.Context
function M.BatchNormalization(c)
  if normalises_itself(c, c:input(1)) then
    return V.node(c:emit("instance_norm", {
      c:node(c:input(1)), c:source(c:input(2), "scale"), c:source(c:input(3), "shift"),
      epsilon = c:attr("epsilon", 1e-5),
    }))
  end
  if c:attr("spatial", 1) == 0 then c:fail("batch normalisation per pixel (spatial = 0) is not supported") end
  if c:attr("training_mode", 0) == 1 then
    c:warn("batch normalisation was exported in training mode; the stored mean and variance are used")
  end
  return V.node(c:emit("batch_norm", {
    c:node(c:input(1)), c:source(c:input(2), "scale"), c:source(c:input(3), "shift"),
    c:source(c:input(4), "mean"), c:source(c:input(5), "variance"),
    epsilon = c:attr("epsilon", 1e-5), momentum = momentum(c),
  }))
end

--- One value per group -> one per channel.
local function per_channel(c, value, channels)
  local groups = V.count(value.shape)
  if groups == channels then return value end
  return c:derive(value, ("repeat %d"):format(channels), function(t)
    return t:reshape({ groups, 1 }):expand({ groups, channels // groups }):reshape({ channels })
  end)
end

--- Group normalisation as exporters of fixed opsets write it: reshape to N x G x rest, instance norm, reshape back.
local function grouped(c, x, original)
  local scale, shift = c:input(2), c:input(3)
  local channels, groups = original.shape[2], x.shape[2]
  if not (V.is_constant(scale) and V.is_constant(shift)) then return nil end
  local arguments = { c:node(original), groups = groups, epsilon = c:attr("epsilon", 1e-5) }
  if not (is_trivial(scale, 1) and is_trivial(shift, 0)) then
    arguments[2] = c:source(per_channel(c, scale, channels), "scale")
    arguments[3] = c:source(per_channel(c, shift, channels), "shift")
  end
  local out = V.node(c:emit("group_norm", arguments))
  return { kind = "node", reshape_of = out, shape = x.shape, label = c.node_info.label .. ".view" }
end

--- Per sample and channel; group normalisation in disguise where the channels were regrouped before.
---@param c fovea.onnx.Context
function M.InstanceNormalization(c)
  local x = c:input(1)
  local original = x.reshape_of
  if original and #original.shape >= 4 and #x.shape == 3 and not original.perm
    and original.shape[1] == x.shape[1] and original.shape[2] % x.shape[2] == 0 then
    local out = grouped(c, x, original)
    if out then return out end
  end
  local source, rank = c:node(x), #x.shape
  if rank == 3 then
    source = c:emit("reshape", { source, shape = { x.shape[1], x.shape[2], x.shape[3], 1 } }, "view")
  end
  local out = V.node(c:emit("instance_norm", {
    source, c:source(c:input(2), "scale"), c:source(c:input(3), "shift"), epsilon = c:attr("epsilon", 1e-5),
  }))
  return rank == 3 and { kind = "node", reshape_of = out, shape = x.shape, label = c.node_info.label .. ".back" } or out
end

--- One scale per group in operator set 18, one per channel since 21.
---@param c fovea.onnx.Context
function M.GroupNormalization(c)
  local x, groups = c:input(1), c:attr("num_groups")
  if #x.shape < 3 then c:fail("a value of %d dimensions", #x.shape) end
  if not groups or groups < 1 or x.shape[2] % groups ~= 0 then
    c:fail("num_groups %s does not divide %d channels", tostring(groups), x.shape[2])
  end
  return V.node(c:emit("group_norm", {
    c:node(x), c:source(per_channel(c, c:constant(2), x.shape[2]), "scale"),
    c:source(per_channel(c, c:constant(3), x.shape[2]), "shift"),
    groups = groups, epsilon = c:attr("epsilon", 1e-5),
  }))
end

--- Over the axes from `axis` on.
---@param c fovea.onnx.Context
function M.LayerNormalization(c)
  local x = c:input(1)
  for i = 2, 3 do
    local name = c.node_info.outputs[i]
    if name and c.used_values[name] then c:fail("only the first output of LayerNormalization is supported") end
  end
  local axis = c:axis(c:attr("axis", -1), #x.shape)
  return V.node(c:emit("layer_norm", {
    c:node(x), c:weight(2, "scale"), c:weight(3, "shift"), axis = axis, epsilon = c:attr("epsilon", 1e-5),
  }))
end

return M
