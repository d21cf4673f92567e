--- What a training recipe may say: every key with its type, default and meaning. The reader (fovea.train.recipe), the
--- reference of `fovea train --schema` and the JSON Schema for editors are made from this table.
local lookup = require "fovea.lookup"
local schema = require "fovea.recipe.schema"

local make = schema.make
local text, typed, choice, map, either = make.text, make.typed, make.choice, make.map, make.either

local M = {}

--- A loss, optimiser or schedule: a name, or a name with options, whose values their own file checks.
local function part(kind, doc, default)
  local names = table.concat(lookup.names("fovea.train." .. kind), ", ")
  return either(("%s: %s, or file:PATH"):format(doc, names), { text "its name",
    map("with options", { { "name", text("its name", { required = true }) } }, { mark = "name", open = "any" }),
    typed("script", "a function") }, { default = default })
end

local function whole(doc, least, default) return typed("integer", doc, { min = least, default = default }) end

local function texts(doc) return make.list(doc, text "a name") end

local set = {
  { "files", make.list("image files or patterns", typed("path", "file or pattern")) },
  { "masks", typed("path", "mask of each image: a path with {name} for the image's name without suffix") },
  { "exclude", texts "patterns of file names to leave out" },
  { "manifest", typed("path", "CSV file with the columns image, mask, and name, fov, split as wanted") },
  { "data_set", text "a published layout (fovea.data.layouts); needs root" },
  { "root", typed("path", "folder of the data set") },
  { "observer", whole("whose masks, where there are several observers", 1) },
  { "structure", text "what is the foreground, where there are several structures" },
  { "phantom", text "generated images: name of the phantom" },
  { "count", whole("number of phantoms", 1) },
  { "seed", whole("of the first phantom; default 1", 0) },
  { "part", text "part of the phantom that is the mask" },
  { "split", text "only items of that split" },
  { "first", whole("first item taken, from 1, in the order of names", 1) },
  { "last", whole("last item taken", 1) },
  { "limit", whole("most items taken", 1) },
  { "foreground", typed("number", "mask value of the foreground; default: all but 0") },
  { "threshold", typed("number", "mask values above it are foreground") },
  { "classes", either("number of classes (mask values 0, 1, ...), or the mask value of each",
    { whole("number", 2), typed("list", "values", { of = typed("number", "a value") }) }) },
}

local SET = "a data set: files, manifest, data_set or phantom; other keys are options of the phantom"

local data = map("what is trained with", {
  { "train", map(SET, set, { open = "any", required = true }) },
  { "validation", map(SET, set, { open = "any" }) },
  { "patch", either("height and width of patches cut out of the images; default: whole images",
    { whole("both", 1), typed("list", "height, width", { of = whole("pixels", 1) }) }) },
  { "patches_per_image", whole("samples per image and epoch", 1) },
  { "foreground_share", typed("number", "share of patches centred on a foreground pixel", { min = 0, max = 1 }) },
  { "augment", map("random changes of samples (fovea.data.augment): flip, quarter, rotate, scale, shift, elastic, "
    .. "brightness, contrast, gamma, blur, noise", {}, { open = "any" }) },
  { "shuffle", either("a new order in every epoch; default true", { typed("boolean", "yes or no"),
    choice("the patches of an image stay together", { "image" }) }) },
  { "drop_last", typed("boolean", "leave out a smaller last batch; default as shuffle") },
  { "cache_bytes", whole("most bytes of images kept in memory; default 1 GiB", 0) },
  { "validation_batch", whole("images per batch of the validation, which are then of one size", 1, 1) },
}, { required = true })

local stopping = map("ends the run when the watched value stops improving", {
  { "patience", typed("integer", "epochs without improvement", { min = 1, required = true }) },
  { "least", typed("number", "smallest change that counts; default 0", { min = 0 }) },
})

--- The whole recipe.
M.recipe = map("a training recipe", {
  { "name", text "name of the weight file; default: that of the recipe" },
  { "arch", text("the network: a name, or a Lua file", { required = true }) },
  { "arch_options", map("options of the network", {}, { open = "any" }) },
  { "weights", typed("path", "weights to begin with; default: random ones by the seed") },
  { "preprocess", schema.preprocess },
  { "data", data },
  { "loss", part("loss", "what is made small", "dice_bce") },
  { "outputs", map("weights of the outputs, where there are several; default: 1 each", {}, { open = true }) },
  { "activation", choice("from output to probability, when the model's end does not tell", { "sigmoid", "softmax" }) },
  { "optimiser", part("optimiser", "how the weights follow the gradient", "adam") },
  { "schedule", part("schedule", "how the learning rate changes", "constant") },
  { "clip", typed("number", "largest norm of the gradient of all parameters", { min = 0 }) },
  { "frozen", texts "patterns of parameters that stay as they are" },
  { "exact", typed("boolean", "convolutions by plain sums: slower, with half the rounding error") },
  { "batch", whole("samples per step", 1, 8) },
  { "epochs", whole("passes over the data", 1, 10) },
  { "steps_per_epoch", whole("steps of an epoch; default: all samples once", 1) },
  { "metrics", texts "metrics of the validation (fovea.evaluate); default dice and iou" },
  { "watch", text "value that decides what is best: loss or a metric; default the first metric" },
  { "early_stopping", stopping },
  { "keep", choice("weights that are written: the best by what is watched (default with validation), or the last",
    { "best", "last" }) },
  { "dtype", choice("numbers in the weight file", { "float32", "float16" }, "float32") },
  { "statistics_epochs", whole("epochs after which batch normalisation keeps its running statistics and works by them; "
    .. "helps where layers are shared, as in R2U-Net; default: never", 1) },
  { "checkpoint_steps", whole("steps after which the state is written within an epoch, too", 1) },
  { "seed", whole("of first weights, order, changes and dropout", 0, 0) },
  { "out", text "folder of the results, in the working directory; default: the name" },
})

--- The options of all losses, optimisers and schedules, as text.
---@return string
function M.parts()
  local lines = {}
  for _, kind in ipairs { "loss", "optimiser", "schedule" } do
    for _, name in ipairs(lookup.names("fovea.train." .. kind)) do
      local found = require(("fovea.train.%s.%s"):format(kind, name))
      lines[#lines + 1] = ("%s %s: %s"):format(kind, name, found.doc)
      for _, option in ipairs(found.options) do
        local default = option.default ~= nil and (" [%s]"):format(option.default) or ""
        lines[#lines + 1] = ("    %s%s: %s"):format(option.name, default, option.doc)
      end
    end
  end
  return table.concat(lines, "\n")
end

return M
