--- HRF: fundus photographs images/NN_{h,dr,g}.jpg of healthy, diabetic and glaucomatous eyes with vessels
--- manual1/NN_*.tif and the field of view mask/NN_*_mask.tif.
local listing = require "fovea.data.listing"

return {
  name = "hrf",
  summary = "HRF, fundus photographs of high resolution with vessel masks and fields of view",
  wanted = "images/01_h.jpg, manual1/01_h.tif, mask/01_h_mask.tif",
  list = function(root)
    return listing.add({}, root .. "/images", "??_*.[jJ][pP][gG]", function(stem)
      return { mask = ("%s/manual1/%s.tif"):format(root, stem), fov = ("%s/mask/%s_mask.tif"):format(root, stem) }
    end)
  end,
}
