--- Measuring: repeated runs, medians, the memory high-water mark of this process.
local core = require "fovea.core"

local M = {}

--- The middle of a list of numbers; the mean of the two in the middle when their count is even.
---@param values number[]
---@return number
function M.median(values)
  local sorted = table.move(values, 1, #values, 1, {})
  table.sort(sorted)
  local middle = (#sorted + 1) // 2
  if #sorted % 2 == 1 then return sorted[middle] end
  return (sorted[middle] + sorted[middle + 1]) / 2
end

--- Seconds that a call takes.
---@param run function
---@return number
function M.seconds(run)
  local start = core.clock()
  run()
  return core.clock() - start
end

--- Runs once unmeasured, then at least `runs` times and for at least `seconds`.
---@param run function
---@param options? { runs: integer?, seconds: number?, after: function? } 5, 0; after: called after each measured run
---@return number[] times seconds of each run
---@return number first seconds of the run before them
function M.repeated(run, options)
  options = options or {}
  local first, times, total = M.seconds(run), {}, 0
  repeat
    times[#times + 1] = M.seconds(run)
    total = total + times[#times]
    if options.after then options.after() end
  until #times >= (options.runs or 5) and total >= (options.seconds or 0)
  return times, first
end

--- Operations per second of multiply-adds in registers, on all threads: what the machine can do at most.
---@type fun(seconds?: number): number
M.fma_peak = core.fma_peak

--- The most memory this process has had at once (resident set), in bytes; nil where the system does not tell.
---@return integer?
function M.peak_memory()
  local file <close> = io.open("/proc/self/status", "r")
  local kilobytes = file and file:read("a"):match "VmHWM:%s*(%d+) kB"
  return kilobytes and math.tointeger(tonumber(kilobytes)) * 1024
end

return M
