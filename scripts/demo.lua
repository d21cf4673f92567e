--- make demo: the sample networks on phantoms they have never seen, or MODEL on IMAGE when those are given: scores,
--- heat maps at several layers and thresholds, a contact sheet and a page.
--- usage: bin/fovea scripts/demo.lua FOLDER [MODEL IMAGE]
local fovea = require "fovea"
local cases = require "fovea.cases"
local data = require "fovea.data"
local images = require "fovea.evaluate.images"
local lfs = require "lfs"
local report = require "fovea.report"
local sheet = require "fovea.report.sheet"
local tables = require "fovea.evaluate.tables"

local NETWORKS = "examples/networks"
local HELD_OUT, SCORED, EXPLAINED = 9001, 16, 2 -- first seed, and how many phantoms
local SIZE = 128
local THRESHOLDS = { 0.5, "quantile:0.99", "boundary(0.5):2" }
local METHODS = { "gradcam", "hirescam" }

local folder, model_path, image_path = arg[1], arg[2], arg[3]

local function base_name(path) return (path:match("[^/]+$"):gsub("%.%w+$", "")) end

--- The phantom that a network was trained for, the end of its name, and whether with a planted shortcut.
local function modality_of(name)
  local plain, planted = name:gsub("_shortcut$", "")
  for _, modality in ipairs(fovea.phantom.names()) do
    if plain:sub(-#modality) == modality then return modality, planted > 0 end
  end
end

local function path_of(name) return ("%s/%s.safetensors"):format(NETWORKS, name) end

-- Layers between those that an architecture recommends, so that one sees what happens on the way.
local BETWEEN = { unet = { "encoder.3.relu2", "decoder.2.relu2" }, r2unet = { "encoder.3", "decoder.2" } }

--- Layers worth explaining: those of the architecture and some between, or the default ones.
local function layers_of(model)
  local list = model:candidate_layers()
  if #list == 0 then return nil end
  table.move(BETWEEN[model.name] or {}, 1, 9, #list + 1, list)
  return list
end

--- Explains images into a folder; the number of maps.
local function explain(model, place, list, thresholds)
  local writer = assert(cases.writer(place, model, { pictures = false }))
  for _, item in ipairs(list) do
    local complaints = writer:case(item.image, { layers = layers_of(model), thresholds = thresholds,
      methods = METHODS, ground_truth = item.truth })
    for _, complaint in ipairs(complaints) do print("  " .. complaint) end
  end
  assert(writer:finish())
  return #writer.records
end

--- A picture of a few networks at one threshold: each architecture on another modality, and two networks on a phantom
--- with a shortcut, of which the second was trained to rest on it.
local function overview(found)
  local few, seen, names, pair = {}, {}, fovea.phantom.names(), nil
  local function add(case, key)
    if not seen[key] then seen[key], few[#few + 1] = true, case end
  end
  for _, case in ipairs(found.cases) do
    local modality = modality_of(case.model_name)
    local alone = not case.model_name:find "_shortcut$" and not lfs.attributes(path_of(case.model_name .. "_shortcut"))
    if alone and modality == names[#few % #names + 1] then add(case, case.model_name:sub(1, -#modality - 2)) end
  end
  for _, case in ipairs(found.cases) do
    local modality = case.image:find("shortcut", 1, true) and modality_of(case.model_name)
    pair = pair or modality
    if modality and modality == pair then add(case, case.model_name) end
  end
  local picture = sheet.draw({ cases = few }, { thresholds = { "fixed:0.5" }, all = true, cell = 160 })
  if picture then assert(fovea.image.write(folder .. "/overview.png", picture)) end
end

--- The page and the sheet, and where they are.
local function finish(places, title)
  local made = assert(report.make(places, { out = folder .. "/index.html", title = title }))
  if not model_path then overview(made.report) end
  print(("contact sheet  %s"):format(made.sheet))
  print(("open           %s"):format(made.page))
end

local function own()
  local model = assert(fovea.load(model_path))
  local place = ("%s/%s"):format(folder, base_name(model_path))
  local maps = explain(model, place, { { image = image_path } }, { 0.5, "otsu", "quantile:0.99" })
  print(("%s: %d parameters, %d heat maps"):format(model.name, (model:size()), maps))
  finish({ place }, base_name(model_path))
end

--- What a network is explained on: held-out phantoms. Where there is a network that was trained with a shortcut, it and
--- the one that was not see the same phantoms with the shortcut.
local function phantoms_for(name)
  local modality, planted = modality_of(name)
  local list = {}
  local function add(count, options)
    for i = 1, count do
      local phantom = ("phantom:%s:%d,size=%d%s"):format(modality, HELD_OUT + i - 1, SIZE, options)
      list[#list + 1] = { image = phantom, truth = phantom }
    end
  end
  if not planted then add(EXPLAINED, "") end
  if planted or lfs.attributes(path_of(name .. "_shortcut"), "mode") then add(EXPLAINED, ",shortcut=true") end
  return list
end

local function sample(name)
  local start, modality, planted = fovea.clock(), modality_of(name)
  local path = path_of(name)
  local model, place = assert(fovea.load(path)), ("%s/%s"):format(folder, name)
  local spec = { phantom = modality, count = SCORED, seed = HELD_OUT, size = SIZE, shortcut = planted or nil }
  local result = images.run(model, assert(data.open(spec)))
  local maps = explain(model, place, phantoms_for(name), THRESHOLDS)
  assert(tables.write(place, result, { model = path, data = spec }))
  local dice = result.summary.dice
  print(("%-24s %9d  %.3f (%.3f to %.3f)  %9d  %7.1f s"):format(name, (model:size()), dice.mean, dice.low, dice.high,
    maps, fovea.clock() - start))
  return place
end

local function samples()
  local names = {}
  for entry in lfs.dir(NETWORKS) do
    local name = entry:match "^(.+)%.safetensors$"
    if name and modality_of(name) then names[#names + 1] = name end
  end
  table.sort(names)
  fovea.threads(1) -- the networks are too small for more to help
  print(("%d held-out phantoms for each network\n%-24s %10s  %-22s  %8s  %s"):format(SCORED, "network", "parameters",
    "Dice (95 % interval)", "heat maps", "     time"))
  local places = {}
  for i, name in ipairs(names) do places[i] = sample(name) end
  finish(places, "Sample networks on phantoms they have never seen")
end

local start = fovea.clock()
assert(cases.make_folder(folder))
if model_path then own() else samples() end
print(("%.1f s"):format(fovea.clock() - start))
