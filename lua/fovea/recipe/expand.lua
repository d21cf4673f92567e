--- From settings to a plan: models with their layers, images, strategies, methods, scores, and the list of cases, each
--- one combination. What cannot work is refused here, before anything is written.
local bytes = require "fovea.bytes"
local check = require "fovea.recipe.check"
local core = require "fovea.core"
local evaluate = require "fovea.evaluate"
local fovea_load = require("fovea.model").load
local json = require "fovea.json"
local layers = require "fovea.layers"
local lookup = require "fovea.lookup"
local marginals = require "fovea.recipe.marginals"
local networks = require "fovea.recipe.networks"
local parts = require "fovea.recipe.parts"
local preprocess = require "fovea.preprocess"
local sources = require "fovea.recipe.sources"

local M = {}

---@class fovea.RecipePlan
---@field name string
---@field folder string of the results
---@field models table[] { name, path, layers, fingerprint, message?, code? }
---@field images fovea.Source[]
---@field strategies fovea.RecipePart[]
---@field methods fovea.RecipePart[]
---@field metrics fovea.RecipePart[]
---@field scores string[]
---@field settings table
---@field cases fovea.RecipeCase[]
---@field places table<string, string>
---@field warnings string[]
---@field planned fun(model: table, use: fovea.MemoryUse)? told of the memory of every plan before it runs

---@class fovea.RecipeCase
---@field model integer index
---@field image integer
---@field layer string
---@field strategy integer
---@field method integer
---@field score string
---@field index integer in the plan
---@field id string hash of the names of all of these: the name of its record

local LOAD_KEYS = { "arch", "arch_options", "entry", "keras", "map", "strict", "upsample_coordinates" }

local function fail(place, text, ...) error(("%s: %s"):format(place, text:format(...)), 0) end

-- models -------------------------------------------------------------------------------------------------------------

--- Setting of a model, or that of the recipe.
local function setting(plan, model, key)
  if model.settings[key] ~= nil then return model.settings[key] end
  return plan.settings[key]
end

--- Options of fovea.load that a model of the recipe has.
local function load_options(plan, source)
  local options = {}
  for _, key in ipairs(LOAD_KEYS) do options[key] = source.settings[key] end
  if options.arch and options.arch:find "%.lua$" then options.arch = check.resolve(plan.base, options.arch) end
  return options
end

--- Loads a model of the plan, with its preprocessing; the last one is kept.
---@param plan fovea.RecipePlan
---@param index integer
---@return fovea.Model? model
---@return string? message
---@return string? code
function M.load(plan, index)
  if plan.loaded and plan.loaded.index == index then return plan.loaded.model end
  plan.loaded = nil
  collectgarbage()
  local source = plan.models[index]
  local options = load_options(plan, source)
  options.preprocess = setting(plan, source, "preprocess")
  local make, what = fovea_load, source.path
  if source.network and source.network.pending then make, what = networks.untrained, source.network end
  local ok, model, message, code = pcall(make, what, options)
  if not ok then fail(plan.places.models, "%s: %s", source.name, check.bare(model)) end
  if not model then return nil, message, code end
  model.exact, model.memory = plan.settings.exact, plan.settings.memory
  function model.planned(_, use)
    source.memory = math.max(source.memory or 0, use.total)
    if plan.planned then plan.planned(source, use) end
  end
  plan.loaded = { index = index, model = model }
  return model
end

