-- Makes the material of one case: what all contestants read.
-- usage: fovea scripts/bench/prepare.lua FOLDER NETWORK SIZE
--   case.json, weights.safetensors, input.npy, masks.npy (8 masks, shape of the logits with 8 in front)
local fovea = require "fovea"
local folder, name, size = arg[1], arg[2], math.tointeger(tonumber(arg[3]))
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

-- Masks of the pixels above quantiles of the logits of the first class.
local function masks_of(logits)
  local first, masks = logits:slice(2, 1, 1), {}
  local shape = logits:shape()
  for k = 1, THRESHOLDS do
    local mask = first:gt(first:quantile(0.5 + 0.06 * (k - 1)))
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
