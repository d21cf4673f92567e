--- P2, RISE: the mean of random masks, weighted by the score of the input seen through them (1806.07421).
local core = require "fovea.core"
local lookup = require "fovea.lookup"
local random = require "fovea.random"
local result = require "fovea.perturb.result"
local tensor = require "fovea.tensor"

local M = {}

--- Random masks: cells that are kept with a probability, enlarged linearly to one cell more than the input takes, and
--- cut out at a random place. Which mask has which number does not depend on how many are made at a time.
---@param size integer[] of the input
---@param options { masks: integer, cells: integer, keep: number, seed: integer }
---@return fun(first: integer, last: integer): fovea.Tensor masks N x [D] x H x W
function M.masks(size, options)
  local cells, n, grid, full, wide = options.cells, options.masks, {}, {}, {}
  for axis, length in ipairs(size) do
    grid[axis], wide[axis] = cells, math.ceil(length / cells)
    full[axis] = (cells + 1) * wide[axis]
  end
  local bits = assert(tensor.uniform({ n, table.unpack(grid) }, { seed = options.seed })):lt(options.keep)
  local shifts, stream = {}, random.new(options.seed, "rise")
  for i = 1, n do
    shifts[i] = {}
    for axis in ipairs(size) do shifts[i][axis] = math.floor(stream:uniform(0, wide[axis])) end
  end
  return function(first, last)
    local enlarged = { mode = "linear", table.unpack(full) }
    local large = bits:slice(1, first, last):reshape { last - first + 1, 1, table.unpack(grid) }:resize(enlarged)
    local masks = {}
    for i = first, last do
      local mask = large:slice(1, i - first + 1, i - first + 1)
      for axis, shift in ipairs(shifts[i]) do mask = mask:slice(axis + 2, shift + 1, shift + size[axis]) end
      masks[#masks + 1] = mask:reshape { 1, table.unpack(size) }
    end
    return #masks == 1 and masks[1] or assert(tensor.concat(masks, 1))
  end
end

--- sum_i weight_i mask_i
local function weighted_sum(make, weights, size, batch)
  local sum
  for first = 1, #weights, batch do
    local last = math.min(#weights, first + batch - 1)
    local own = assert(tensor.tensor({ 1, last - first + 1 }, table.move(weights, first, last, 1, {})))
    local masks = make(first, last)
    local part = own:matmul(masks:reshape { last - first + 1, masks:count() // (last - first + 1) })
    sum = sum and sum + part or part
  end
  return sum:reshape(size)
end

--- Scores less their mean (exactly 0 when all are equal), or as they are.
local function weights_of(scores, centred)
  local weights, mean = {}, 0
  for _, score in ipairs(scores) do mean = mean + (score - scores[1]) / #scores end
  for i, score in ipairs(scores) do weights[i] = centred and score - scores[1] - mean or score end
  return weights
end

local function check(options)
  for key, least in pairs { masks = 1, cells = 1, seed = math.mininteger } do
    if math.type(options[key]) ~= "integer" or options[key] < least then
      local kind = key == "seed" and "an" or "a positive"
      error(("rise: option '%s' must be %s integer, not %s"):format(key, kind, tostring(options[key])), 0)
    end
  end
  if type(options.keep) ~= "number" or not (options.keep > 0 and options.keep <= 1) then
    error(("rise: option 'keep' must lie above 0 and not above 1, not %s"):format(tostring(options.keep)), 0)
  end
end

--- A RISE map: 1 / (n p) sum_i c_i m_i.
---@param engine fovea.perturb.Engine
---@param options? { masks: integer?, cells: integer?, keep: number?, seed: integer?, centred: boolean? } masks: how
--- many (1000); cells along each axis (7); keep: probability of a cell (0.5); seed (1); centred: the mean score is
--- taken off (true), which removes what all masks have in common; the paper does not
---@return fovea.Heatmap? map
---@return string? message
---@return string? code
function M.map(engine, options)
  lookup.check_keys(options, { "masks", "cells", "keep", "seed", "centred" }, "rise", -2)
  local record = { masks = 1000, cells = 7, keep = 0.5, seed = 1, centred = true }
  for key, value in pairs(options or {}) do record[key] = value end
  check(record)
  local start, size = core.clock(), result.size(engine)
  if not result.has_target(engine) then
    return result.heatmap(engine, nil, { method = "rise", perturbation = record, seconds = 0 })
  end
  local make = M.masks(size, record)
  local scores, message, code = engine:masks(make, record.masks)
  if not scores then return nil, message, code end
  local raw = weighted_sum(make, weights_of(scores, record.centred), size, engine.rate.batch)
  return result.heatmap(engine, raw / (record.masks * record.keep), { method = "rise", perturbation = record,
    seconds = core.clock() - start })
end

return M
