--- fovea report FOLDER: the results of explain or run as one HTML page and a contact sheet.
local cli = require "fovea.cli"
local collect = require "fovea.report.collect"
local report = require "fovea.report"

local M = {
  summary = "make an HTML page and a contact sheet of results",
  epilog = "FOLDER is what fovea explain --out or fovea run wrote, or a folder of such folders. The page holds every "
    .. "picture and loads nothing. What is missing or damaged is shown as such. "
    .. "Exit status: 0 done, 1 nothing to show, 2 misuse.",
}

--- Describes the command line.
---@param parser table argparse parser
function M.define(parser)
  parser:argument("folders", "folders of results"):args "+"
  parser:option("--out", "the page (default: FOLDER/report.html)")
  parser:option("--sheet", "the contact sheet (default: beside the page, .png; none: no sheet)")
  parser:option("--title", "title of the page (default: the folder's name)")
  parser:option("--limit", "cases (network on image) that the page shows (default: 60, with at most 1500 maps)")
    :convert(math.tointeger)
end

--- Says what is on the page as not made, each reason once.
local function warn(failures)
  for _, group in ipairs(collect.grouped(failures)) do
    local what = group.count > 1 and ("%d cases"):format(group.count) or group.failure.what or group.failure.image
    cli.complain(("warning: %s: %s"):format(what or "?", group.failure.error))
  end
end

--- Does the work.
---@param arguments table parsed command line
---@return integer status
function M.run(arguments)
  local made, message = report.make(arguments.folders, { out = arguments.out, sheet = arguments.sheet,
    title = arguments.title, limit = arguments.limit })
  if not made then
    cli.complain(message)
    return cli.FAILED
  end
  warn(made.report.failures)
  print(made.page)
  if made.sheet then print(made.sheet) end
  return cli.DONE
end

return M
