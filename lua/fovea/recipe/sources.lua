--- The models and images of a recipe: from files, patterns, folder pairs, CSV manifests and named data sets to lists of
--- { name, path, mask }, sorted by name.
local check = require "fovea.recipe.check"
local core = require "fovea.core"
local csv = require "fovea.report.csv"
local glob = require "fovea.recipe.glob"
local lfs = require "lfs"
local lookup = require "fovea.lookup"

local M = {}

---@class fovea.Source
---@field name string in tables
---@field path string
---@field mask string? ground truth

local function fail(place, text, ...) error(("%s: %s"):format(place, text:format(...)), 0) end

--- Name of a file without folder and suffix; FILE.safetensors#NAME gives FILE.NAME.
local function stem(path)
  local file, tensor = path:match "^(.-)#(.*)$"
  local base = (file or path):match("([^/]+)$") or path
  base = base:gsub("%.[%w_]+$", "")
  return tensor and ("%s.%s"):format(base, tensor) or base
end

local function is_file(path)
  return lfs.attributes((path:gsub("%.safetensors#.*$", ".safetensors")), "mode") == "file"
end

--- Files of a path or pattern; none is an error.
local function files_of(path, place, what)
  if is_file(path) then return { path } end
  if not glob.is_pattern(path) then fail(place, "%s: no such %s", path, what) end
  local found = glob.files(path)
  if #found == 0 then fail(place, "%s: no file fits this pattern", path) end
  return found
end

--- Gives items that would share a name the path instead, and refuses those that still do; sorts by name.
local function named(items, place, what)
  local count = {}
  for _, item in ipairs(items) do
    item.name = item.name or stem(item.path)
    count[item.name] = (count[item.name] or 0) + 1
  end
  local seen = {}
  for _, item in ipairs(items) do
    if count[item.name] > 1 then item.name = item.path:gsub("^%./", ""):gsub("%.[%w_]+$", "") end
    if seen[item.name] then fail(place, "the %s '%s' stands there twice", what, item.name) end
    seen[item.name] = true
  end
  table.sort(items, function(a, b) return a.name < b.name end)
  return items
end

--- The models of a recipe.
---@param settings table
---@param places table<string, string>
---@return table[] models { name, path, settings }
function M.models(settings, places)
  local models = {}
  for i, entry in ipairs(settings.models) do
    local place = places[("models[%d]"):format(i)]
    local own = type(entry) == "table" and entry or { path = entry }
    local files = files_of(own.path, place, "model file")
    if own.name and #files > 1 then fail(place, "one name for %d models", #files) end
    for _, path in ipairs(files) do models[#models + 1] = { path = path, name = own.name, settings = own } end
  end
  return named(models, places.models, "model")
end

-- images -------------------------------------------------------------------------------------------------------------

--- The one mask of an image by a pattern with {name}.
local function paired(pattern, path, place)
  local wanted = pattern:gsub("{name}", function() return stem(path) end)
  if not glob.is_pattern(wanted) or is_file(wanted) then return wanted end
  local found = glob.files(wanted)
  if #found > 1 then fail(place, "%s: %d files fit where one mask is meant (%s, %s ...)", wanted, #found, found[1],
    found[2]) end
  return found[1] or wanted
end

local function excluded(path, patterns)
  local name = path:match "[^/]+$"
  for _, pattern in ipairs(patterns or {}) do
    if glob.matches(name, pattern) then return true end
  end
  return false
end

local function from_files(set, places)
  local items, seen = {}, {}
  for i, pattern in ipairs(set.files) do
    local place = places[("images.files[%d]"):format(i)] or places["images.files"]
    for _, path in ipairs(files_of(pattern, place, "image")) do
      if not seen[path] and not excluded(path, set.exclude) then
        seen[path] = true
        items[#items + 1] = { path = path, mask = set.masks and paired(set.masks, path, places["images.masks"]) }
      end
    end
  end
  if #items == 0 then fail(places["images.exclude"] or places.images, "no image is left") end
  return items
end

local MANIFEST_COLUMNS = { "image", "mask", "name" }

local function from_manifest(set, places)
  local place, path = places["images.manifest"], set.manifest
  local text, message = core.file.read(path)
  if not text then fail(place, "%s", message) end
  local rows, columns = csv.decode(text)
  if not rows then fail(place, "%s: %s", path, columns) end
  local known = {}
  for _, column in ipairs(columns) do known[column] = true end
  if not known.image then
    fail(place, "%s:1: %s", path, lookup.unknown("no column 'image' but", table.concat(columns, ", "),
      MANIFEST_COLUMNS))
  end
  local base, items = path:match "^(.*)/" or "", {}
  for i, row in ipairs(rows) do
    if row.image == "" then fail(place, "%s:%d: the image is empty", path, row.line) end
    local mask, name = row.mask, row.name
    items[i] = { path = check.resolve(base, row.image), mask = mask ~= "" and mask and check.resolve(base, mask) or nil,
      name = name ~= "" and name or nil }
  end
  if #items == 0 then fail(place, "%s: no rows", path) end
  return items
end

local function from_data_set(set, places)
  local place = places["images.data_set"]
  if not set.root then fail(place, "a data set needs the key 'root', its folder") end
  local ok, layout = pcall(lookup.load, "fovea.data.layout", set.data_set, "unknown data set")
  if not ok then fail(place, "%s", layout) end
  local items = layout.list(set.root, {})
  if #items == 0 then fail(place, "%s: no images of the data set '%s' in this folder", set.root, set.data_set) end
  return items
end

local ORIGINS = { "files", "manifest", "data_set" }
local makers = { files = from_files, manifest = from_manifest, data_set = from_data_set }

local function from_set(set, places)
  local origin
  for _, key in ipairs(ORIGINS) do
    if set[key] and origin then fail(places["images." .. key], "images are either %s or %s, not both", origin, key) end
    origin = set[key] and key or origin
  end
  if not origin then fail(places.images, "images need one of the keys files, manifest, data_set") end
  for _, key in ipairs { "masks", "exclude" } do
    if set[key] and origin ~= "files" then fail(places["images." .. key], "'%s' goes with 'files' only", key) end
  end
  if set.masks and not set.masks:find("{name}", 1, true) then
    fail(places["images.masks"], "%s: masks need {name}, which stands for the image's name", set.masks)
  end
  local items = named(makers[origin](set, places), places.images, "image")
  return { table.unpack(items, 1, math.min(#items, set.limit or #items)) }
end

local function from_list(entries, places)
  local items = {}
  for i, entry in ipairs(entries) do
    local place = places[("images[%d]"):format(i)] or places.images
    if type(entry) == "table" then
      items[#items + 1] = { path = entry.image, mask = entry.mask, name = entry.name }
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
