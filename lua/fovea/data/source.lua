--- From the description of a data set to its items: files with masks, a CSV manifest, a published layout, or phantoms.
local core = require "fovea.core"
local csv = require "fovea.report.csv"
local files = require "fovea.data.files"
local glob = require "fovea.recipe.glob"
local lfs = require "lfs"
local lookup = require "fovea.lookup"

local M = {}

---@class fovea.DataItem
---@field name string
---@field path string the image: a file, FILE.tif#PAGE, or phantom:NAME:SEED
---@field mask string|string[]|nil ground truth; several files: what any of them marks
---@field fov string? field of view
---@field split string?
---@field threshold number? mask values above it are foreground
---@field fit boolean? the mask may be smaller or larger than the image
---@field phantom table? { name, options } of a generated item

---@alias fovea.Refuse fun(key: string, code: string, text: string, ...: any) raises; key: of the description

--- Keys that describe where items come from.
M.ORIGINS = { "files", "manifest", "data_set", "phantom" }

--- Keys that go with one origin only.
M.BELONGS = { masks = "files", exclude = "files", root = "data_set", observer = "data_set",
  structure = "data_set" }

--- Keys that go with every origin.
M.SELECTION = { "split", "first", "last", "limit" }

--- Whether a file is there; names of tensors and pages are no part of it.
---@param path string
---@return boolean
function M.is_file(path)
  return lfs.attributes(path, "mode") == "file" or lfs.attributes((path:gsub("#[^/]*$", "")), "mode") == "file"
end

-- Names of the pages of FILE.tif#*.
local function pages_of(path, key, refuse)
  local file, list = path:match "^(.*)#%*$", {}
  local _, info, code = core.image_file.read(file)
  if code then refuse(key, code, "%s", info) end
  for page = 1, info.pages do list[page] = ("%s#%d"):format(file, page) end
  return list
end

--- Files of a path or pattern; none is an error.
---@param path string
---@param key string
---@param what string for the message
---@param refuse fovea.Refuse
---@return string[]
function M.files_of(path, key, what, refuse)
  if path:find "#%*$" and M.is_file(path) then return pages_of(path, key, refuse) end
  if M.is_file(path) or path:find "^phantom:" then return { path } end
  if not glob.is_pattern(path) then refuse(key, "io", "%s: no such %s", path, what) end
  local found = glob.files(path)
  if #found == 0 then refuse(key, "io", "%s: no file fits this pattern", path) end
  return found
end

--- --- files and their masks ---

-- The one mask of an image by a pattern with {name} or {page}.
local function paired(pattern, path, refuse)
  local wanted = pattern:gsub("{name}", function() return files.stem(path) end)
    :gsub("{page}", path:match "#(%d+)$" or "{page}")
  if not glob.is_pattern(wanted) or M.is_file(wanted) then return wanted end
  local found = glob.files(wanted)
  if #found > 1 then
    refuse("masks", "argument", "%s: %d files fit where one mask is meant (%s, %s ...)", wanted, #found, found[1],
      found[2])
  end
  return found[1] or wanted
end

local function excluded(path, patterns)
  local name = path:match "[^/]+$"
  for _, pattern in ipairs(patterns or {}) do
    if glob.matches(name, pattern) then return true end
  end
  return false
end

