-- Makes the material of one case: what all contestants read.
-- usage: fovea scripts/bench/prepare.lua FOLDER NETWORK SIZE [prediction|scattered]
--   case.json, weights.safetensors, input.npy, masks.npy (8 masks, shape of the logits with 8 in front): thresholds on
--   a prediction of one object (the default), or on the logits, which are noise with weights drawn at random
local fovea = require "fovea"
local folder, name, size, kind = arg[1], arg[2], math.tointeger(tonumber(arg[3])), arg[4] or "prediction"
local network = require("scripts.bench.networks")[name]

local THRESHOLDS = 8

-- Weights that leave nothing to chance or to symmetry: convolutions as they are initialised, scales around 1,
-- shifts and means around 0.
local function randomise(model)
  local ranges = { weight = { 0.8, 1.2 }, bias = { -0.1, 0.1 }, running_mean = { -0.2, 0.2 },
    running_var = { 0.7, 1.4 } }
  for i, entry in ipairs(model.parameters) do
    local range = #entry.shape == 1 and ranges[entry.name:match "[%w_]+$"]
    if range then
      model.weights[entry.name] = fovea.uniform(entry.shape, { seed = i, min = range[1], max = range[2] })
    end
  end
end

-- The probability of a lobed object a quarter of the image high, or of such a ball in a volume, which falls off at its
-- border as predictions do: from 0.9 to 0.1 over 2 % of the image.
local function prediction(shape)
  local values, axes, at = {}, #shape - 2, {}
  local count = shape[3] * shape[4] * (shape[5] or 1)
  for i = 0, count - 1 do
    local rest = i
    for axis = axes, 1, -1 do
      local length = shape[2 + axis]
      at[axis], rest = (rest % length + 0.5) / length, rest // length
    end
    local y, x, z = at[axes - 1] - 0.45, at[axes] - 0.55, axes == 3 and at[1] - 0.5 or 0
    local angle = math.atan(y, x)
    local radius = 0.24 * (1 + 0.15 * math.sin(3 * angle) + 0.08 * math.cos(5 * angle))
    values[i + 1] = 1 / (1 + math.exp(-(radius - math.sqrt(x * x + y * y + z * z)) / 0.0045))
  end
  return assert(fovea.tensor({ 1, 1, table.unpack(shape, 3) }, values))
end

-- Masks of the pixels above thresholds, for the first class.
local function masks_of(logits)
  local shape, masks = logits:shape(), {}
  local first = kind == "prediction" and prediction(shape) or logits:slice(2, 1, 1)
  for k = 1, THRESHOLDS do
    local threshold = kind == "prediction" and 0.1 * k or first:quantile(0.5 + 0.06 * (k - 1))
    local mask = first:gt(threshold)
    if shape[2] > 1 then
      local others = logits:shape()
      others[2] = others[2] - 1
      mask = assert(fovea.concat({ mask, fovea.zeros(others) }, 2))
    end
    masks[k] = mask
  end
  return assert(fovea.concat(masks, 1))
end

local shape = network.shape(size)
local blank = assert(fovea.arch.model(network.arch, network.options, {}, { input_shape = shape, seed = 7 }))
blank:at(shape)
randomise(blank)
local model = assert(fovea.arch.model(network.arch, network.options, blank.weights, { input_shape = shape }))
local input = fovea.normal(shape, { seed = 3 })
local instance = assert(model:at(shape))
local logits = model:output(instance).logits
local plan = assert(instance.graph:plan { mode = "infer", taps = { logits } })
assert(plan:set_input(instance.input, input))
assert(plan:forward())

assert(require("fovea.cases").make_folder(folder))
assert(fovea.safetensors.write(folder .. "/weights.safetensors", model.weights))
assert(fovea.npy.write(folder .. "/input.npy", input))
assert(fovea.npy.write(folder .. "/masks.npy", masks_of(assert(plan:value(logits)))))
local file = assert(io.open(folder .. "/case.json", "w"))
file:write(fovea.json.encode { network = name, arch = network.arch, options = network.options, shape = shape,
  layers = network.layers, thresholds = THRESHOLDS })
file:close()
