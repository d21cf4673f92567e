--- Kvasir-SEG: colonoscopy images images/ID.jpg with polyp masks masks/ID.jpg: JPEG files, of which values above 127
--- are foreground. The published lists train.txt and val.txt are the split, where they lie beside the folders.
local core = require "fovea.core"
local listing = require "fovea.data.listing"

local LISTS = { { "train.txt", "train" }, { "val.txt", "validation" } }

-- Split of each name that stands in one of the lists.
local function splits(root)
  local found = {}
  for _, list in ipairs(LISTS) do
    for line in (core.file.read(("%s/%s"):format(root, list[1])) or ""):gmatch "[^\r\n]+" do
      found[line:gsub("%.jpg$", "")] = list[2]
    end
  end
  return found
end

return {
  name = "kvasir_seg",
  summary = "Kvasir-SEG, colonoscopy images with polyp masks",
  splits = { "train", "validation" },
  threshold = 127,
  wanted = "images/ID.jpg, masks/ID.jpg",
  list = function(root)
    local split = splits(root)
    return listing.add({}, root .. "/images", "*.jpg", function(stem, name)
      return { mask = ("%s/masks/%s"):format(root, name), split = split[stem] }
    end)
  end,
}
