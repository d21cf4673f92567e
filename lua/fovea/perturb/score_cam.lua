--- M12, Score-CAM: R = sum_k beta_k A_k, where beta comes from the scores of the input seen through each channel of a
--- layer, stretched to 0..1 and enlarged to the input (1910.01279).
local core = require "fovea.core"
local lookup = require "fovea.lookup"
local result = require "fovea.perturb.result"
local tensor = require "fovea.tensor"

local M = {}

local WEIGHTINGS = { "softmax", "score_increase" }

--- The channels that count, and which they are: not constant, the most varied ones when only some are wanted.
local function choose_channels(activation, most)
  local flat = activation:reshape { activation:shape()[2], activation:count() // activation:shape()[2] }
  local spread = (flat:max { 2 } - flat:min { 2 }):values()
  local variance, list = flat:var { 2 }:values(), {}
  for k, range in ipairs(spread) do
    if range > 0 then list[#list + 1] = k end
  end
  table.sort(list, function(a, b)
    if variance[a] ~= variance[b] then return variance[a] > variance[b] end
    return a < b
  end)
  list = table.move(list, 1, math.min(#list, most or #list), 1, {})
  table.sort(list)
  return list
end

--- Masks of channels: enlarged linearly, then stretched to 0..1.
local function masks_of(activation, channels, size)
  return function(first, last)
    local masks = {}
    for i = first, last do
      local one = activation:slice(2, channels[i], channels[i]):resize { mode = "linear", table.unpack(size) }
      local low, high = one:min(), one:max()
      masks[#masks + 1] = ((one - low) / (high > low and high - low or 1)):reshape { 1, table.unpack(size) }
    end
    return #masks == 1 and masks[1] or assert(tensor.concat(masks, 1))
  end
end

--- Weights from scores; those of channels that were left out are 0.
local function weights_of(scores, record, blank)
  local weights, sum, best = {}, 0, math.max(table.unpack(scores))
  for i, score in ipairs(scores) do
    weights[i] = record.weighting == "softmax" and math.exp((score - best) / record.temperature)
      or math.max(0, score - blank)
    sum = sum + weights[i]
  end
  for i, weight in ipairs(weights) do weights[i] = sum > 0 and weight / sum or 0 end
  return weights
end

local function read_options(engine, options)
  lookup.check_keys(options, { "layer", "channels", "weighting", "temperature" }, "score_cam", -2)
  local record = { weighting = "softmax", temperature = 1 }
  for key, value in pairs(options or {}) do record[key] = value end
  record.layer = record.layer or engine.model:default_layers(engine.job.options.output)[1]
  if not (record.weighting == "softmax" or record.weighting == "score_increase") then
    error(lookup.unknown("score_cam: unknown weighting", record.weighting, WEIGHTINGS), 0)
  end
  if type(record.temperature) ~= "number" or not (record.temperature > 0) then
    error(("score_cam: option 'temperature' must be positive, not %s"):format(tostring(record.temperature)), 0)
  end
  return record
end

--- A Score-CAM map.
---@param engine fovea.perturb.Engine
---@param options? { layer: string?, channels: integer?, weighting: string?, temperature: number? } layer (default: the
--- bottleneck); channels: only so many, those with the largest variance; weighting: "softmax" of the scores divided by
--- the temperature (1), or "score_increase", in proportion to what a channel adds to the score of the baseline
---@return fovea.Heatmap? map `perturbation` has channels (how many were scored) and largest (weight)
---@return string? message
---@return string? code
function M.map(engine, options)
  local record, start, size = read_options(engine, options), core.clock(), result.size(engine)
  local activations, message, code = engine.model:activations(engine.input, record.layer)
  if not activations then return nil, message, code end
  local activation = activations[record.layer]
  local fields = { method = "score_cam", layer = record.layer, layer_shape = activation:shape(), perturbation = record }
  local channels = choose_channels(activation, record.channels)
  record.channels = #channels
  if not result.has_target(engine) or #channels == 0 then
    fields.seconds = 0
    return result.heatmap(engine, assert(tensor.zeros { table.unpack(activation:shape(), 3) }), fields)
  end
  local make, last = masks_of(activation, channels, size), #channels + 1
  local scores, why, kind = engine:masks(function(from, to)
    if to < last then return make(from, to) end
    local blank = assert(tensor.zeros { 1, table.unpack(size) })
    return from == last and blank or assert(tensor.concat({ make(from, last - 1), blank }, 1))
  end, last)
  if not scores then return nil, why, kind end
  local weights, all = weights_of(table.move(scores, 1, #channels, 1, {}), record, scores[last]), {}
  for k = 1, activation:shape()[2] do all[k] = 0 end
  for i, k in ipairs(channels) do all[k] = weights[i] end
  record.largest = math.max(table.unpack(weights))
  local alpha = { 1, #all }
  for axis = 3, activation:rank() do alpha[axis] = 1 end
  local raw = assert(core.cam.combine_channels(activation, assert(tensor.tensor(alpha, all))))
  fields.seconds = core.clock() - start
  return result.heatmap(engine, raw:reshape { table.unpack(activation:shape(), 3) }, fields)
end

return M
