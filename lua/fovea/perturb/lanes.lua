--- Lanes: a batch shared out over threads, with plans of its own in each. This is faster than one plan whose threads
--- meet after every layer, at the price of weights that are packed once for each lane.
local core = require "fovea.core"
local tensor = require "fovea.tensor"

local M = {}

---@class fovea.perturb.Lane
---@field batch integer

--- Calls a function with a number of threads.
local function with_threads(n, f, ...)
  local before = core.threads()
  core.threads(n)
  local results = table.pack(pcall(f, ...))
  core.threads(before)
  if not results[1] then error(results[2], 0) end
  return table.unpack(results, 2, results.n)
end

--- One lane for each thread, or each item where there are nearly as many. For fewer items a plan with all threads.
local function count_for(batch)
  local threads = core.threads()
  if batch >= threads then return threads end
  return 4 * batch >= 3 * threads and batch or 1
end

--- Makes lanes.
---@param batch integer of all lanes together
---@param make fun(batch: integer): table?, string?, string? the plans of a lane, or nil, message, code
---@return fovea.perturb.Lane[]? lanes
---@return string? message
---@return string? code
function M.new(batch, make)
  local count, lanes = count_for(batch), {}
  for i = 1, count do
    local own = batch * i // count - batch * (i - 1) // count
    local lane, message, code = with_threads(count == 1 and core.threads() or 1, make, own)
    if not lane then return nil, message, code end
    lane.batch, lanes[i] = own, lane
  end
  return lanes
end

--- Shares out a list: calls `f(lane, part)` for each lane that gets some.
---@param lanes fovea.perturb.Lane[]
---@param list any[]
---@param f fun(lane: fovea.perturb.Lane, part: any[])
---@return fovea.perturb.Lane[] used
function M.share(lanes, list, f)
  local used, first = {}, 1
  for i, lane in ipairs(lanes) do
    local n = math.min(lane.batch, math.ceil((#list - first + 1) / (#lanes - i + 1)))
    if n > 0 then
      f(lane, table.move(list, first, first + n - 1, 1, {}))
      used[#used + 1], lane.items, first = lane, n, first + n
    end
  end
  return used
end

--- Runs a plan of each lane.
---@param lanes fovea.perturb.Lane[]
---@param field string name of the plan in the lane
---@return true? done
---@return string? message
---@return string? code
function M.forward(lanes, field)
  local plans = {}
  for i, lane in ipairs(lanes) do plans[i] = lane[field] end
  return core.forward_plans(plans)
end

--- The values of a node in the items that lanes were given, one after the other.
local function values(lanes, field, node)
  local parts = {}
  for i, lane in ipairs(lanes) do
    parts[i] = assert(lane[field]:value(lane[node]))
    if lane.items < lane.batch then parts[i] = parts[i]:slice(1, 1, lane.items) end
  end
  return #parts == 1 and parts[1]:copy() or assert(tensor.concat(parts, 1))
end

--- Runs a plan of each lane, for the values of a node in the items that lanes were given, one after the other.
---@param lanes fovea.perturb.Lane[]
---@param field string name of the plan in the lane
---@param node string name of the node in the lane
---@return fovea.Tensor? values
---@return string? message
---@return string? code
function M.run(lanes, field, node)
  local ok, message, code = M.forward(lanes, field)
  if not ok then return nil, message, code end
  return values(lanes, field, node)
end

return M
