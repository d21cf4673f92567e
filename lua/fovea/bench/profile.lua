--- Where the time of a plan goes: one row per layer and pass, from the steps of several runs.
local timing = require "fovea.bench.timing"

local M = {}

---@class fovea.ProfileRow
---@field phase string "forward" or "backward"; "prepare": what runs once, packing of weights
---@field layer string node of the plan: what was folded into it is not listed
---@field op string
---@field shape integer[]
---@field implementation string names of all steps of the layer, in order
---@field seconds number median over the runs
---@field bytes number read and written
---@field macs number multiply-accumulates of the layer as it is defined

--- Collects the times of the steps of a plan; call it after each run.
---@param plan fovea.Plan
---@return fun() collect
---@return fun(): table[] steps as plan:steps() has them, with median seconds
function M.collector(plan)
  local times = {}
  local function collect()
    for i, step in ipairs(plan:steps()) do
      times[i] = times[i] or {}
      table.insert(times[i], step.seconds)
    end
  end
  local function steps()
    local list = plan:steps()
    for i, step in ipairs(list) do step.seconds = timing.median(times[i]) end
    return list
  end
  return collect, steps
end

local function add_name(row, name)
  for _, known in ipairs(row.names) do
    if known == name then return end
  end
  table.insert(row.names, name)
end

--- Rows from steps: those of one node in one phase together.
---@param steps table[]
---@return fovea.ProfileRow[] rows in the order in which the steps were made
function M.rows(steps)
  local rows, known = {}, {}
  for _, step in ipairs(steps) do
    local key = step.phase .. " " .. step.node
    local row = known[key]
    if not row then
      row = { phase = step.phase, layer = step.node, op = step.op, shape = step.shape, names = {}, passes = {},
        seconds = 0, bytes = 0, macs = 0 }
      known[key], rows[#rows + 1] = row, row
    end
    row.seconds, row.bytes = row.seconds + step.seconds, row.bytes + step.bytes
    add_name(row, step.implementation)
    if step.pass and step.pass ~= "means" and step.phase ~= "prepare" and not row.passes[step.pass] then
      row.passes[step.pass], row.macs = true, row.macs + step.macs
    end
  end
  for _, row in ipairs(rows) do row.implementation = table.concat(row.names, " + ") end
  return rows
end

--- Sums of rows by a field.
---@param rows fovea.ProfileRow[]
---@param field string "phase", "implementation" or "op"
---@return { name: string, seconds: number, bytes: number, macs: number, count: integer }[] sums the longest first
function M.totals(rows, field)
  local sums, known = {}, {}
  for _, row in ipairs(rows) do
    local sum = known[row[field]]
    if not sum then
      sum = { name = row[field], seconds = 0, bytes = 0, macs = 0, count = 0 }
      known[row[field]], sums[#sums + 1] = sum, sum
    end
    sum.seconds, sum.bytes = sum.seconds + row.seconds, sum.bytes + row.bytes
    sum.macs, sum.count = sum.macs + row.macs, sum.count + 1
  end
  table.sort(sums, function(a, b) return a.seconds > b.seconds end)
  return sums
end

return M
