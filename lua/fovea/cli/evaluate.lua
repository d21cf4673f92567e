--- fovea evaluate MODEL [IMAGE...]: how good a model segments.
local cli = require "fovea.cli"
local core = require "fovea.core"
local evaluate = require "fovea.evaluate"
local fovea = require "fovea"
local images = require "fovea.evaluate.images"
local picture = require "fovea.evaluate.picture"
local progress = require "fovea.progress"
local tables = require "fovea.evaluate.tables"
local text = require "fovea.report.text"

local M = { summary = "score the segmentations of a model against true masks" }

local EPILOG = [==[
Data are image files with --masks, or one of --data-set, --manifest, --phantom, --data. Writes to --out: scores.csv (one
line per image), summary.csv, summary.md, summary.json. The probabilities are brought back to the size of the image
before they are compared with the mask; a pixel is predicted where its probability is above the threshold. Pixels
outside of the field of view (of data sets that have one) do not count. Scores that do not exist (a distance to an
empty mask) are NaN and left out of the summary, which says how many. The interval of the mean is a percentile
bootstrap. Exit status: 0 done, 1 some images failed (the others are there), 2 misuse.

Metrics:
]==]

local function metric_lines()
  local lines = {}
  for i, name in ipairs(evaluate.names()) do
    lines[i] = ("  %-12s %s"):format(name, evaluate.metric(name).summary)
  end
  return table.concat(lines, "\n")
end

local function define_data(parser)
  parser:argument("images", "image files or patterns, or phantom:NAME:SEED"):args "*"
  parser:option("--masks", "true mask of each image: a path with {name} for the image's name without suffix")
  parser:option("--exclude", "pattern of image file names to leave out"):count "*"
  parser:option("--data-set", "published layout, such as chase_db1; with --root")
  parser:option("--root", "folder of the data set")
  parser:option("--observer", "whose masks, where there are several observers"):convert(math.tointeger)
  parser:option("--structure", "what is the foreground, where there are several structures")
  parser:option("--manifest", "CSV file with the columns image, mask, and name, fov, split as wanted")
  parser:option("--phantom", "generated images: name of the phantom; with --count, --seed, --phantom-option KEY=VALUE")
  parser:option("--count", "number of phantoms"):convert(math.tointeger)
  parser:option("--seed", "seed of the first phantom"):convert(math.tointeger)
  parser:option("--phantom-option", "option of the phantom, KEY=VALUE"):count "*"
  parser:option("--data", "YAML file with the keys of fovea.data.open (or a part of it: FILE.yaml#data.validation)")
  parser:option("--split", "only images of this split: train, validation, test")
  parser:option("--first", "first image taken, from 1, in the order of names"):convert(math.tointeger)
  parser:option("--last", "last image taken"):convert(math.tointeger)
  parser:option("--limit", "most images taken"):convert(math.tointeger)
  parser:option("--foreground", "mask value of the foreground (default: all but 0; with --class of a model with more "
    .. "than two classes: the class counted from 0)"):convert(tonumber)
  parser:option("--mask-threshold", "mask values above it are foreground"):convert(tonumber)
end

--- Describes the command line.
---@param parser table argparse parser
function M.define(parser)
  parser:epilog(EPILOG .. metric_lines())
  parser:argument("model", "model (.onnx), or weights (.pth, .safetensors) with --arch or notes of their network")
  define_data(parser)
  cli.define_model(parser)
  parser:option("--out", "folder for the tables")
  parser:option("--threshold", "probability above which a pixel is predicted (default 0.5)"):convert(tonumber)
  parser:option("--metric", "only these metrics (default: all)"):count "*"
  parser:option("--class", "class, from 1"):convert(math.tointeger)
  parser:option("--spacing", "mm per pixel along each axis: distances are in mm"):args "+"
  parser:option("--output", "name or number of the model's output")
  parser:option("--activation", "from output to probability, when its end does not tell")
    :choices { "sigmoid", "softmax", "none" }
  parser:option("--tile", "predict in overlapping windows WxH, for networks trained on patches")
  parser:option("--overlap", "part that neighbouring windows share (default 0.5)"):convert(tonumber)
  parser:flag("--no-fov", "count pixels outside of the field of view too")
  parser:flag("--pictures", "also write a picture of each image: found green, invented orange, missed blue")
  parser:option("--resamples", "of the bootstrap (default 2000)"):convert(math.tointeger)
  parser:option("--level", "of the interval (default 0.95)"):convert(tonumber)
  cli.define_memory(parser)
  cli.define_preprocess(parser)
  parser:flag("--json", "print summary.json")
end

-- data ---------------------------------------------------------------------------------------------------------------

local function plain(value)
  if value == "true" or value == "false" then return value == "true" end
  return math.tointeger(tonumber(value)) or tonumber(value) or value
end

--- The spec of a YAML file, or of the part of it behind "#".
local function from_yaml(argument)
  local path, part = argument:match "^(.-)#(.*)$"
  local spec, message = require("fovea.evaluate.data_file").read(path or argument, part)
  if not spec then return nil, message end
  return spec
