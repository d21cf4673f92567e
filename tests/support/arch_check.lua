--- What every architecture must do: the counts of its parameters and multiply-accumulates, candidate layers that exist
--- and can be explained with random weights, and names of other code bases that lead to each parameter once.
local fovea = require "fovea"

local M = {}

--- Asserts the number of trained parameters, and (within a share, 1 %) of multiply-accumulates.
---@param name string
---@param options table
---@param parameters integer
---@param macs? number at shape
---@param shape? integer[] default: that for inspection
---@return fovea.Model
function M.counts(name, options, parameters, macs, shape)
  local model = assert(fovea.arch.model(name, options, nil, { input_shape = shape }))
  local got, work = model:size()
  assert(got == parameters, ("%s: %d parameters wanted, got %d"):format(name, parameters, got))
  if macs then
    assert(math.abs(work - macs) <= 0.01 * macs, ("%s: %g MACs wanted, got %g"):format(name, macs, work))
  end
  return model
end

--- Explains each candidate layer for each output of a small input with random weights: a finite map at the layer's
--- resolution, and the default output is the one that is named.
---@param name string
---@param options table
---@param shape integer[]
---@param explained? string
---@return fovea.Model
function M.explains(name, options, shape, explained)
  local model = assert(fovea.arch.model(name, options, nil, { input_shape = shape, seed = 7 }))
  local candidates = model:candidate_layers()
  local input = fovea.uniform(shape, { seed = 3, min = -1, max = 1 })
  for _, layer in ipairs(candidates) do assert(model:layer(layer).name == layer) end
  for _, output in ipairs(model:outputs()) do
    for _, heat in ipairs(assert(fovea.explain_all(model, input, { layers = candidates, output = output,
      threshold = "quantile:0.8" }))) do
      assert(heat.output == output and heat.status ~= "NONFINITE" and heat.status ~= "EMPTY_TARGET",
        ("%s %s: %s"):format(output, heat.layer, heat.status))
      local want = { table.unpack(model:layer(heat.layer).shape, 3) }
      assert(table.concat(want, "x") == table.concat(heat.raw:shape(), "x"))
    end
  end
  local heat = assert(fovea.explain(model, input))
  assert(heat.output == (explained or model:outputs()[1]), heat.output)
  return model
end

--- Asserts that a map gives every parameter of the network one name, from a list of foreign names.
---@param model fovea.Model
---@param map fun(name: string, shape?: integer[]): string|false|nil
---@param foreign string[]
function M.names(model, map, foreign)
  local open, count = {}, 0
  for _, entry in ipairs(model.parameters) do open[entry.name], count = true, count + 1 end
  for _, name in ipairs(foreign) do
    local own = map(name)
    assert(own ~= nil, ("'%s' has no name here"):format(name))
    if own then
      assert(open[own], ("'%s' is given the name '%s', which is taken or unknown"):format(name, own))
      open[own], count = nil, count - 1
    end
  end
  assert(count == 0, ("%d parameters are left, for example %s"):format(count, tostring(next(open))))
end

--- Names with leaves: { "conv1", { "weight", "bias" } } and so on, each prefixed.
---@param prefix string
---@param layers string[] names; those in `norms` are normalisations
---@param has_bias? boolean of the others
---@param norms? table<string, boolean>
---@return string[]
function M.leaves(prefix, layers, has_bias, norms)
  local list = {}
  for _, layer in ipairs(layers) do
    local leaves = norms and norms[layer] and { "weight", "bias", "running_mean", "running_var" }
      or has_bias and { "weight", "bias" } or { "weight" }
    for _, leaf in ipairs(leaves) do list[#list + 1] = ("%s%s.%s"):format(prefix, layer, leaf) end
  end
  return list
end

return M
