--- What a recipe may say: every key with its type, default and meaning. The reader (recipe/check.lua), the reference of
--- `fovea run --schema` and the JSON Schema for editors are all made from this table.
---
--- Types: text, path (a text; relative to the recipe's folder), integer, number, boolean, script (a function, from Lua
--- only), list (`of`; with `single` one item may stand alone), map (`keys`; with `open` any key with a plain value,
--- with `open = "any"` also with lists and tables), any, tree (a path or a table, kept as nodes), either (`of`:
--- alternatives, told apart by kind, maps by their key `mark`).
local M = {}

local function text(doc, extra)
  local rule = { type = "text", doc = doc }
  for key, value in pairs(extra or {}) do rule[key] = value end
  return rule
end

local function typed(kind, doc, extra)
  local rule = text(doc, extra)
  rule.type = kind
  return rule
end

local function choice(doc, choices, default) return text(doc, { choices = choices, default = default }) end

local function map(doc, keys, extra)
  local rule = typed("map", doc, extra)
  rule.keys = keys
  return rule
end

local function either(doc, of, extra)
  local rule = typed("either", doc, extra)
  rule.of = of
  return rule
end

local function list(doc, of, extra)
  local rule = typed("list", doc, extra)
  rule.of, rule.single = of, true
  return rule
end

M.make = { text = text, typed = typed, choice = choice, map = map, either = either, list = list }

local numbers = list("one number, or one per channel", typed("number", "a number"))

local preprocess = map("how an image becomes the model's input (fovea.preprocess); default: what the model says", {
  { "channels", typed("integer", "1 or 3", { min = 1, max = 3 }) },
  { "order", choice("channel order", { "rgb", "bgr" }) },
  { "alpha", choice("what becomes of transparency", { "drop", "black" }) },
  { "scale", typed("number", "factor of the pixel values; default 1/255, or 1/65535 for 16 bits") },
  { "mean", numbers },
  { "std", numbers },
  { "size", map("size of the input", {
    { "policy", choice("how the size is reached", { "none", "fixed", "resize", "pad", "crop" }) },
    { "height", typed("integer", "rows", { min = 1 }) },
    { "width", typed("integer", "columns", { min = 1 }) },
    { "multiple", typed("integer", "sides become multiples of this", { min = 1 }) },
    { "fill", choice("what padding holds", { "reflect", "zero" }) },
    { "top", typed("integer", "rows added or cut off above", { min = 0 }) },
    { "left", typed("integer", "columns added or cut off at the left", { min = 0 }) },
  }) },
})

M.preprocess = preprocess

local class = typed("integer", "class that is explained, from 1; default: the foreground", { min = 1 })
local output = either("name or number of the model's output; default the first",
  { typed("integer", "its number", { min = 1 }), text "its name" })
local activation = choice("from output to probability, when the model's end does not tell",
  { "sigmoid", "softmax", "none" })

local model = map("a model with settings of its own; it needs path or train", {
  { "path", typed("path", "model file or pattern: ONNX, or weights of a network of Fovea") },
  { "train", typed("tree", "training recipe (fovea train): a file, or its keys, with extends: FILE for those of a "
    .. "file. Weights at `path`, or in the folder of the training, are taken if they are of this network; else it is "
    .. "trained first") },
  { "name", text "name in tables; default: the file's name" },
  { "preprocess", preprocess },
  { "class", class },
  { "output", output },
  { "activation", activation },
  { "arch", text "network that weights belong to: a name, or a Lua file; default: what is noted beside the weights" },
  { "arch_options", map("options of the network", {}, { open = true }) },
  { "entry", text "part of a PyTorch checkpoint that holds the weights" },
  { "keras", map("what an old Keras file does not say", {
    { "backend", choice("backend it was trained with", { "theano", "tensorflow" }) },
    { "dim_ordering", choice("order of its axes", { "th", "tf" }) },
    { "architecture", typed("path", "JSON file with the architecture") },
  }) },
  { "map", text "how names in the file become those of the network" },
  { "strict", typed("boolean", "false accepts weights that lack some parameters or have others") },
  { "upsample_coordinates", choice("coordinate rule of old Upsample nodes",
    { "half_pixel", "asymmetric", "align_corners" }) },
})

local image = map("an image with its mask", {
  { "image", typed("path", "picture, .npy or .safetensors file", { required = true }) },
  { "mask", typed("path", "ground truth: picture (no JPEG), .npy or .safetensors file; all but 0 is foreground") },
  { "fov", typed("path", "field of view: a mask; what lies outside of it is not evaluated") },
  { "name", text "name in tables; default: the file's name" },
}, { mark = "image" })

