--- Summaries by some of what a case is made of: "layer" pools everything else, "layer+score" keeps two apart. Each is
--- a table of means over maps, summary_by_layer+score.csv and .md, with the share of maps that say something (status OK
--- or TIES) as `usable`.
local core = require "fovea.core"
local csv = require "fovea.report.csv"
local lookup = require "fovea.lookup"
local report = require "fovea.report.summary"
local text = require "fovea.report.text"

local M = {}

--- What a summary can be by.
M.FIELDS = { "model", "image", "layer", "threshold", "method", "score" }

local USABLE = { OK = 1, TIES = 1 }

--- The fields of "layer+score". Raises for others.
---@param by string
---@return string[]
function M.fields(by)
  local fields = {}
  for field in by:gmatch "[^%+]+" do
    local known = false
    for _, name in ipairs(M.FIELDS) do known = known or name == field end
    if not known then error(lookup.unknown("summaries: unknown part", field, M.FIELDS), 0) end
    fields[#fields + 1] = field
  end
  return fields
end

--- Writes the summaries that a recipe asks for.
---@param plan fovea.RecipePlan
---@param store fovea.RecipeStore
---@param rows table[] see recipe/tables.lua
---@return true? done
---@return string? message
function M.write(plan, store, rows)
  local quantities = { "usable", "pixels" }
  for _, part in ipairs(plan.metrics) do quantities[#quantities + 1] = part.label end
  for _, row in ipairs(rows) do row.usable = not row.error and (USABLE[row.status] or 0) or nil end
  for _, by in ipairs(plan.settings.outputs.summaries or {}) do
    local summary = report.of(rows, M.fields(by), quantities)
    local files = { { "csv", csv.encode(report.columns(summary)) },
      { "md", text.markdown(report.cells(summary, true)) } }
    for _, file in ipairs(files) do
      local ok, message = core.file.write(store:path(("summary_by_%s.%s"):format(by, file[1])), file[2])
      if not ok then return nil, message end
    end
  end
  return true
end

return M