local function from_files(spec, refuse)
  local items, seen = {}, {}
  if spec.masks and not spec.masks:find "{name}" and not spec.masks:find "{page}" then
    refuse("masks", "argument", "%s: masks need {name}, which stands for the image's name (or {page})", spec.masks)
  end
  local patterns = type(spec.files) == "table" and spec.files or { spec.files }
  for i, pattern in ipairs(patterns) do
    for _, path in ipairs(M.files_of(pattern, ("files[%d]"):format(i), "image", refuse)) do
      if not seen[path] and not excluded(path, spec.exclude) then
        seen[path] = true
        items[#items + 1] = { path = path, mask = spec.masks and paired(spec.masks, path, refuse) }
      end
    end
  end
  if #items == 0 then refuse(spec.exclude and "exclude" or "files", "io", "no image is left") end
  return items
end

--- --- manifest ---

local COLUMNS = { "image", "mask", "name", "fov", "split" }

local function resolve(base, path)
  if not path or path == "" then return nil end
  if path:sub(1, 1) == "/" or path:find "^phantom:" or base == "" or base == "." then return path end
  return ("%s/%s"):format(base, path)
end

local function from_manifest(spec, refuse)
  local path = spec.manifest
  local text, message, code = core.file.read(path)
  if not text then refuse("manifest", code, "%s", message) end
  local rows, columns = csv.decode(text)
  if not rows then refuse("manifest", "format", "%s: %s", path, columns) end
  local known, base, items = {}, path:match "^(.*)/" or "", {}
  for _, column in ipairs(columns) do known[column] = true end
  if not known.image then
    refuse("manifest", "format", "%s:1: %s", path,
      lookup.unknown("no column 'image' but", table.concat(columns, ", "), COLUMNS))
  end
  for i, row in ipairs(rows) do
    if row.image == "" then refuse("manifest", "format", "%s:%d: the image is empty", path, row.line) end
    items[i] = { path = resolve(base, row.image), mask = resolve(base, row.mask), fov = resolve(base, row.fov),
      name = row.name ~= "" and row.name or nil, split = row.split ~= "" and row.split or nil }
  end
  if #items == 0 then refuse("manifest", "format", "%s: no rows", path) end
  return items
end

--- --- published layouts ---

-- What a description asks of a layout, checked against what the layout offers.
local function layout_options(spec, layout, refuse)
  local options = {}
  for _, key in ipairs { "observer", "structure" } do
    local value, fits = spec[key], false
    for _, choice in ipairs(layout.choices and layout.choices[key] or {}) do fits = fits or choice == value end
    if value and not fits then
      refuse(key, "argument", "the data set '%s' has no %s %s", spec.data_set, key, tostring(value))
    end
    options[key] = value
  end
  return options
end

local function from_data_set(spec, refuse)
  if not spec.root then refuse("data_set", "argument", "a data set needs the key 'root', its folder") end
  local ok, layout = pcall(lookup.load, "fovea.data.layout", spec.data_set, "unknown data set")
  if not ok then refuse("data_set", "argument", "%s", (layout:gsub("^[^:]*:%d+: ", ""))) end
  local options = layout_options(spec, layout, refuse)
  local items = layout.list((spec.root:gsub("(.)/+$", "%1")), options)
  if #items == 0 then
    local mode = lfs.attributes(spec.root, "mode")
    refuse("data_set", "io", "%s: %s", spec.root, mode ~= "directory" and "no such folder" or
      ("no images of the data set '%s' in this folder; wanted: %s"):format(spec.data_set, layout.wanted))
  end
  for _, item in ipairs(items) do item.threshold = layout.threshold end
  return items
end

--- --- phantoms ---

--- Keys of a set of phantoms that are not options of the phantom itself.
M.SET_KEYS = { "phantom", "count", "seed", "part", "split", "first", "last", "limit", "foreground", "threshold",
  "classes" }

-- Draws the first phantom: what is wrong in the options shows before anything begins.
local function try_phantom(spec, options, refuse)
  local phantom = require "fovea.phantom"
  local ok, message = pcall(function()
    local made = phantom.make(spec.phantom, options)
    return spec.part and phantom.part(made, spec.part)
  end)
  if not ok then refuse("phantom", "argument", "%s", (tostring(message):gsub("^[^:]*%.lua:%d+: ", ""))) end
end

local function from_phantom(spec, refuse)
  local items, known = {}, {}
  local count, seed = spec.count or 1, spec.seed or 1
  if math.type(count) ~= "integer" or count < 1 then refuse("count", "argument", "count must be 1 or more") end
  if math.type(seed) ~= "integer" then refuse("seed", "argument", "seed must be a whole number") end
  for _, key in ipairs(M.SET_KEYS) do known[key] = true end
  for i = 1, count do
    local options = { seed = seed + i - 1 }
    for key, value in pairs(spec) do
      if not known[key] then options[key] = value end
    end
    if i == 1 then try_phantom(spec, options, refuse) end
    local path = require("fovea.phantom").path(spec.phantom, options)
    items[i] = { name = ("%s.%d"):format(spec.phantom, options.seed), path = path, phantom = { spec.phantom, options },
      mask = spec.part and ("%s#%s"):format(path, spec.part) or path }
  end
  return items
end

--- --- the whole ---

local makers = { files = from_files, manifest = from_manifest, data_set = from_data_set, phantom = from_phantom }

local function origin_of(spec, refuse)
  local origin
  for _, key in ipairs(M.ORIGINS) do
    if spec[key] and origin then refuse(key, "argument", "images are either %s or %s, not both", origin, key) end
    origin = spec[key] and key or origin
  end
  if not origin then
    refuse("", "argument", "images need one of the keys %s", table.concat(M.ORIGINS, ", "))
  end
  for key, wanted in pairs(M.BELONGS) do
    if spec[key] and origin ~= wanted then refuse(key, "argument", "'%s' goes with '%s' only", key, wanted) end
  end
  return origin
end

local function of_split(items, split, refuse)
  local kept, there, names = {}, {}, {}
  for _, item in ipairs(items) do
    if item.split == split then kept[#kept + 1] = item end
    if item.split and not there[item.split] then
      there[item.split], names[#names + 1] = true, item.split
    end
  end
  if #names == 0 then refuse("split", "argument", "no split is known here: take items by 'first' and 'last'") end
  if #kept == 0 then refuse("split", "argument", "%s", lookup.unknown("no split", split, names)) end
  return kept
end

local function selected(items, spec, refuse)
  if spec.split then items = of_split(items, spec.split, refuse) end
  local first, last = spec.first or 1, math.min(spec.last or #items, #items)
  if spec.limit then last = math.min(last, first + spec.limit - 1) end
  if first < 1 or first > last then
    refuse(spec.first and "first" or "last", "argument", "items %d to %d of %d are none", first, spec.last or last,
      #items)
  end
  return table.move(items, first, last, 1, {})
end

--- Refuses items whose mask or field of view is not there.
---@param items fovea.DataItem[]
---@param refuse fovea.Refuse
function M.check_masks(items, refuse)
  local function check(item, path, what)
    if not path or path:find "^phantom:" or M.is_file(path) then return end
    refuse("masks", "io", "%s: no such %s (of %s)", path, what, item.path)
  end
  for _, item in ipairs(items) do
    for _, path in ipairs(type(item.mask) == "table" and item.mask or { item.mask }) do check(item, path, "mask") end
    check(item, item.fov, "field of view")
  end
end

--- The items of a description, in natural order of their names.
---@param spec table see fovea.data.open
---@param refuse fovea.Refuse
---@return fovea.DataItem[]
function M.items(spec, refuse)
  local origin = origin_of(spec, refuse)
  local items = makers[origin](spec, refuse)
  local double = files.name(items)
  if double then refuse(origin, "argument", "the image '%s' stands there twice", double) end
  return selected(origin == "phantom" and items or files.sort(items), spec, refuse)
end

return M
