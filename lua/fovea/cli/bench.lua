--- fovea bench MODEL: how long a model takes on this machine, and where the time goes.
local cli = require "fovea.cli"
local core = require "fovea.core"
local fovea = require "fovea"
local profile = require "fovea.bench.profile"
local task = require "fovea.bench.task"
local text = require "fovea.report.text"
local timing = require "fovea.bench.timing"

local M = {
  summary = "measure how long a model takes, and where the time goes",
  epilog = "GFLOP/s count two operations for each multiply-accumulate of the layers as they are defined, whatever "
    .. "way they are computed; the peak is that of multiply-adds in registers, measured on the same threads. The map "
    .. "is one masked sum (of all logits) at the layers: forward and backward pass and the maps.",
}

--- Describes the command line.
---@param parser table argparse parser
function M.define(parser)
  parser:argument("model", "model (.onnx), or weights (.pth, .safetensors) with --arch")
  cli.define_model(parser)
  parser:option("--size", "input size, WxH or WxHxD (default: the model's own)")
  parser:option("--layer", "layers of the map (default: bottleneck and last block)"):count "*"
  parser:option("--runs", "how often each task runs; the median is shown"):convert(math.tointeger):default "5"
  parser:option("--threads", "threads (default: all)"):convert(math.tointeger)
  parser:flag("--exact", "convolutions by plain sums, without Winograd's method")
  cli.define_memory(parser)
  parser:flag("--profile", "time, GFLOP/s, bytes and implementation of each layer")
  parser:flag("--json", "print one JSON object")
end

local TASKS = { "forward", "map" }

local function positive(value, what)
  if not value or value < 1 then error(("--%s: must be at least 1"):format(what), 0) end
  return value
end

--- The layers of the map by name.
local function chosen_layers(model, wish)
  if #wish == 0 then return model:default_layers() end
  local names = {}
  for i, layer in ipairs(model:layers(wish)) do names[i] = layer.name end
  if #names == 0 then error(fovea.layers.unknown(model:layers(), wish[1]), 0) end
  return names
end

--- Multiply-accumulates that the steps of a plan stand for.
local function work(steps)
  local sum = 0
  for _, row in ipairs(profile.rows(steps)) do sum = sum + row.macs end
  return sum
end

--- Runs one task; what came of it.
local function measure(name, model, input, layers, runs)
  local made = core.clock()
  local job = name == "forward" and task.forward(model, input) or task.maps(model, input, layers)
  local setup = core.clock() - made
  local collect, steps = profile.collector(job.plan)
  local times, first = timing.repeated(job.run, { runs = runs, after = collect })
  local memory, list = job.plan:memory(), steps()
  local seconds = timing.median(times)
  return { task = name, seconds = seconds, least = math.min(table.unpack(times)), first = setup + first,
    flops = 2 * work(list) / seconds, memory = memory.arena + memory.packed + memory.scratchpad, steps = list }
end

local function milliseconds(seconds) return ("%.2f"):format(1e3 * seconds) end
local function rate(amount, seconds) return seconds > 0 and ("%.0f"):format(amount / seconds * 1e-9) or "-" end

local function show_tasks(results, peak)
  local rows = {}
  for i, result in ipairs(results) do
    rows[i] = { result.task, milliseconds(result.seconds), milliseconds(result.least), milliseconds(result.first),
      ("%.0f"):format(result.flops * 1e-9), ("%.0f %%"):format(100 * result.flops / peak),
      ("%.1f"):format(result.memory / 1e6) }
  end
  io.stdout:write(text.plain({ "task", "median ms", "least ms", "first ms", "GFLOP/s", "of peak", "MB" }, rows))
end

local function profile_row(row, total)
  return { row.phase, row.layer, row.op, table.concat(row.shape, "x"),
    milliseconds(row.seconds), ("%.1f %%"):format(100 * row.seconds / total),
    row.macs > 0 and rate(2 * row.macs, row.seconds) or "-", ("%.2f"):format(row.bytes / 1e6),
    rate(row.bytes, row.seconds), row.implementation }
end

local PROFILE = { "pass", "layer", "op", "output", "ms", "part", "GFLOP/s", "MB", "GB/s", "implementation" }

local function add_sums(cells, sums)
  for _, sum in ipairs(sums) do
    cells[#cells + 1] = { sum.name, ("%d"):format(sum.count), milliseconds(sum.seconds),
      sum.macs > 0 and rate(2 * sum.macs, sum.seconds) or "-", ("%.2f"):format(sum.bytes / 1e6) }
  end
end

--- The layers of one task, then the sums by pass and by implementation.
local function show_profile(result)
  local runs, once, cells, sums, total = {}, {}, {}, {}, 0
  for _, row in ipairs(profile.rows(result.steps)) do
    local list = row.phase == "prepare" and once or runs
    list[#list + 1] = row
    if list == runs then total = total + row.seconds end
  end
  for i, row in ipairs(runs) do cells[i] = profile_row(row, total) end
  print(("\n%s, layer by layer"):format(result.task))
  io.stdout:write(text.plain(PROFILE, cells), "\n")
  add_sums(sums, profile.totals(runs, "phase"))
  add_sums(sums, profile.totals(once, "phase"))
  add_sums(sums, profile.totals(runs, "implementation"))
  io.stdout:write(text.plain({ "sum", "layers", "ms", "GFLOP/s", "MB" }, sums))
end

local function as_json(model, shape, results, peak, with_profile)
  local list = fovea.json.array {}
  for i, result in ipairs(results) do
    list[i] = { task = result.task, seconds = result.seconds, least = result.least, first = result.first,
      flops = result.flops, memory = result.memory,
      layers = with_profile and fovea.json.array(profile.rows(result.steps)) or nil }
    for _, row in ipairs(list[i].layers or {}) do row.names, row.passes = nil, nil end
  end
  return fovea.json.encode({ model = model.path, input = shape, threads = core.threads(), peak = peak, tasks = list },
    { indent = 2, order = { "model", "input", "threads", "peak", "task", "phase", "layer" } })
end

local function run(model, arguments, runs)
  local shape = cli.input_shape(model, arguments.size)
  local input, peak = fovea.uniform(shape, { seed = 1 }), core.fma_peak()
  local layers, results = chosen_layers(model, arguments.layer), {}
  for i, name in ipairs(TASKS) do results[i] = measure(name, model, input, layers, runs) end
  if arguments.json then
    print(as_json(model, shape, results, peak, arguments.profile))
    return
  end
  print(("%s at %s; map at %s; threads: %d; multiply-add peak: %.0f GFLOP/s"):format(model.name,
    table.concat(shape, "x"), table.concat(layers, ", "), core.threads(), peak * 1e-9))
  show_tasks(results, peak)
  if arguments.profile then
    for _, result in ipairs(results) do show_profile(result) end
  end
  local most = timing.peak_memory()
  if most then print(("\nmost memory of this process: %.0f MB"):format(most / 1e6)) end
end

--- Does the work.
---@param arguments table parsed command line
---@return integer status
function M.run(arguments)
  local runs = positive(math.tointeger(tonumber(arguments.runs)), "runs")
  if arguments.threads then core.threads(positive(arguments.threads, "threads")) end
  local model, message = fovea.load(arguments.model, cli.load_options(arguments))
  if not model then
    cli.complain(message)
    return cli.FAILED
  end
  model.exact = arguments.exact
  cli.limit_memory(arguments, model)
  for _, warning in ipairs(model.warnings) do cli.complain("warning: " .. warning) end
  run(model, arguments, runs)
  return cli.DONE
end

return M
