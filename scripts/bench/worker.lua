-- Fovea as a contestant: a process that runs one task of one case whenever it is told to.
-- usage: fovea scripts/bench/worker.lua FOLDER TASK COUNT
--   tasks: forward, map (bottleneck and last block), bottleneck, last, many (5 layers x 8 masks),
--   perturb (COUNT occluded images), perturb_whole (the same by whole passes), train (one step with a batch of COUNT)
-- It says "bench: ready SECONDS" (those of all processors since its start) after the first result. Then, line by line
-- on standard input: "run" (answer: seconds, and those of all processors), "peak" (most memory so far, bytes), "work"
-- (multiply-accumulates of one run), "save FILE" (results as safetensors), "quit".
local folder, name, count = arg[1], arg[2], math.tointeger(tonumber(arg[3] or "1"))
local fovea = require "fovea"
local profile = require "fovea.bench.profile"
local task = require "fovea.bench.task"
local timing = require "fovea.bench.timing"

local function say(format, ...)
  print("bench: " .. format:format(...))
  io.stdout:flush()
end

local function read_case()
  local file <close> = assert(io.open(folder .. "/case.json"))
  return assert(fovea.json.decode(file:read "a"))
end

local case = read_case()
local model = assert(fovea.load(folder .. "/weights.safetensors", { arch = case.arch, arch_options = case.options,
  input_shape = case.shape }))
local input = assert(fovea.npy.read(folder .. "/input.npy"))
local masks = {}
for k = 1, case.thresholds do masks[k] = assert(fovea.npy.read(folder .. "/masks.npy")):slice(1, k, k) end

local function repeated(tensor, times)
  local list = {}
  for i = 1, times do list[i] = tensor end
  return assert(fovea.concat(list, 1))
end

-- A training step; Adam and cross-entropy of the last output.
local function training()
  local trained = model:output(assert(model:at(input:shape()))).name
  local trainer = require("fovea.train").new(model, { loss = case.arch == "nnunet" and "cross_entropy" or "bce",
    optimiser = { name = "adam", rate = 1e-4 }, activation = case.arch == "nnunet" and "softmax" or "sigmoid",
    outputs = { [trained] = 1 } })
  local batch, target, losses = repeated(input, count), repeated(masks[1], count), {}
  if target:shape()[2] == 2 then
    local first = target:slice(2, 1, 1)
    target = assert(fovea.concat({ first, 1 - first }, 2))
  end
  return {
    run = function() losses[#losses + 1] = assert(trainer:step(batch, target)) end,
    plan = assert(trainer:pass(batch:shape())).plan,
    results = function() return { fovea.tensor { losses[1] } } end,
  }
end

local layers = case.layers
local tasks = {
  forward = function() return task.forward(model, input) end,
  map = function() return task.maps(model, input, { layers[1], layers[#layers] }, { masks[1] }) end,
  bottleneck = function() return task.maps(model, input, { layers[1] }, { masks[1] }) end,
  last = function() return task.maps(model, input, { layers[#layers] }, { masks[1] }) end,
  many = function() return task.maps(model, input, layers, masks) end,
  perturb = function() return task.perturbations(model, input, masks[1], { count = count }) end,
  perturb_whole = function() return task.perturbations(model, input, masks[1], { count = count, whole = true }) end,
  train = training,
}

local job = tasks[name]()
job.run()
say("ready %.6f", os.clock())

-- Multiply-accumulates of the passes of the plan, times how often they run.
local function work()
  if job.work then return job.work end
  local sums = { forward = 0, backward = 0, prepare = 0 }
  for _, row in ipairs(profile.rows(job.plan:steps())) do sums[row.phase] = sums[row.phase] + row.macs end
  if name == "many" then return sums.forward + #masks * sums.backward end
  return sums.forward + sums.backward
end

local answers = {
  run = function()
    local cpu = os.clock()
    local wall = timing.seconds(job.run)
    say("%.6f %.6f", wall, os.clock() - cpu)
  end,
  peak = function() say("%d", timing.peak_memory() or 0) end,
  work = function() say("%.0f", work()) end,
  save = function(path)
    local tensors = {}
    for i, result in ipairs(job.results()) do tensors[("%03d"):format(i)] = result end
    assert(fovea.safetensors.write(path, tensors))
    say "saved"
  end,
}
for line in io.lines() do
  local command, rest = line:match "^(%S+)%s*(.*)$"
  if command == "quit" then break end
  answers[command](rest)
end
