--- Montgomery County chest films: CXR_png/MCUCXR_nnnn_d.png with one mask per lung, ManualMask/leftMask and rightMask
--- under the same name; the mask is both.
local listing = require "fovea.data.listing"

return {
  name = "montgomery",
  summary = "Montgomery County, chest films with lung masks",
  wanted = "CXR_png/MCUCXR_0001_0.png, ManualMask/leftMask/MCUCXR_0001_0.png, ManualMask/rightMask/...",
  list = function(root)
    return listing.add({}, root .. "/CXR_png", "MCUCXR_*.png", function(_, name)
      return { mask = { ("%s/ManualMask/leftMask/%s"):format(root, name),
        ("%s/ManualMask/rightMask/%s"):format(root, name) } }
    end)
  end,
}