--- Hash of what a model is: the file, all weights, wherever they are stored, how the file is read, and how images
--- become its input.
local function fingerprint(plan, source, model, instance)
  local file, message = source.path, nil
  if not file:find "^random:" then file, message = core.file.hash(source.path) end
  if not file then return nil, message end
  local options = load_options(plan, source)
  local code = options.arch and options.arch:find "%.lua$" and core.file.hash(options.arch) or ""
  options.arch = source.settings.arch
  local hashes = { file, code, json.encode(options), json.encode(model.preprocess) }
  for _, node in ipairs(instance.graph:nodes()) do
    if node:kind() == "parameter" then hashes[#hashes + 1] = tostring(node:tensor():hash()) end
  end
  return core.file.hash_text(table.concat(hashes, " "))
end

--- Names of the layers that the recipe means in a model.
local function choose_layers(plan, model, instance, logits)
  local chosen, order = {}, {}
  for i, filter in ipairs(plan.layer_filters) do
    local place = plan.places[("layers[%d]"):format(i)] or plan.places.layers
    local wish = filter
    if filter == "auto" then wish = layers.default(instance.graph, logits) end
    if filter == "candidates" then wish = model:candidate_layers() end
    if filter == "sweep" then wish = layers.path(instance.graph, logits) end
    local picked = {}
    for _, layer in ipairs(layers.select(instance.layers, wish)) do
      if layers.is_spatial(layer) then picked[#picked + 1] = layer.name end
    end
    if #picked == 0 and type(filter) == "string" and #layers.select(instance.layers, filter) == 0 then
      fail(place, "%s", layers.unknown(instance.layers, filter))
    elseif #picked == 0 then
      fail(place, "none of the layers has spatial axes")
    end
    for _, name in ipairs(picked) do chosen[name] = true end
  end
  for _, layer in ipairs(instance.layers) do
    if chosen[layer.name] then order[#order + 1] = layer.name end
  end
  return order
end

local function check_target(plan, source, output)
  local class, classes = setting(plan, source, "class"), output.logits:shape()[2]
  if class and class > classes then
    fail(plan.places.class or plan.places.models, "%s has classes 1 to %d, there is no class %d", source.name, classes,
      class)
  end
end

--- Layers and fingerprint of a model. One that cannot be loaded keeps the layers as they are written; its cases fail.
--- So do those of a network that is not trained yet, until it is.
---@param plan fovea.RecipePlan
---@param index integer
function M.describe_model(plan, index)
  local source = plan.models[index]
  local model, message, code = M.load(plan, index)
  local instance
  if model then instance, message, code = model:at(model:default_shape()) end
  if not instance then
    source.message, source.code, source.layers = message, code, {}
    for i, filter in ipairs(plan.layer_filters) do
      source.layers[i] = type(filter) == "string" and filter or "function"
    end
    return
  end
  for _, warning in ipairs(model.warnings) do plan.warnings[#plan.warnings + 1] = warning end
  local ok, output = pcall(model.output, model, instance, setting(plan, source, "output"))
  if not ok then fail(plan.places.output or plan.places.models, "%s", output) end
  check_target(plan, source, output)
  source.layers = choose_layers(plan, model, instance, output.logits)
  if source.network and source.network.pending then
    source.fingerprint, source.message, source.code = nil, source.name .. ": not trained yet", "argument"
  else
    source.fingerprint, source.message = fingerprint(plan, source, model, instance)
  end
end

-- impossible combinations --------------------------------------------------------------------------------------------

local function check_truth(plan)
  local some = false
  for _, image in ipairs(plan.images) do some = some or image.mask ~= nil end
  if some then return end
  for i, part in ipairs(plan.metrics) do
    if part.value.needs_truth then
      fail(plan.places[("metrics[%d]"):format(i)], "%s needs ground truth, and no image has a mask (images: masks)",
        part.label)
    end
  end
end

local function check_settings(settings, places)
  if settings.memory and not bytes.read(settings.memory) then
    fail(places.memory, "'%s' is not a size such as 512M, 2G, 1.5G or a number of bytes", settings.memory)
  end
  if settings.outputs.figure and not settings.outputs.overlays then
    fail(places["outputs.figure"] or places["outputs.overlays"],
      "a figure is made of overlays; they are switched off (outputs: overlays)")
  end
  for i, score in ipairs(settings.scores) do
    if score == "probability" and settings.activation == "none" then
      fail(places[("scores[%d]"):format(i)] or places.scores, "there is no probability with 'activation: none'")
    end
  end
  local drawing = settings.drawing
  if drawing.sign == "signed" and drawing.colormap and drawing.colormap ~= "diverging" then
    fail(places["drawing.colormap"], "a signed map needs the colours 'diverging'")
  end
  local ok, message = pcall(preprocess.record, settings.preprocess or {})
  if not ok then fail(places.preprocess, "%s", check.bare(message)) end
  for i, model in ipairs(settings.models) do
    ok, message = pcall(preprocess.record, type(model) == "table" and model.preprocess or {})
    if not ok then fail(places[("models[%d].preprocess"):format(i)], "%s", check.bare(message)) end
  end
end

--- Names in the settings of the evaluation and the summaries.
local function check_names(settings, places)
  if settings.evaluate == true then settings.evaluate = {} end
  for i, name in ipairs(settings.evaluate and settings.evaluate.metrics or {}) do
    local ok, message = pcall(evaluate.metric, name)
    if not ok then fail(places[("evaluate.metrics[%d]"):format(i)] or places["evaluate.metrics"], "%s",
      check.bare(message)) end
  end
  local tile = settings.evaluate and settings.evaluate.tile
  if tile and #tile ~= 2 then fail(places["evaluate.tile"], "a tile is a height and a width") end
  for i, by in ipairs(settings.outputs.summaries or {}) do
    local ok, message = pcall(marginals.fields, by)
    if not ok then fail(places[("outputs.summaries[%d]"):format(i)] or places["outputs.summaries"], "%s", message) end
  end
end

local function check_doubles(settings, places)
  local seen = {}
  for i, score in ipairs(settings.scores) do
    if seen[score] then fail(places[("scores[%d]"):format(i)], "'%s' stands there twice", score) end
    seen[score] = true
  end
end

-- cases --------------------------------------------------------------------------------------------------------------

--- All cases of a plan, in the order of its lists: models, images, layers, strategies, methods, scores. Images after
--- the first `explain` ones have none.
---@param plan fovea.RecipePlan|table models with name and layers, images with name, strategies and methods with label
---@return fovea.RecipeCase[]
function M.cases(plan)
  local cases = {}
  for m, model in ipairs(plan.models) do
    for i = 1, math.min(#plan.images, plan.explain or #plan.images) do
      local image = plan.images[i]
      for _, layer in ipairs(model.layers) do
        for s, strategy in ipairs(plan.strategies) do
          for k, method in ipairs(plan.methods) do
            for _, score in ipairs(plan.scores) do
              local names = { model.name, image.name, layer, strategy.label, method.label, score }
              cases[#cases + 1] = { model = m, image = i, layer = layer, strategy = s, method = k, score = score,
                index = #cases + 1, id = core.file.hash_text(table.concat(names, "\n")) }
            end
          end
        end
      end
    end
  end
  return cases
end

--- The names of a case.
---@param plan fovea.RecipePlan
---@param case fovea.RecipeCase
---@return table names model, image, layer, threshold, method, score
function M.names(plan, case)
  return { model = plan.models[case.model].name, image = plan.images[case.image].name, layer = case.layer,
    threshold = plan.strategies[case.strategy].label, method = plan.methods[case.method].label, score = case.score }
end

--- A case in words, for lists and messages.
---@param plan fovea.RecipePlan
---@param case fovea.RecipeCase
---@return string
function M.text(plan, case)
  local names = M.names(plan, case)
  return table.concat({ names.model, names.image, names.layer, names.threshold, names.method, names.score }, "  ")
end

local function check_charts(plan)
  local known = { "pixels", "score_value" }
  for _, part in ipairs(plan.metrics) do known[#known + 1] = part.label end
  for i, name in ipairs(plan.settings.outputs.charts or {}) do
    local found = false
    for _, label in ipairs(known) do found = found or label == name end
    if not found then
      fail(plan.places[("outputs.charts[%d]"):format(i)] or plan.places["outputs.charts"], "%s",
        lookup.unknown("no metric", name, known))
    end
  end
end

--- The plan of a recipe; raises with the place of what is wrong.
---@param settings table see recipe/check.lua
---@param places table<string, string>
---@param base string folder of the recipe
---@return fovea.RecipePlan
function M.plan(settings, places, base)
  check_settings(settings, places)
  check_doubles(settings, places)
  check_names(settings, places)
  local plan = { name = settings.name, folder = settings.results, settings = settings, places = places, warnings = {},
    scores = settings.scores, layer_filters = {}, base = base, explain = settings.explain }
  plan.strategies = parts.strategies(settings, places, base)
  plan.methods = parts.methods(settings, places, base)
  plan.metrics = parts.metrics(settings, places, base)
  for i, filter in ipairs(settings.layers) do
    plan.layer_filters[i] = parts.layer_filter(filter, base, places[("layers[%d]"):format(i)] or places.layers)
  end
  plan.models = sources.models(settings, places)
  plan.images = sources.images(settings, places)
  check_truth(plan)
  check_charts(plan)
  for index in ipairs(plan.models) do M.describe_model(plan, index) end
  plan.keyed = parts.all_keyed(plan.strategies) and parts.all_keyed(plan.methods) and parts.all_keyed(plan.metrics)
  plan.cases = M.cases(plan)
  return plan
end

M.setting = setting

return M
