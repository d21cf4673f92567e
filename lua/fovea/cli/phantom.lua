--- fovea phantom NAME: pictures drawn from a seed, with their masks, as PNG files.
local cases = require "fovea.cases"
local cli = require "fovea.cli"
local image = require "fovea.image"
local phantom = require "fovea.phantom"

local M = {
  summary = "draw phantoms: pictures with exact masks",
  epilog = "Writes NAME.SEED.png, NAME.SEED.mask.png (0 and 255) and with --parts NAME.SEED.PART.png. The path "
    .. "phantom:NAME:SEED[,KEY=VALUE...][#PART] stands for the same pictures wherever a command takes an image or a "
    .. "mask. Exit status: 0 done, 1 failed, 2 misuse.",
}

--- One line per modality.
local function modalities()
  local lines = {}
  for _, name in ipairs(phantom.names()) do
    lines[#lines + 1] = ("  %-12s %s; mask: %s"):format(name, require("fovea.phantom." .. name).summary,
      require("fovea.phantom." .. name).target)
  end
  return table.concat(lines, "\n")
end

--- Describes the command line.
---@param parser table argparse parser
function M.define(parser)
  parser:epilog(M.epilog .. "\n\nPhantoms:\n" .. modalities())
  parser:argument("name", "phantom (below)")
  parser:option("--seed", "seed of the first (default 1); the others follow"):convert(math.tointeger):default "1"
  parser:option("--count", "how many (default 1)"):convert(math.tointeger):default "1"
  parser:option("--size", "height and width (default 128)"):convert(math.tointeger):default "128"
  parser:option("--target", "part that is the mask (default: the phantom's own)")
  parser:option("--shortcut", "share with a marker that gives the target away: true, false, 0.5"):argname "SHARE"
  parser:option("--marker", "where the marker lies in the others: chance, none, target, other")
  parser:option("--decoy", "share of the others with a second candidate: true, false, 0.5"):argname "SHARE"
  parser:option("--out", "folder for the files"):count(1)
  parser:flag("--parts", "also write the mask of every part")
end

--- Writes the files of one phantom; returns a message when that fails.
local function write(made, folder, with_parts)
  local base = ("%s/%s.%d"):format(folder, made.name, made.seed)
  local files = { [base .. ".png"] = made.image, [base .. ".mask.png"] = made.mask * 255 }
  for part, mask in pairs(with_parts and made.parts or {}) do files[("%s.%s.png"):format(base, part)] = mask * 255 end
  for path, content in pairs(files) do
    local ok, message = image.write(path, content)
    if not ok then return message end
  end
end

--- Does the work.
---@param arguments table parsed command line
---@return integer status
function M.run(arguments)
  if arguments.count < 1 then error("--count: at least 1", 0) end
  local options = { size = arguments.size, target = arguments.target, shortcut = arguments.shortcut,
    marker = arguments.marker, decoy = arguments.decoy, seed = arguments.seed }
  phantom.make(arguments.name, options) -- misuse shows before a folder is made
  local ok, message = cases.make_folder(arguments.out)
  for i = 0, ok and arguments.count - 1 or -1 do
    options.seed = arguments.seed + i
    message = message or write(phantom.make(arguments.name, options), arguments.out, arguments.parts)
  end
  if not message then return cli.DONE end
  cli.complain(message)
  return cli.FAILED
end

return M
