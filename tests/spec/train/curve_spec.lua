-- Ten steps of training on a fixed batch against the curves of an independent implementation (tests/golden). First
-- weights and batch come from a hash of integers, so that both sides have the same ones.
local fovea = require "fovea"
local near = require "support.near"

local golden = assert(fovea.json.decode((function()
  local file = assert(io.open "tests/golden/train_curves.json")
  local text = file:read "a"
  file:close()
  return text
end)()))

local SIDE, IMAGES = 16, 2

local function mix(x)
  x = x & 0xffffffff
  x = ((x ~ (x >> 16)) * 0x7feb352d) & 0xffffffff
  x = ((x ~ (x >> 15)) * 0x846ca68b) & 0xffffffff
  return x ~ (x >> 16)
end

--- Uniform numbers of a stream.
local function fill(shape, stream, low, high)
  local count, values = 1, {}
  for _, n in ipairs(shape) do count = count * n end
  for i = 1, count do values[i] = low + (high - low) * mix(stream * 1000003 + i - 1) / 2 ^ 32 end
  return fovea.tensor(shape, values)
end

local function batch()
  local disc = {}
  for n = 0, IMAGES - 1 do
    for i = 0, SIDE - 1 do
      for j = 0, SIDE - 1 do
        disc[#disc + 1] = (i - 6 - n) ^ 2 + (j - 8 + n) ^ 2 < 20 + 10 * n and 1 or 0
      end
    end
  end
  local target = fovea.tensor({ IMAGES, 1, SIDE, SIDE }, disc)
  return fill({ IMAGES, 3, SIDE, SIDE }, 900, -1, 1) + target * 0.5, target
end

local OPTIONS = { unet = { width = 4, depth = 3, conv_bias = false }, r2unet = { width = 4, depth = 2, t = 2 } }

--- A model whose parameter number j, in the order of their use, is stream j.
local function model_of(arch)
  local model, number = assert(fovea.arch.model(arch, OPTIONS[arch])), 0
  assert(model:at { IMAGES, 3, SIDE, SIDE })
  for _, entry in ipairs(model.parameters) do
    if not entry.statistic then
      number = number + 1
      local fan, bound = 1, 0.1
      for axis = 2, #entry.shape do fan = fan * entry.shape[axis] end
      if #entry.shape > 1 then bound = math.sqrt(6 / fan) end
      local is_scale = entry.name:find "bn%d?%.weight$"
      model.weights[entry.name]:assign(fill(entry.shape, number, is_scale and 0.8 or -bound, is_scale and 1.2 or bound))
    end
  end
  return model
end

--- Sums over the running statistics of all normalisations.
local function statistics(model)
  local mean, variance = 0, 0
  for _, entry in ipairs(model.parameters) do
    local value = model.weights[entry.name]
    if entry.name:find "running_mean$" then mean = mean + value:abs():sum() end
    if entry.name:find "running_var$" then variance = variance + value:sum() end
  end
  return mean, variance
end

local function loss_of(trainer, logits, target)
  return (trainer.loss.module.value(logits, target, trainer.loss.options, "sigmoid"))
end

describe("a training curve", function()
  for _, case in ipairs(golden.cases) do
    it(("of %s by %s"):format(case.arch, case.optimiser.name), function()
      local model, input, target = model_of(case.arch), batch()
      local trainer = fovea.train.new(model, { loss = case.loss, optimiser = case.optimiser, clip = case.clip })
      for step, wanted in ipairs(case.curve) do
        near.number(wanted, assert(trainer:step(input, target)), 1e-4, "step " .. step)
      end
      near.number(case.infer, loss_of(trainer, model:forward(input)[1], target), 1e-3, "outside of training")
      local mean, variance = statistics(model)
      near.number(case.mean, mean, 1e-4, "running means")
      near.number(case.variance, variance, 1e-4, "running variances")
      near.number(case.after, assert(trainer:step(input, target)), 1e-4, "after")
    end)
  end
end)
