--- Passes through a model: forward, activations and gradients of layers by name. Methods of fovea.Model.
local image_module = require "fovea.image"
local layers = require "fovea.layers"
local preprocess = require "fovea.preprocess"

local M = {}

---@class fovea.Model
local methods = {}
M.methods = methods

--- Raises unless a tensor can be the input.
local function check_input(model, tensor, what)
  if type(tensor) ~= "userdata" then error(("%s: a tensor is expected, not a %s"):format(what, type(tensor)), 3) end
  local dims, shape = model.source.inputs[1].dims, tensor:shape()
  if #dims > 0 and #dims ~= #shape then
    error(("%s: the input has %d axes, the tensor is %s"):format(what, #dims, table.concat(shape, "x")), 3)
  end
  if dims[2] and shape[2] ~= dims[2] then
    error(("%s: the model takes %d channels, the tensor is %s"):format(what, dims[2], table.concat(shape, "x")), 3)
  end
end

--- Runs the forward pass of a plan on a tensor.
---@param instance fovea.Instance
---@param plan fovea.Plan
---@param tensor fovea.Tensor
---@return true? done
---@return string? message
---@return string? code
function methods:run(instance, plan, tensor)
  self.last_input = tensor
  local ok, message, code = plan:set_input(instance.input, tensor)
  if ok then ok, message, code = plan:forward() end
  if not ok then return nil, ("%s: %s"):format(self.path, message), code end
  return true
end

--- The image that the layers of the model show from now on, brought to the model's input.
---@param image fovea.Image|fovea.Tensor an image, or a tensor N x C x [D] x H x W that is already preprocessed
---@return fovea.Tensor? input
---@return string? message
---@return string? code
function methods:use(image)
  local input = image
  if type(image) ~= "userdata" or image:rank() < 4 then
    local made, message, code = preprocess.apply(self.preprocess, image_module.of(image))
    if not made then return nil, message, code end
    input = made
  end
  check_input(self, input, "use")
  self.last_input = input
  return input
end

--- Runs the model. Outputs come as the file has them (logits or probabilities).
---@param tensor fovea.Tensor N x C x [D] x H x W
---@return table<string, fovea.Tensor>? outputs by name, and by position
---@return string? message
---@return string? code
function methods:forward(tensor)
  check_input(self, tensor, "forward")
  local instance, message, code = self:at(tensor:shape())
  if not instance then return nil, message, code end
  local taps = {}
  for i, found in ipairs(instance.outputs) do taps[i] = found.final end
  local plan, why, kind = self:plan(instance, { mode = "infer", taps = taps })
  if not plan then return nil, why, kind end
  local ran, reason, failure = self:run(instance, plan, tensor)
  if not ran then return nil, reason, failure end
  local results = {}
  for i, found in ipairs(instance.outputs) do
    results[i] = assert(plan:value(found.final))
    results[found.name] = results[i]
  end
  return results
end

--- Nodes of layers by name; unknown names raise with the nearest ones.
---@param instance fovea.Instance
---@param names string|table names, layers or a list of those
---@param level integer whose fault it is, as for `error`
---@return fovea.Node[]
function M.nodes_of(instance, names, level)
  local nodes = {}
  for i, name in ipairs(type(names) == "table" and names or { names }) do
    nodes[i] = instance.nodes[type(name) == "table" and name.name or name]
    if not nodes[i] then error(layers.unknown(instance.layers, tostring(name)), level + 1) end
  end
  return nodes
end

--- Activations of layers for an input.
---@param tensor fovea.Tensor
---@param names string|string[]
---@return table<string, fovea.Tensor>? activations by layer name
---@return string? message
---@return string? code
function methods:activations(tensor, names)
  check_input(self, tensor, "activations")
  local instance, message, code = self:at(tensor:shape())
  if not instance then return nil, message, code end
  local nodes = M.nodes_of(instance, names, 2)
  local plan, why, kind = self:plan(instance, { mode = "infer", taps = nodes })
  if not plan then return nil, why, kind end
  local ran, reason, failure = self:run(instance, plan, tensor)
  if not ran then return nil, reason, failure end
  local results = {}
  for _, node in ipairs(nodes) do results[node:name()] = assert(plan:value(node)) end
  return results
end

--- Gradients of sum(seed * logits) with respect to layers, for an input.
---@param tensor fovea.Tensor
---@param names string|string[] layers; "input" stands for the input itself
---@param seed fovea.Tensor shape of the logits of the output
---@param output_name? string default: the first output
---@return table<string, fovea.Tensor>? gradients by layer name
---@return string? message
---@return string? code
function methods:gradients(tensor, names, seed, output_name)
  check_input(self, tensor, "gradients")
  local instance, message, code = self:at(tensor:shape())
  if not instance then return nil, message, code end
  local found = self:output(instance, output_name)
  local nodes = {}
  for i, name in ipairs(type(names) == "table" and names or { names }) do
    nodes[i] = name == "input" and instance.input or M.nodes_of(instance, name, 2)[1]
  end
  local plan, why, kind = self:plan(instance,
    { mode = "explain", taps = { found.logits }, seeds = { found.logits }, gradients = nodes })
  if not plan then return nil, why, kind end
  local ran, reason, failure = self:run(instance, plan, tensor)
  if not ran then return nil, reason, failure end
  assert(plan:set_seed(found.logits, seed))
  assert(plan:backward())
  local results = {}
  for i, name in ipairs(type(names) == "table" and names or { names }) do
    results[name] = assert(plan:gradient(nodes[i]))
  end
  return results
end

return M
