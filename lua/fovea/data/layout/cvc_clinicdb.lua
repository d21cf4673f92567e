--- CVC-ClinicDB: colonoscopy frames Original/N.tif with polyp masks "Ground Truth/N.tif"; or the same as PNG, also
--- below a folder PNG.
local listing = require "fovea.data.listing"

return {
  name = "cvc_clinicdb",
  summary = "CVC-ClinicDB, colonoscopy frames with polyp masks",
  threshold = 127,
  wanted = "Original/1.tif, Ground Truth/1.tif (or PNG/Original/1.png, PNG/Ground Truth/1.png)",
  list = function(root)
    local items = {}
    for _, kind in ipairs { { "", "tif" }, { "", "png" }, { "/PNG", "png" } } do
      local base = root .. kind[1]
      if #items == 0 then
        listing.add(items, base .. "/Original", "*." .. kind[2], function(_, name)
          return { mask = ("%s/Ground Truth/%s"):format(base, name) }
        end)
      end
    end
    return items
  end,
}
