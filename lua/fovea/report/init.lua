--- Reports: the results of `fovea explain` and `fovea run` as one HTML page and a contact sheet.
local collect = require "fovea.report.collect"
local core = require "fovea.core"
local html = require "fovea.report.html"
local image = require "fovea.image"
local lookup = require "fovea.lookup"
local sheets = require "fovea.report.sheet"

local M = {}

--- Writes the contact sheet; its path, false when there is none, nil and a message when it could not be written.
local function write_sheet(report, path)
  local picture = path ~= "none" and sheets.draw(report)
  if not picture then return false end
  local ok, message = image.write(path, picture)
  if not ok then return nil, message end
  return path
end

--- Makes the page and the sheet of folders with results.
---@param folders string[]
---@param options? { out: string?, sheet: string?, title: string?, limit: integer? } out: FOLDER/report.html; sheet:
--- beside it, "none" for none; title: name of the folder; limit: cases on the page
---@return { page: string, sheet: string?, report: fovea.Report }? made paths of the files
---@return string? message
function M.make(folders, options)
  options = options or {}
  lookup.check_keys(options, { "out", "sheet", "title", "limit" }, "report")
  if options.limit and options.limit < 1 then error("report: limit must be at least 1", 2) end
  local report, message = collect.read(folders)
  if not report then return nil, message end
  local page = options.out or folders[1]:gsub("(.)/+$", "%1") .. "/report.html"
  local ok, problem = core.file.write(page, html.page(report, { title = options.title, limit = options.limit }))
  if not ok then return nil, problem end
  local sheet, complaint = write_sheet(report, options.sheet or page:gsub("%.%w+$", "") .. ".png")
  if sheet == nil then return nil, complaint end
  return { page = page, sheet = sheet or nil, report = report }
end

return M
