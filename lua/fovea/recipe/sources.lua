--- The models and images of a recipe: from files, patterns and sets of images to lists of { name, path, ... } in
--- natural order of their names. What a set of images may be says fovea.data.
local data_files = require "fovea.data.files"
local data_source = require "fovea.data.source"
local networks = require "fovea.recipe.networks"
local truth = require "fovea.data.truth"

local M = {}

---@class fovea.Source
---@field name string in tables
---@field path string
---@field mask string|string[]|nil ground truth; several files: what any of them marks
---@field fov string? field of view
---@field rule fovea.TruthRule? what the values of the mask mean

local function fail(place, text, ...) error(("%s: %s"):format(place, text:format(...)), 0) end

--- How fovea.data refuses a set: with the place of the key.
local function refusing(places)
  return function(key, _, text, ...)
    local inside = "images." .. key
    fail(places[inside] or places[inside:gsub("%[%d+%]$", "")] or places.images, text, ...)
  end
end

--- Files of a path or pattern; none is an error.
local function files_of(path, place, what)
  return data_source.files_of(path, "", what, function(_, _, text, ...) fail(place, text, ...) end)
end

--- Gives items that would share a name the path instead, and refuses those that still do; sorts by name.
local function named(items, place, what)
  local double = data_files.name(items)
  if double then fail(place, "the %s '%s' stands there twice", what, double) end
  return data_files.sort(items)
end

--- A model that a training recipe makes.
local function trained(own, place)
  for _, key in ipairs { "arch", "arch_options", "preprocess", "entry", "map", "strict" } do
    if own[key] ~= nil then fail(place, "'%s' is said by the training recipe (train.%s)", key, key) end
  end
  local ok, network = pcall(networks.source, own)
  if not ok then error(network, 0) end
  return { path = network.path, name = own.name or network.name, settings = own, network = network }
end

--- The models of an entry: a file, those of a pattern, one with random weights.
local function of_files(own, place)
  if not own.path then fail(place, "a model needs 'path' or 'train'") end
  local random = own.arch and own.path:find "^random:%d+$"
  local files, models = random and { own.path } or files_of(own.path, place, "model file"), {}
  if own.name and #files > 1 then fail(place, "one name for %d models", #files) end
  for i, path in ipairs(files) do models[i] = { path = path, name = own.name, settings = own } end
  return models
end

--- The models of a recipe.
---@param settings table
---@param places table<string, string>
---@return table[] models { name, path, settings, network? }
function M.models(settings, places)
  local models = {}
  for i, entry in ipairs(settings.models) do
    local place = places[("models[%d]"):format(i)] or places.models
    local own = type(entry) == "table" and entry or { path = entry }
    local found = own.train and { trained(own, place) } or of_files(own, place)
    table.move(found, 1, #found, #models + 1, models)
  end
  return named(models, places.models, "model")
end

-- images -------------------------------------------------------------------------------------------------------------

local function from_set(set, places)
  local items = data_source.items(set, refusing(places))
  for _, item in ipairs(items) do
    item.rule = truth.rule(item, set)
  end
  return items
end

local function from_list(entries, places)
  local items = {}
  for i, entry in ipairs(entries) do
    local place = places[("images[%d]"):format(i)] or places.images
    if type(entry) == "table" then
      items[#items + 1] = { path = entry.image, mask = entry.mask, name = entry.name, fov = entry.fov }
    else
      for _, path in ipairs(files_of(entry, place, "image")) do items[#items + 1] = { path = path } end
    end
  end
  return named(items, places.images, "image")
end

--- The images of a recipe. Those of a manifest or of a list with masks need not be there: they become broken cases.
---@param settings table
---@param places table<string, string>
---@return fovea.Source[]
function M.images(settings, places)
  local given = settings.images
  return #given > 0 and from_list(given, places) or from_set(given, places)
end

return M
