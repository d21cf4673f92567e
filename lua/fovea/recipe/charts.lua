--- Charts of a run: the mean of a metric over the images by layer (columns), threshold strategy (rows) and score
--- (blocks), as a picture for each metric, model and method.
local image = require "fovea.image"
local table_picture = require "fovea.report.table_picture"

local M = {}

local function place(...) return table.concat({ ... }, "\n") end

--- Sums and numbers of a metric by model, method, score, threshold and layer; a row that failed has no value.
local function collected(rows, label)
  local sums, counts = {}, {}
  for _, row in ipairs(rows) do
    local value = row[label]
    if not row.error and value and value == value then
      local key = place(row.model, row.method, row.score, row.threshold, row.layer)
      sums[key], counts[key] = (sums[key] or 0) + value, (counts[key] or 0) + 1
    end
  end
  return function(...)
    local key = place(...)
    return sums[key] and sums[key] / counts[key] or 0 / 0
  end
end

local function blocks_of(plan, model, method, mean)
  local blocks = {}
  for b, score in ipairs(plan.scores) do
    local values = {}
    for r, strategy in ipairs(plan.strategies) do
      values[r] = {}
      for c, layer in ipairs(model.layers) do
        values[r][c] = mean(model.name, method.label, score, strategy.label, layer)
      end
    end
    blocks[b] = { title = score, values = values }
  end
  return blocks
end

--- Draws and writes the charts that a recipe asks for.
---@param plan fovea.RecipePlan
---@param store fovea.RecipeStore
---@param rows table[] see recipe/tables.lua
---@param files string[] names of what was written are added
---@return true? done
---@return string? message
function M.write(plan, store, rows, files)
  local labels, number = {}, 0
  for i, strategy in ipairs(plan.strategies) do labels[i] = strategy.label end
  for _, metric in ipairs(plan.settings.outputs.charts or {}) do
    local mean = collected(rows, metric)
    for _, model in ipairs(plan.models) do
      for _, method in ipairs(plan.methods) do
        number = number + 1
        local name = ("figures/chart-%02d-%s.png"):format(number, (metric:gsub("[^%w_]+", "-")))
        local ok, message = image.write(store:path(name), table_picture.draw {
          title = ("%s   %s   %s   mean over the images"):format(metric, model.name, method.label), rows = labels,
          columns = model.layers, blocks = blocks_of(plan, model, method, mean) })
        if not ok then return nil, message end
        files[#files + 1] = name
      end
    end
  end
  return true
end

return M
