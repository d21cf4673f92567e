--- ISBI 2012: electron micrographs of neural tissue, 30 slices; the mask is 255 inside of cells and 0 on membranes. As
--- the published stacks train-volume.tif and train-labels.tif, or one PNG per slice: image/N.png and label/N.png.
local listing = require "fovea.data.listing"
local lfs = require "lfs"

local SLICES = 30

local function stacks(root)
  local volume, labels, items = root .. "/train-volume.tif", root .. "/train-labels.tif", {}
  if lfs.attributes(volume, "mode") ~= "file" then return items end
  for page = 1, SLICES do
    items[page] = { name = ("train.%d"):format(page), path = ("%s#%d"):format(volume, page),
      mask = ("%s#%d"):format(labels, page) }
  end
  return items
end

return {
  name = "isbi2012_em",
  summary = "ISBI 2012, electron micrographs with cell interiors (foreground: 0 gives the membranes)",
  wanted = "train-volume.tif, train-labels.tif (or image/N.png, label/N.png)",
  list = function(root)
    local items = stacks(root)
    if #items > 0 then return items end
    return listing.add(items, root .. "/image", "*.png", function(_, name)
      return { mask = ("%s/label/%s"):format(root, name) }
    end)
  end,
}
