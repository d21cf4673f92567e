-- The benchmark: networks x tasks x sizes x threads, Fovea and others in turn. `make bench` runs it.
-- Settings come from the environment (make bench NETWORKS="unet r2unet" TASKS="forward map"):
--   NETWORKS  of scripts/bench/networks.lua, or all          (unet m2unet)
--   TASKS     forward map bottleneck last many perturb train (forward map many)
--   SIZES     pixels along a side                            (256)
--   THREADS   numbers, or all                                (1)
--   ROUNDS    at least so many runs of each contestant       (5; QUICK=1: 2)
--   COLD      starts of each contestant, for the first result (3; QUICK=1: 1)
--   IMAGES    occluded images of the task perturb            (32)
--   BATCH     images of the task train                       (2)
--   MASKS     prediction: of thresholds on a prediction of one object; scattered: all over the image (prediction)
--   FULL=1    all networks, tasks, sizes 256 and 512, 1 and all threads, 256 occluded images
--   CLOCK     wall or cpu: time of the processors, for one thread on a machine that others use (wall)
--   FOVEA     command of this Fovea (bin/fovea); OTHERS="LABEL=COMMAND;..." further ones to compare with
--   TORCH     "LABEL=COMMAND;...", interpreters with PyTorch (python3); ORT: a node with onnxruntime-node (node)
-- Results: build/bench/bench.md, bench.csv, bench.png; OUT is another folder.
local fovea = require "fovea"
local contestants = require "scripts.bench.contestant"
local networks = require "scripts.bench.networks"
local opponents = require "scripts.bench.opponents"
local report = require "scripts.bench.report"
local timing = require "fovea.bench.timing"

local function setting(name)
  local value = os.getenv(name)
  return value ~= "" and value or nil
end
local full, quick = setting "FULL", setting "QUICK"
local out = setting "OUT" or "build/bench"

local function say(text) io.stderr:write(text, "\n") end

