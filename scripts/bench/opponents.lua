-- Who takes part, and how each is started. Programs that are not there are left out, and said so.
local M = {}

local quote = require("scripts.bench.contestant").quote

-- "LABEL=COMMAND;LABEL=COMMAND" as { label, command } pairs; a command alone gets the default label.
local function commands(text, label)
  local list = {}
  for part in (text or ""):gmatch "[^;]+" do
    local name, command = part:match "^%s*([^=/]+)=(.*)$"
    list[#list + 1] = { label = name or label, command = command or part }
  end
  return list
end

local function works(command) return os.execute(command .. " >/dev/null 2>&1") == true end

-- Which way of using PyTorch is the fastest for a task: one process each, two runs.
local function find_variant(start, line)
  local handle = assert(io.popen(line("variants", "")))
  local names = handle:read("a"):match "bench: ([%w_ ]+)" or "plain"
  handle:close()
  local chosen, least = "plain", math.huge
  for variant in names:gmatch "%S+" do
    local process = start(line("best", variant))
    if process then
      for _ = 1, 2 do
        local cpu = tonumber(process:ask("run"):match "%S+ (%S+)")
        if cpu < least then chosen, least = variant, cpu end
      end
      process:stop()
    end
  end
  return chosen
end

-- The same, kept in a file from one benchmark to the next.
local function best_variant(start, line, memory, key)
  local known = io.open(memory)
  for text in known and known:lines() or function() end do
    local name, variant = text:match "^(.*)=([%w_]+)$"
    if name == key then return variant end
  end
  local variant = find_variant(start, line)
  local file <close> = assert(io.open(memory, "a"))
  file:write(key, "=", variant, "\n")
  return variant
end

local function torch_pair(list, entry, memory)
  local function line(folder, task, count, method, variant)
    return ("%s scripts/bench/opponents/torch_worker.py %s %s %d %s %s"):format(entry.command, quote(folder), task,
      count, method, variant or "")
  end
  list[#list + 1] = { label = entry.label .. " as pytorch-grad-cam", kind = "torch plain",
    command = function(folder, task, count) return line(folder, task, count, "plain") end }
  list[#list + 1] = { label = entry.label .. " at its best", kind = "torch best",
    command = function(folder, task, count, start, threads)
      local function with(method, name) return line(folder, task, count, method, name) end
      local variant = best_variant(start, with, memory, ("%s %s %s %d"):format(entry.label, folder, task, threads))
      return line(folder, task, count, "best", variant), variant
    end }
end

--- All contestants; the first is Fovea.
---@param environment fun(name: string): string?
---@param say fun(text: string)
---@param memory string file that keeps which way of using PyTorch is the fastest
---@return { label: string, kind: string, command: function }[]
function M.list(environment, say, memory)
  local list = {}
  local function fovea(label, command)
    list[#list + 1] = { label = label, kind = "fovea", command = function(folder, task, count)
      return ("%s scripts/bench/worker.lua %s %s %d"):format(command, quote(folder), task, count)
    end }
  end
  fovea("Fovea", environment "FOVEA" or "bin/fovea")
  list[2] = { label = "Fovea, whole passes", kind = "fovea", tasks = { perturb = true },
    command = function(folder, _, count) return list[1].command(folder, "perturb_whole", count) end }
  for _, entry in ipairs(commands(environment "OTHERS", "other")) do fovea(entry.label, entry.command) end
  for _, entry in ipairs(commands(environment "TORCH" or "PyTorch=python3", "PyTorch")) do
    if works(entry.command .. " -c 'import torch'") then
      torch_pair(list, entry, memory)
    else
      say(("SKIPPED %s: '%s' has no torch (apt-get install python3-torch libopenblas0)"):format(entry.label,
        entry.command))
    end
  end
  local node = environment "ORT" or "node"
  if works(node .. " scripts/bench/opponents/onnxruntime_worker.js check") then
    list[#list + 1] = { label = "ONNX Runtime", kind = "ort", tasks = { forward = true },
      command = function(folder, task, count)
        return ("%s scripts/bench/opponents/onnxruntime_worker.js %s %s %d"):format(node, quote(folder), task, count)
      end }
  else
    say(("SKIPPED ONNX Runtime: '%s' has no onnxruntime-node (%s)"):format(node,
      "npm install --prefix build/bench --ignore-scripts onnxruntime-node"))
  end
  return list
end

return M
