--- fovea merge FOLDER...: the results of shards in one table.
local cli = require "fovea.cli"
local recipe = require "fovea.recipe"
local summary = require "fovea.report.summary"
local text = require "fovea.report.text"

local M = {
  summary = "join the results of shards into one table",
  epilog = "Every case must be there exactly once; otherwise the missing and double ones are listed and nothing is "
    .. "written. Exit status: 0 done, 1 refused, or some cases failed, 2 misuse.",
}

--- Describes the command line.
---@param parser table argparse parser
function M.define(parser)
  parser:argument("folders", "folders of results, as fovea run --shard wrote them"):args "+"
  parser:option("--out", "folder for the joined results (default: the only folder given)")
end

--- Does the work.
---@param arguments table parsed command line
---@return integer status
function M.run(arguments)
  if not arguments.out and #arguments.folders > 1 then error("merge: several folders need --out", 0) end
  local result, message = recipe.merge(arguments.folders, arguments.out or arguments.folders[1])
  if not result then
    cli.complain(message)
    return cli.FAILED
  end
  io.stdout:write(text.plain(summary.cells(result.summary)))
  print(("%d cases joined, %d failed; results in %s"):format(#result.records, result.failed, result.folder))
  return result.failed > 0 and cli.FAILED or cli.DONE
end

return M
