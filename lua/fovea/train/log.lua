--- What a run says of itself: a table of its epochs (CSV) and their curves (PNG).
local core = require "fovea.core"
local image = require "fovea.image"
local csv = require "fovea.report.csv"
local plot = require "fovea.plot"

local M = {}

local FIRST = { "epoch", "steps", "rate", "loss", "norm" }

--- Columns of a history: counters and losses, then what the validation says.
---@param history table[]
---@return string[]
function M.columns(history)
  local columns, seen, more = { table.unpack(FIRST) }, {}, {}
  for _, name in ipairs(FIRST) do seen[name] = true end
  for _, row in ipairs(history) do
    for name in pairs(row) do
      if not seen[name] then seen[name], more[#more + 1] = true, name end
    end
  end
  table.sort(more)
  table.move(more, 1, #more, #columns + 1, columns)
  return columns
end

local function line(history, name, label)
  local x, y, some = {}, {}, false
  for i, row in ipairs(history) do
    x[i], y[i] = row.epoch, row[name] or 0 / 0
    some = some or row[name] ~= nil
  end
  return some and { x = x, y = y, label = label } or nil
end

--- Curves: losses above, metrics below.
---@param history table[]
---@param title string
---@return fovea.Tensor picture
function M.picture(history, title)
  local losses, metrics = { line(history, "loss", "training loss") }, {}
  losses[#losses + 1] = line(history, "validation_loss", "validation loss")
  for _, name in ipairs(M.columns(history)) do
    local metric = name:match "^validation_(.*)$"
    if metric and metric ~= "loss" then metrics[#metrics + 1] = line(history, name, metric) end
  end
  local pictures = { plot.lines { lines = losses, title = title, x_label = "epoch" } }
  if #metrics > 0 then
    pictures[2] = plot.lines { lines = metrics, title = "validation", x_label = "epoch", y_range = { 0, 1 } }
  end
  return plot.stack(pictures)
end

--- Writes log.csv and, if wanted, curve.png into a folder.
---@param folder string
---@param history table[]
---@param title string
---@param picture boolean drawing takes a tenth of a second
---@return true? done
---@return string? message
---@return string? code
function M.write(folder, history, title, picture)
  local ok, message, code = core.file.write(folder .. "/log.csv", csv.encode(M.columns(history), history))
  if not ok then return nil, message, code end
  if not picture then return true end
  return image.write(folder .. "/curve.png", M.picture(history, title))
end

return M
