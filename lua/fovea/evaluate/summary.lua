--- Scores of many images in a few numbers: mean, standard deviation, median, and a confidence interval of the mean.
---
--- The interval is a percentile bootstrap: as many images as there are are drawn with replacement, `resamples` times,
--- and the interval holds the middle `level` of their means (linear interpolation). Draws depend on the seed and the
--- name of the metric only. It knows nothing of what images have in common (two eyes of one patient), and with fewer
--- than about ten images it is too narrow.
local core = require "fovea.core"

local M = {}

---@class fovea.ScoreSummary
---@field n integer images that have a value
---@field missing integer images that have none (NaN)
---@field mean number
---@field sd number of the sample (divisor n - 1)
---@field median number
---@field low number ends of the confidence interval of the mean; NaN for less than two images
---@field high number

local NAN = 0 / 0
local MOST_DRAWS = 1 << 20 -- held in memory at a time

--- Value at the fraction q of a sorted list, linear between neighbours.
local function quantile(sorted, q)
  local position = 1 + (#sorted - 1) * q
  local below = math.floor(position)
  local above = math.min(#sorted, below + 1)
  return sorted[below] + (position - below) * (sorted[above] - sorted[below])
end

local function seed_of(seed, name)
  for i = 1, #name do seed = (seed * 31 + name:byte(i)) & 0x7FFFFFFF end
  return seed
end

--- Means of resampled lists, ascending.
local function resampled_means(values, options, name)
  local n, means = #values, {}
  local per_block = math.max(1, MOST_DRAWS // n)
  local seed, block = seed_of(options.seed, name), 0
  while #means < options.resamples do
    local count = math.min(per_block, options.resamples - #means)
    local draws = assert(core.uniform({ count * n }, { seed = seed + block })):values()
    for r = 0, count - 1 do
      local sum = 0
      for i = 1, n do sum = sum + values[math.min(n, math.floor(draws[r * n + i] * n) + 1)] end
      means[#means + 1] = sum / n
    end
    block = block + 1
  end
  table.sort(means)
  return means
end

local DEFAULTS = { resamples = 2000, level = 0.95, seed = 0 }

--- The summary of one list of values; NaN stands for a value that does not exist and is left out (and counted).
---@param values number[]
---@param options? { resamples: integer?, level: number?, seed: integer? } default 2000, 0.95, 0
---@param name? string of the quantity: other names draw other images
---@return fovea.ScoreSummary
function M.of(values, options, name)
  local settings, there = {}, {}
  for key, value in pairs(DEFAULTS) do settings[key] = options and options[key] or value end
  for _, value in ipairs(values) do
    if value == value then there[#there + 1] = value end
  end
  local n, sum, squares = #there, 0, 0
  local summary = { n = n, missing = #values - n, mean = NAN, sd = NAN, median = NAN, low = NAN, high = NAN }
  if n == 0 then return summary end
  for _, value in ipairs(there) do sum = sum + value end
  summary.mean = sum / n
  for _, value in ipairs(there) do squares = squares + (value - summary.mean) ^ 2 end
  local sorted = { table.unpack(there) }
  table.sort(sorted)
  summary.median = quantile(sorted, 0.5)
  if n == 1 then return summary end
  summary.sd = math.sqrt(squares / (n - 1))
  local means, tail = resampled_means(there, settings, name or ""), (1 - settings.level) / 2
  summary.low, summary.high = quantile(means, tail), quantile(means, 1 - tail)
  return summary
end

return M