end

local SELECTION = { "split", "first", "last", "limit", "foreground" }

--- What fovea.data.open is asked for.
local function data_spec(arguments)
  local spec = {}
  if arguments.data then
    local message
    spec, message = from_yaml(arguments.data)
    if not spec then return nil, message end
  end
  if #arguments.images > 0 then spec.files = arguments.images end
  if #arguments.exclude > 0 then spec.exclude = arguments.exclude end
  for _, key in ipairs { "masks", "data_set", "root", "observer", "structure", "manifest", "phantom", "count",
    "seed" } do
    if arguments[key] ~= nil then spec[key] = arguments[key] end
  end
  for _, option in ipairs(arguments.phantom_option) do
    local key, value = option:match "^([^=]+)=(.*)$"
    if not key then error(("--phantom-option: '%s' is not KEY=VALUE"):format(option), 0) end
    spec[key] = plain(value)
  end
  for _, key in ipairs(SELECTION) do
    if arguments[key] ~= nil then spec[key] = arguments[key] end
  end
  if arguments.mask_threshold then spec.threshold = arguments.mask_threshold end
  return spec
end

--- More than two classes: the true mask is where the mask has the number of the class, counted from 0.
local function settle_class(spec, arguments, model)
  local instance = assert(model:at(model:default_shape()))
  local classes = model:output(instance, arguments.output).logits:shape()[2]
  if classes > 2 and arguments.class and not (spec.foreground or spec.threshold) then
    spec.classes, spec.foreground = nil, arguments.class - 1
  end
end

local function open(arguments)
  local model, message = fovea.load(arguments.model, cli.load_options(arguments))
  if not model then return nil, message end
  cli.limit_memory(arguments, model)
  for _, warning in ipairs(model.warnings) do cli.complain("warning: " .. warning) end
  local spec, problem = data_spec(arguments)
  if not spec then return nil, problem end
  settle_class(spec, arguments, model)
  local set, reason = require("fovea.data").open(spec)
  if not set then return nil, reason end
  return { model = model, set = set, spec = spec }
end

-- running ------------------------------------------------------------------------------------------------------------

local function options_of(arguments, model)
  local tile
  if arguments.tile then
    local width, height = cli.extent(arguments.tile, "tile")
    tile = { height, width }
  end
  return { threshold = arguments.threshold, class = arguments.class, output = arguments.output,
    spacing = cli.numbers(arguments.spacing, "spacing"), activation = arguments.activation, tile = tile,
    overlap = arguments.overlap, metrics = #arguments.metric > 0 and arguments.metric or nil,
    preprocess = cli.preprocessing(arguments, model), fov = not arguments.no_fov, resamples = arguments.resamples,
    level = arguments.level }
end

--- Writes the pictures into a folder of the results.
local function picture_writer(out)
  if not out then error("--pictures: needs --out", 0) end
  local folder = out .. "/pictures"
  local ok, message = require("fovea.cases").make_folder(folder)
  if not ok then error(message, 0) end
  return function(sample, _, predicted)
    local path = ("%s/%s.png"):format(folder, (sample.name:gsub("[^%w%._%-]+", "-")))
    local written, problem = fovea.image.write(path, picture.draw(sample.image, predicted, sample.mask))
    if not written then cli.complain(problem) end
  end
end

local function run(work, arguments)
  local options = options_of(arguments, work.model)
  for _, name in ipairs(options.metrics or {}) do evaluate.metric(name) end -- unknown ones raise before anything runs
  options.keep = arguments.pictures and picture_writer(arguments.out)
  local bar = progress.new(#work.set, "evaluating")
  function options.report(row)
    if row.error then bar:say(("fovea: %s: %s"):format(row.name, row.error)) end
    bar:step(row.name)
  end
  local result = images.run(work.model, work.set, options)
  bar:done()
  return result
end

local function finish(work, result, arguments)
  local notes = { model = work.model.path, model_hash = core.file.hash(work.model.path), data = work.spec }
  if arguments.out then
    local ok, message = require("fovea.cases").make_folder(arguments.out)
    if ok then ok, message = tables.write(arguments.out, result, notes) end
    if not ok then
      cli.complain(message)
      return cli.FAILED
    end
  end
  if arguments.json then
    print(fovea.json.encode(tables.record(result, notes), { indent = 2, order = tables.ORDER }))
  else
    io.stdout:write(text.plain(tables.cells(result)))
    print(("%d images, %d failed%s"):format(#result.rows, result.failed,
      arguments.out and ("; tables in " .. arguments.out) or ""))
  end
  return result.failed > 0 and cli.FAILED or cli.DONE
end

--- Does the work.
---@param arguments table parsed command line
---@return integer status
function M.run(arguments)
  local work, message = open(arguments)
  if not work then
    cli.complain(message)
    return cli.FAILED
  end
  return finish(work, run(work, arguments), arguments)
end

return M