local function share(doc)
  return either(doc .. ": all, none, or this share of them",
    { typed("boolean", "all or none"), typed("number", "share", { min = 0, max = 1 }) })
end

local image_set = map("a set of images", {
  { "files", list("files or patterns", typed("path", "file or pattern")) },
  { "exclude", list("patterns of file names to leave out", text "pattern such as \"*_mask.png\"") },
  { "masks", typed("path", "ground truth of each image: a path with {name} for the image's name without suffix; "
    .. "patterns are allowed") },
  { "manifest", typed("path", "CSV file with the columns image, and mask, name, fov (field of view), split as wanted; "
    .. "paths in it are relative to it") },
  { "data_set", text "name of a known data set (a file of lua/fovea/data/layout); needs root" },
  { "root", typed("path", "folder of the data set; ${NAME} in a path is a variable of the environment") },
  { "observer", typed("integer", "whose masks, where a data set has several observers", { min = 1 }) },
  { "structure", text "what is the foreground, where a data set has several structures" },
  { "phantom", text "name of a phantom: dermoscopy, fundus, lung_ct; image i has the seed `seed` + i - 1" },
  { "count", typed("integer", "number of phantoms", { min = 1 }) },
  { "seed", typed("integer", "seed of the first phantom; default 1") },
  { "size", typed("integer", "height and width of the phantoms; default 128", { min = 32, max = 4096 }) },
  { "target", text "part of the phantoms that is their mask; default: the modality's own" },
  { "shortcut", share "phantoms with a marker that gives the target away" },
  { "marker", choice("where the marker of phantoms without a shortcut lies", { "chance", "none", "other", "target" }) },
  { "decoy", share "phantoms with a second candidate that does not belong to the target" },
  { "part", text "part of the phantoms to compare with instead of their mask" },
  { "split", text "only images of this split: train, validation, test" },
  { "first", typed("integer", "first image taken, from 1, in natural order of the names", { min = 1 }) },
  { "last", typed("integer", "last image taken", { min = 1 }) },
  { "limit", typed("integer", "only the first so many", { min = 1 }) },
  { "foreground", typed("number", "value of the foreground in the masks; default: all but 0") },
  { "threshold", typed("number", "values above it are foreground; needed for masks that are JPEG files") },
})

local strategy = either("a threshold strategy", {
  typed("number", "fixed threshold on the probability"),
  text "text form: otsu, quantile:0.95, top_k:100, file:my_strategy.lua, ...",
  map("the same strategy at several values of its first parameter, in equal steps", {
    { "sweep", text("name of the strategy", { required = true }) },
    { "from", typed("number", "first value", { required = true }) },
    { "to", typed("number", "last value", { required = true }) },
    { "steps", typed("integer", "number of values", { required = true, min = 2, max = 1000 }) },
  }, { mark = "sweep" }),
  map("a strategy with named parameters", { { "name", text("its name", { required = true }) } },
    { mark = "name", open = true }),
  typed("script", "a function"),
})

local metric = either("a metric", {
  text "text form: gini, roc_auc:ground_truth, file:my_metric.lua, ...",
  map("a metric with named parameters", { { "name", text("its name", { required = true }) } },
    { mark = "name", open = true }),
  typed("script", "a function"),
})

local drawing = map("how pictures are drawn", {
  { "sign", choice("part of the map that is shown", { "positive", "negative", "absolute", "signed" }) },
  { "colormap", choice("colours", { "viridis", "inferno", "jet", "grey", "diverging" }) },
  { "alpha", typed("number", "opacity of the map", { min = 0, max = 1 }) },
  { "contour", typed("boolean", "outline of the explained pixels; default true") },
  { "colorbar", typed("boolean", "colour bar beside an overlay; default false") },
})

local figure = map("a grid of pictures: rows are images", {
  { "columns", choice("what the columns are; the rest gives one figure each",
    { "layers", "strategies", "methods", "scores" }, "strategies") },
  { "only", map("only cases of this model, layer, threshold, method, score", {
    { "model", text "its name" }, { "layer", text "its name" }, { "threshold", text "as in the tables" },
    { "method", text "as in the tables" }, { "score", text "logit or probability" } }) },
  { "rows", typed("integer", "at most so many images", { min = 1, default = 8 }) },
  { "cell", typed("integer", "width of a picture in pixels", { min = 32, max = 4096, default = 240 }) },
})