local function words(name, default, all)
  local list = {}
  for word in (setting(name) or (full and all) or default):gmatch "[^%s,]+" do
    if word == "all" and all then return words("", all) end
    list[#list + 1] = word
  end
  return list
end

local function whole(name, default) return math.tointeger(tonumber(setting(name) or default)) end

local ALL_NETWORKS = "unet double_unet r2unet mcgunet m2unet nnunet nnunet3d"
local ALL_TASKS = "forward map bottleneck last many perturb train"
local processors = fovea.threads()

local plan = {
  networks = words("NETWORKS", "unet m2unet", ALL_NETWORKS), tasks = words("TASKS", "forward map many", ALL_TASKS),
  sizes = words("SIZES", "256", "256 512"), threads = words("THREADS", "1", "1 " .. processors),
  rounds = whole("ROUNDS", quick and 2 or 5), cold = whole("COLD", quick and 1 or 3),
  images = whole("IMAGES", full and 256 or 32), batch = whole("BATCH", 2), clock = setting "CLOCK" or "wall",
  masks = setting "MASKS" or "prediction",
}
for _, name in ipairs(plan.networks) do
  if not networks[name] then error(("NETWORKS: no network '%s' (%s)"):format(name, ALL_NETWORKS), 0) end
end
for _, name in ipairs(plan.tasks) do
  if not (" " .. ALL_TASKS .. " "):find(" " .. name .. " ", 1, true) then
    error(("TASKS: no task '%s' (%s)"):format(name, ALL_TASKS), 0)
  end
end
for i, text in ipairs(plan.threads) do
  plan.threads[i] = text == "all" and processors or math.tointeger(tonumber(text))
end
for i, text in ipairs(plan.sizes) do plan.sizes[i] = math.tointeger(tonumber(text)) end

local COUNTS = { perturb = plan.images, train = plan.batch }

-- The folder with the material of a network at a size; made when it is not there.
local function material(network, size)
  local folder = ("%s/data/%s-%d-%s"):format(out, network, size, plan.masks)
  local there = io.open(folder .. "/case.json")
  if there then
    there:close()
    return folder
  end
  say(("preparing %s at %d"):format(network, size))
  assert(os.execute(("bin/fovea scripts/bench/prepare.lua '%s' %s %d %s"):format(folder, network, size, plan.masks)),
    "prepare.lua failed")
  assert(os.execute(("bin/fovea scripts/bench/export_onnx.lua '%s'"):format(folder)), "export_onnx.lua failed")
  return folder
end

-- Greatest difference of the tensors in two files, relative to the greatest value of each; of what both have, where one
-- answered only some of the questions.
local function difference(mine, theirs)
  local a, b = assert(fovea.safetensors.read(mine)), assert(fovea.safetensors.read(theirs))
  local worst
  for name, tensor in pairs(a) do
    if b[name] then
      local scale, n = tensor:abs():max(), math.min(tensor:count(), b[name]:count())
      local off = tensor:flatten():slice(1, 1, n) - b[name]:flatten():slice(1, 1, n)
      off = off:abs():max() / (scale > 0 and scale or 1)
      worst = math.max(worst or 0, off)
    end
  end
  return worst
end

local function start_all(case, list)
  local environment = ("OMP_NUM_THREADS=%d OPENBLAS_NUM_THREADS=%d"):format(case.threads, case.threads)
  local function start(command) return contestants.start(command, out, environment) end
  local players = {}
  for _, entry in ipairs(list) do
    if not entry.tasks or entry.tasks[case.task] then
      local command, variant = entry.command(case.folder, case.task, COUNTS[case.task] or 1, start, case.threads)
      local firsts, process, reason = {}, nil, nil
      for _ = 1, plan.cold do
        if process then process:stop() end
        process, reason = start(command)
        if not process then break end
        firsts[#firsts + 1] = process.first[plan.clock]
      end
      if process then
        players[#players + 1] = { entry = entry, process = process, variant = variant, times = {},
          first = timing.median(firsts) }
      else
        say(("SKIPPED %s: %s"):format(entry.label, reason))
      end
    end
  end
  return players
end

-- Threads of the one before may still spin for work, and would take the processors away.
local function one_run(player)
  os.execute "sleep 0.1"
  local wall, cpu = player.process:ask("run"):match "^(%S+) (%S+)$"
  table.insert(player.times, tonumber(plan.clock == "cpu" and cpu or wall))
end

local function ratio(player, reference)
  local ratios = {}
  for i, seconds in ipairs(player.times) do ratios[i] = seconds / reference.times[i] end
  return timing.median(ratios)
end

local peaks = {}

local function measure_peak(threads)
  local before = fovea.threads()
  fovea.threads(threads)
  peaks[threads] = math.max(peaks[threads] or 0, timing.fma_peak(0.1))
  fovea.threads(before)
end

-- Images per second, where a task has several.
local function rate_text(case, seconds)
  local count = COUNTS[case.task]
  return count and ("%.1f images/s"):format(count / seconds)
end

local function row_of(case, player, reference)
  local seconds = timing.median(player.times)
  local flops = reference.work and 2 * reference.work / seconds
  return {
    network = case.network, task = case.task, size = case.size, threads = case.threads, count = COUNTS[case.task],
    contestant = player.entry.label, variant = player.variant, seconds = seconds,
    least = math.min(table.unpack(player.times)), ratio = ratio(player, reference), first = player.first,
    peak = player.peak, flops = flops, of_peak = flops and flops / peaks[case.threads], difference = player.difference,
    runs = #player.times, note = rate_text(case, seconds),
  }
end

-- Runs all contestants of a case in turn and adds their rows.
local function run_case(case, list, rows)
  local players = start_all(case, list)
  if #players == 0 then return end
  for _ = 1, plan.rounds do
    measure_peak(case.threads)
    for _, player in ipairs(players) do one_run(player) end
  end
  local reference = players[1]
  reference.work = tonumber(reference.process:ask "work")
  for i, player in ipairs(players) do
    player.peak = tonumber(player.process:ask "peak")
    local path = ("%s/result.%d.safetensors"):format(out, i)
    player.process:ask("save %s", path)
    if i > 1 then
      player.difference = difference(("%s/result.1.safetensors"):format(out), path)
      os.remove(path)
    end
    player.process:stop()
    rows[#rows + 1] = row_of(case, player, reference)
    local row = rows[#rows]
    say(("  %-40s %9.1f ms  x%.2f  first %.2f s  %5.0f MB"):format(row.contestant
      .. (row.variant and " (" .. row.variant .. ")" or ""), 1e3 * row.seconds, row.ratio, row.first, row.peak / 1e6))
  end
end

local function machine()
  local name = "unknown processor"
  for line in io.lines "/proc/cpuinfo" do
    local model = line:match "^model name%s*:%s*(.*)$"
    if model then name = model break end
  end
  return ("%s, %d processors, Fovea %s, %s"):format(name, processors, fovea.version, os.date "%Y-%m-%d")
end

-- What is known so far: a long benchmark that is stopped leaves what it measured.
local function write(rows)
  local texts = {}
  for threads, peak in pairs(peaks) do texts[#texts + 1] = ("%.0f GFLOP/s on %d"):format(peak * 1e-9, threads) end
  table.sort(texts)
  return report.write(out, rows, { machine = machine(), clock = plan.clock == "cpu" and "time of the processors"
    or "time on the wall", peaks = table.concat(texts, ", "), runs = plan.rounds })
end

local function cases()
  local list = {}
  for _, threads in ipairs(plan.threads) do
    for _, size in ipairs(plan.sizes) do
      for _, network in ipairs(plan.networks) do
        for _, task in ipairs(plan.tasks) do
          list[#list + 1] = { network = network, task = task, size = size, threads = threads }
        end
      end
    end
  end
  return list
end

local function run()
  assert(require("fovea.cases").make_folder(out))
  local list, rows, text = opponents.list(setting, say, out .. "/variants"), {}, nil
  for _, case in ipairs(cases()) do
    say(("%s, %s, %d, %d threads"):format(case.network, case.task, case.size, case.threads))
    case.folder = material(case.network, case.size)
    local done, problem = pcall(run_case, case, list, rows)
    if not done then say("FAILED: " .. problem) end
    if #rows > 0 then text = write(rows) end
  end
  print(text or "nothing was measured")
  print(("results: %s/bench.md, bench.csv, bench.png"):format(out))
end

run()
