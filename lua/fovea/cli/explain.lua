--- fovea explain MODEL IMAGE...: heat maps as pictures, raw maps and records.
local cases = require "fovea.cases"
local cli = require "fovea.cli"
local model_module = require "fovea.model"
local progress = require "fovea.progress"
local replay = require "fovea.replay"
local threshold = require "fovea.threshold"

--- One line per strategy, with its parameters.
local function strategies()
  local lines = {}
  for _, strategy in ipairs(threshold.describe()) do
    local name = strategy.name .. (strategy.of and "(...)" or "")
    lines[#lines + 1] = ("  %-22s %s"):format(name, strategy.doc)
    if strategy.text ~= "" then lines[#lines + 1] = (" "):rep(27) .. strategy.text end
  end
  return table.concat(lines, "\n")
end

local M = {
  summary = "write heat maps of images",
  epilog = "One PNG per combination, IMAGE.LAYER.THRESHOLD.METHOD.png, and explain.json with one record per map. "
    .. "IMAGE may be a .npy or .safetensors tensor (N C H W) that is already preprocessed; FILE.safetensors#NAME picks "
    .. "a tensor. Exit status: 0 done, 1 some cases failed, 2 misuse.",
}

--- The end of the help.
---@return string
function M.describe()
  return M.epilog .. "\n\nStrategies, as NAME:VALUE,NAME=VALUE; combined as 'a & b', 'a | b', 'a - b', '~a'; "
    .. "(...) stands for another one,\nas in component(otsu):largest:\n" .. strategies()
end

--- Describes the command line.
---@param parser table argparse parser
function M.define(parser)
  parser:argument("model", "model (.onnx), or weights (.pth, .safetensors) with --arch"):args "?"
  parser:argument("images", "pictures (PNG, JPEG, TIFF, ...), .npy or .safetensors files"):args "*"
  cli.define_model(parser)
  parser:option("--from", "repeat a record instead: FILE.json#N, as --out wrote it")
  parser:option("--out", "folder for the results"):count(1)
  parser:option("--layer", "layer name, pattern, 'candidates' or 'all' (default: bottleneck and last block)"):count "*"
  parser:option("--threshold", "strategy: 0.5, otsu, quantile:0.95, ... (below)"):count "*"
  parser:option("--method", "gradcam, hirescam"):count "*"
  parser:option("--score", "what is summed: logit or probability"):choices { "logit", "probability" }
  parser:option("--reduction", "sum (default) or mean of the picked pixels"):choices { "sum", "mean" }
  parser:option("--activation", "from output to probability, when its end does not tell")
    :choices { "sigmoid", "softmax", "none" }
  parser:option("--ground-truth", "mask file (PNG, .npy, .safetensors) for tp, fp, fn: one, or one per image"):count "*"
  parser:option("--ground-truth-label", "value of the mask that is inside (default: all but 0)"):convert(tonumber)
  parser:option("--spacing", "mm per pixel of the image, one number per axis"):args "+"
  parser:option("--output", "name or number of the model's output")
  parser:option("--class", "class, from 1"):convert(math.tointeger)
  parser:option("--precision", "f32, or bf16: convolutions read bfloat16; a preview, whose error is measured and told")
    :choices { "f32", "bf16" }
  parser:flag("--exact", "convolutions by plain sums: slower, with half the rounding error")
  cli.define_memory(parser)
  cli.define_preprocess(parser)
  parser:option("--upsample", "coordinate rule of old Upsample nodes: half_pixel, asymmetric, align_corners")
  parser:option("--sign", "part of the map shown: positive, negative, absolute, signed")
    :choices { "positive", "negative", "absolute", "signed" }
  parser:option("--colormap", "viridis, inferno, jet, grey, diverging")
  parser:option("--raw", "also write the raw signed map of the layer as"):choices { "npy" }
  parser:flag("--colorbar", "colour bar beside the picture")
  parser:flag("--panel", "picture with image, target and heat map side by side")
  parser:flag("--json", "print the records on standard output")
end

local function list_or_nil(list) return #list > 0 and list or nil end

local function explain_options(arguments, model)
  return {
    layers = list_or_nil(arguments.layer), thresholds = list_or_nil(arguments.threshold),
    methods = list_or_nil(arguments.method), score = arguments.score, output = arguments.output,
    reduction = arguments.reduction, activation = arguments.activation,
    class = arguments.class, preprocess = cli.preprocessing(arguments, model),
    ground_truth_label = arguments.ground_truth_label, spacing = cli.numbers(arguments.spacing, "spacing"),
    exact = arguments.exact, precision = arguments.precision,
  }
end

--- The ground truth of each image, by position.
local function ground_truths(arguments)
  local given, list = arguments.ground_truth, {}
  if #given == 0 then return list end
  if #given ~= 1 and #given ~= #arguments.images then
    error(("--ground-truth: %d masks for %d images"):format(#given, #arguments.images), 0)
  end
  for i in ipairs(arguments.images) do list[i] = given[i] or given[1] end
  return list
end

local function load_model(path, options, arguments)
  local model, message = model_module.load(path, options)
  if not model then return nil, message end
  cli.limit_memory(arguments, model)
  for _, warning in ipairs(model.warnings) do cli.complain("warning: " .. warning) end
  return model
end

--- What is to be done: the model, the paths and the options of each.
local function plan(arguments)
  if not arguments.model or #arguments.images == 0 then
    error(("%s is missing"):format(arguments.model and "the images" or "the model"), 0)
  end
  local truths = ground_truths(arguments)
  local loading = cli.load_options(arguments)
  loading.upsample_coordinates = arguments.upsample
  local model, message = load_model(arguments.model, loading, arguments)
  if not model then return nil, message end
  local list, options = {}, explain_options(arguments, model)
  for i, path in ipairs(arguments.images) do
    local own = { ground_truth = truths[i] }
    for key, value in pairs(options) do own[key] = value end
    list[i] = { path = path, options = own }
  end
  return { model = model, cases = list }
end

local OF_A_RECORD = { "layer", "threshold", "method", "score", "reduction", "activation", "output", "class", "size",
  "fit", "channels", "order", "scale", "mean", "std", "upsample", "ground_truth", "ground_truth_label", "spacing",
  "exact", "precision", "arch", "arch_option", "entry", "keras", "map", "partial" }

--- The same for a record.
local function plan_from(arguments)
  if arguments.model then error("--from: model and image come from the record", 0) end
  for _, key in ipairs(OF_A_RECORD) do
    local value = arguments[key]
    if value ~= nil and not (type(value) == "table" and #value == 0) then
      error(("--from: --%s comes from the record"):format((key:gsub("_", "-"))), 0)
    end
  end
  local record, message = replay.read(arguments.from)
  if not record then return nil, message end
  local options, complaint = replay.options(record)
  if not options then return nil, ("%s: %s"):format(arguments.from, complaint) end
  local model, reason = load_model(record.model, record.load, arguments)
  if not model then return nil, reason end
  for _, line in ipairs(replay.changes(record)) do cli.complain("warning: " .. line) end
  return { model = model, cases = { { path = record.image, options = options } } }
end

--- Does the work.
---@param arguments table parsed command line
---@return integer status
function M.run(arguments)
  local work, message = (arguments.from and plan_from or plan)(arguments)
  local writer, reason
  if work then writer, reason = cases.writer(arguments.out, work.model, arguments, #work.cases) end
  if not writer then
    cli.complain(message or reason)
    return cli.FAILED
  end
  local bar = progress.new(#work.cases, "explaining")
  for _, case in ipairs(work.cases) do
    for _, complaint in ipairs(writer:case(case.path, case.options)) do bar:say("fovea: " .. complaint) end
    bar:step(case.path)
  end
  bar:done()
  local written, problem = writer:finish()
  if not written then
    cli.complain(problem)
    return cli.FAILED
  end
  if arguments.json then print(writer:text()) end
  return writer.failures > 0 and cli.FAILED or cli.DONE
end

return M