local outputs = map("what is written besides the tables (cases.csv, cases.jsonl, summary.csv, .md, .txt)", {
  { "overlays", typed("boolean", "one picture per case: the map over the image", { default = true }) },
  { "panels", typed("boolean", "pictures with image, target and map side by side", { default = false }) },
  { "raw", either("the signed map at layer resolution, one file per case", {
    typed("boolean", "true: npy"), choice("format", { "npy" }) }, { default = false }) },
  { "views", typed("boolean", "small pictures of image, prediction, target and map, for the page of fovea report",
    { default = true }) },
  { "figure", either("figures of pictures in a grid", { typed("boolean", "false: none"), figure,
    typed("list", "several", { of = figure }) }, { default = true }) },
  { "charts", list("metrics whose means are drawn by layer, strategy and score", text "as in metrics, or pixels") },
  { "summaries", list("more summaries, pooled over all else, such as layer, threshold+score (parts: model, image, "
    .. "layer, threshold, method, score)", text "parts, joined by +") },
})

local segmentation = map("how segmentations are scored", {
  { "metrics", list("metrics (fovea evaluate --help); default: all", text "its name") },
  { "threshold", typed("number", "probability above which a pixel is predicted; default 0.5", { min = 0, max = 1 }) },
  { "tile", typed("list", "predict in windows: height, width", { of = typed("integer", "pixels", { min = 1 }) }) },
  { "overlap", typed("number", "part that neighbouring windows share; default 0.5", { min = 0, max = 0.95 }) },
})

--- The whole recipe.
M.recipe = map("a recipe: models x images x layers x strategies x methods x scores", {
  { "name", text "name of the experiment; default: that of the file" },
  { "models", list("the models", either("a model", { typed("path", "model file or pattern"), model }),
    { required = true }) },
  { "images", either("the images", {
    image_set, list("files, patterns, or images with masks", either("an image", { typed("path", "file or pattern"),
      image })),
  }, { required = true }) },
  { "preprocess", preprocess },
  { "layers", list("layers: names, patterns such as dec*, auto (bottleneck and last block), candidates (those that "
    .. "the architecture names), sweep (all layers on the "
    .. "way to the output), file:my_filter.lua", either("a layer", { text "name or pattern",
      typed("script", "a function") }), { default = "auto" }) },
  { "strategies", list("threshold strategies: which pixels are explained", strategy, { default = 0.5 }) },
  { "methods", list("methods: gradcam, hirescam, ..., file:my_method.lua", either("a method", {
    text "its name", typed("script", "a method table or function") }), { default = "gradcam" }) },
  { "scores", list("what is summed over the explained pixels", choice("a score", { "logit", "probability" }),
    { default = "logit" }) },
  { "reduction", choice("sum or mean of the explained pixels", { "sum", "mean" }, "sum") },
  { "class", class },
  { "output", output },
  { "activation", activation },
  { "ground_truth_label", typed("number", "value of the foreground in the masks; default: all but 0") },
  { "spacing", typed("list", "millimetres per pixel along each axis, for strategies that measure",
    { of = typed("number", "mm") }) },
  { "precision", choice("of what convolutions read: bf16 is rough and for previews; the error is in the records",
    { "f32", "bf16" }, "f32") },
  { "exact", typed("boolean", "convolutions by plain sums: slower, with half the rounding error; default: false") },
  { "memory", either("most memory that each process may use; slower ways that need less are taken, and what cannot be "
    .. "done in it is refused; default: no limit", { typed("integer", "bytes", { min = 1 }),
      text "a size such as 512M, 2G or 1.5G" }) },
  { "metrics", list("metrics of every map", metric) },
  { "evaluate", either("whether every model is scored on the images with masks (evaluation*.csv, .md)",
    { typed("boolean", "with all defaults"), segmentation }, { default = false }) },
  { "explain", typed("integer", "only so many images, the first, get heat maps; the others are only scored (evaluate)",
    { min = 1 }) },
  { "outputs", outputs },
  { "drawing", drawing },
  { "results", typed("path", "folder of the results; default: the recipe's name, in the working directory") },
})

--- Words that people may use for a key.
M.synonyms = { thresholds = "strategies", threshold = "strategies", strategy = "strategies", layer = "layers",
  method = "methods", score = "scores", metric = "metrics", image = "images", model = "models", out = "results",
  target = "strategies", figures = "figure", overlay = "overlays", file = "files", dataset = "data_set",
  mask = "masks" }

return M
