--- JSRT chest films JPCxxnnn.IMG (raw numbers, see fovea.data.jsrt_image) with the masks of SCR, fold1/masks/STRUCTURE/
--- NAME.gif and fold2/...: half as high and wide as the films. The two folds of SCR are the splits.
local lfs = require "lfs"
local listing = require "fovea.data.listing"

local STRUCTURES = {
  lungs = { "left lung", "right lung" }, heart = { "heart" }, clavicles = { "left clavicle", "right clavicle" },
}

local FOLDERS = { "All247images", "" }

return {
  name = "jsrt",
  summary = "JSRT with the masks of SCR, chest films with lungs (structure: lungs, heart or clavicles)",
  splits = { "fold1", "fold2" },
  choices = { structure = { "lungs", "heart", "clavicles" } },
  wanted = "All247images/JPCLN001.IMG, fold1/masks/left lung/JPCLN001.gif, fold2/...",
  list = function(root, options)
    local items, parts = {}, STRUCTURES[options.structure or "lungs"]
    for _, folder in ipairs(FOLDERS) do
      local films = folder == "" and root or ("%s/%s"):format(root, folder)
      listing.add(items, films, "JPC*.IMG", function(stem)
        local function path(fold, part) return ("%s/%s/masks/%s/%s.gif"):format(root, fold, part, stem) end
        local fold = lfs.attributes(path("fold2", parts[1]), "mode") == "file" and "fold2" or "fold1"
        local masks = {}
        for i, part in ipairs(parts) do masks[i] = path(fold, part) end
        return { mask = masks, split = fold, fit = true }
      end)
    end
    return items
  end,
}
