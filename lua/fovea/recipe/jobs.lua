--- Several processes on one machine: workers of the same program take units one by one and tell on a pipe what became
--- of each case. A worker that dies takes no result with it; what it left undone is tried again by others.
local core = require "fovea.core"
local json = require "fovea.json"
local lfs = require "lfs"
local runner = require "fovea.recipe.runner"

local M = {}

local MARK = "\1fovea "        -- begins a line that a worker says to its parent
local MOST_ROUNDS = 3          -- how often a case may take its process down
local LONGEST_MESSAGE = 1000   -- lines up to 4096 bytes arrive whole

-- worker -------------------------------------------------------------------------------------------------------------

local function tell(message)
  io.stdout:write(MARK, json.encode(message), "\n")
  io.stdout:flush()
end

--- Runs units that no other worker has taken. A unit is taken by making a folder, which only one can.
---@param run table see recipe/runner.lua; its report goes to the parent
---@param units fovea.RecipeUnit[]
---@param claims string folder
function M.work(run, units, claims)
  io.stdout:setvbuf "full"
  run.report = function(report)
    local message = report.message and report.message:sub(1, LONGEST_MESSAGE)
    tell { case = report.case.index, outcome = report.outcome, message = message }
  end
  for i, unit in ipairs(units) do
    if lfs.mkdir(("%s/%d"):format(claims, i)) then runner.unit(run, unit) end
  end
end

-- parent -------------------------------------------------------------------------------------------------------------

local function quote(word) return "'" .. word:gsub("'", "'\\''") .. "'" end

--- The program that runs now, or nil when it is not the fovea binary.
---@return string?
function M.program()
  local path = lfs.symlinkattributes("/proc/self/exe", "target")
  return path and path:match "[^/]*$" == "fovea" and path or nil
end

local function new_folder()
  local path = os.tmpname()
  os.remove(path)
  assert(lfs.mkdir(path))
  return path
end

local function remove_claims(folder, count)
  for i = 1, count do lfs.rmdir(("%s/%d"):format(folder, i)) end
  lfs.rmdir(folder)
end

--- Shell text that starts the workers and waits for them.
local function command_of(options, claims)
  local words = {}
  for i, word in ipairs(options.command) do words[i] = quote(word) end
  local worker = ("%s --worker %s --threads %d"):format(table.concat(words, " "), quote(claims),
    options.threads or math.max(1, core.threads() // options.jobs))
  local lines = {}
  for _ = 1, options.jobs do lines[#lines + 1] = ("%s </dev/null &"):format(worker) end
  lines[#lines + 1] = "wait"
  return table.concat(lines, "\n")
end

local function is_whole(unit, told)
  for _, case in ipairs(unit.cases) do
    if not told[case.index] then return false end
  end
  return true
end

--- One round: all units that are not whole yet.
local function round(options, units, told)
  local claims = new_folder()
  for i, unit in ipairs(units) do
    if is_whole(unit, told) then lfs.mkdir(("%s/%d"):format(claims, i)) end
  end
  local pipe = assert(io.popen(command_of(options, claims), "r"))
  for line in pipe:lines() do
    local report = line:sub(1, #MARK) == MARK and json.decode(line:sub(#MARK + 1))
    if report and not told[report.case] then
      told[report.case] = true
      options.report { case = options.plan.cases[report.case], outcome = report.outcome, message = report.message }
    elseif not report then
      io.stderr:write(line, "\n")
    end
  end
  pipe:close()
  remove_claims(claims, #units)
end

--- Runs units in worker processes.
---@param options { plan: fovea.RecipePlan, report: function, jobs: integer, threads: integer?, command: string[] }
---@param units fovea.RecipeUnit[]
---@return fovea.RecipeCase[] lost cases whose process died each time
function M.run(options, units)
  local told, lost = {}, {}
  for _ = 1, MOST_ROUNDS do
    round(options, units, told)
    lost = {}
    for _, unit in ipairs(units) do
      for _, case in ipairs(unit.cases) do
        if not told[case.index] then lost[#lost + 1] = case end
      end
    end
    if #lost == 0 then break end
  end
  return lost
end

return M
