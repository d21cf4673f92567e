--- fovea data [NAME [ROOT]]: the published data sets that are known, and whether a copy of one is complete.
local cli = require "fovea.cli"
local data = require "fovea.data"
local lookup = require "fovea.lookup"
local text = require "fovea.report.text"

local M = {
  summary = "list the data sets that are known, or look at a copy of one",
  epilog = "With a name: what its files are called. With its folder too: counts the images, reads every image and mask "
    .. "and tells what is missing or damaged. Exit status: 0 done, 1 something is missing or damaged, 2 misuse.",
}

--- Describes the command line.
---@param parser table argparse parser
function M.define(parser)
  parser:argument("name", "data set; none: all that are known"):args "?"
  parser:argument("root", "its folder"):args "?"
  parser:option("--split", "only the images of this split")
  parser:option("--observer", "whose masks, where there are several observers"):convert(math.tointeger)
  parser:option("--structure", "what is the foreground, where there are several structures")
  parser:flag("--quick", "do not read the files")
end

local function list()
  local rows = {}
  for i, layout in ipairs(data.layouts()) do
    rows[i] = { layout.name, layout.splits and table.concat(layout.splits, ", ") or "-", layout.summary }
  end
  io.stdout:write(text.plain({ "name", "splits", "data set" }, rows))
  return cli.DONE
end

-- What is known about one; it raises for an unknown name.
local function describe(name)
  local names = {}
  for i, layout in ipairs(data.layouts()) do
    names[i] = layout.name
    if layout.name == name then
      print(("%s\nfiles: %s\nsplits: %s"):format(layout.summary, layout.wanted,
        layout.splits and table.concat(layout.splits, ", ") or "none"))
      return cli.DONE
    end
  end
  error("data: " .. lookup.unknown("unknown data set", name, names), 0)
end

-- "28 images; test: 8, train: 20".
local function counts(set)
  local count, names = {}, {}
  for _, item in ipairs(set.items) do
    if item.split and not count[item.split] then names[#names + 1] = item.split end
    if item.split then count[item.split] = (count[item.split] or 0) + 1 end
  end
  table.sort(names)
  for i, name in ipairs(names) do names[i] = ("%s: %d"):format(name, count[name]) end
  return ("%d images%s"):format(#set, #names > 0 and "; " .. table.concat(names, ", ") or "")
end

-- Reads all items: the first and last size that occur, the share of the foreground, and what went wrong.
local function read_all(set)
  local sizes, order, pixels, marked, failed = {}, {}, 0, 0, 0
  for i = 1, #set do
    local sample, message = set:read(i)
    if sample then
      local size = ("%dx%d"):format(sample.image.width, sample.image.height)
      if not sizes[size] then order[#order + 1] = size end
      sizes[size] = (sizes[size] or 0) + 1
      if sample.mask then
        pixels, marked = pixels + sample.mask:count(), marked + sample.mask:count_nonzero()
      end
    else
      failed = failed + 1
      cli.complain(message)
    end
  end
  print(("sizes: %s%s"):format(table.concat(order, ", ", 1, math.min(#order, 5)),
    #order > 5 and (", and %d more"):format(#order - 5) or ""))
  if pixels > 0 then print(("foreground: %.2f %% of all pixels"):format(100 * marked / pixels)) end
  return failed
end

--- Does the work.
---@param arguments table parsed command line
---@return integer status
function M.run(arguments)
  if not arguments.name then return list() end
  if not arguments.root then return describe(arguments.name) end
  local set, message = data.open { data_set = arguments.name, root = arguments.root, split = arguments.split,
    observer = arguments.observer, structure = arguments.structure }
  if not set then
    cli.complain(message)
    return cli.FAILED
  end
  print(counts(set))
  return not arguments.quick and read_all(set) > 0 and cli.FAILED or cli.DONE
end

return M
