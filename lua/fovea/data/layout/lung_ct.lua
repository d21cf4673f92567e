--- Finding and Measuring Lungs in CT Data: slices 2d_images/ID_*.tif with lung masks 2d_masks/ under the same name. The
--- slices hold Hounsfield units: preprocessing needs scale, mean and std.
local listing = require "fovea.data.listing"

return {
  name = "lung_ct",
  summary = "Finding and Measuring Lungs in CT Data, CT slices with lung masks",
  wanted = "2d_images/ID_0000_Z_0142.tif, 2d_masks/ID_0000_Z_0142.tif",
  list = function(root)
    return listing.add({}, root .. "/2d_images", "*.tif", function(_, name)
      return { mask = ("%s/2d_masks/%s"):format(root, name) }
    end)
  end,
}
