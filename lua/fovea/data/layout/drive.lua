--- DRIVE: fundus photographs {training,test}/images/NN_{training,test}.tif with vessels 1st_manual/NN_manual1.gif,
--- those of a second observer 2nd_manual/NN_manual2.gif (test only), and the field of view
--- mask/NN_{training,test}_mask.gif.
local listing = require "fovea.data.listing"

return {
  name = "drive",
  summary = "DRIVE, fundus photographs with vessel masks and fields of view (observer 2: test images only)",
  splits = { "train", "test" },
  choices = { observer = { 1, 2 } },
  wanted = "training/images/21_training.tif, training/1st_manual/21_manual1.gif",
  list = function(root, options)
    local items, second = {}, options.observer == 2
    for _, part in ipairs(second and { "test" } or { "training", "test" }) do
      local base = ("%s/%s"):format(root, part)
      listing.add(items, base .. "/images", ("*_%s.tif"):format(part), function(stem)
        local number = stem:match "^%d+"
        return { split = part == "test" and "test" or "train", fov = ("%s/mask/%s_mask.gif"):format(base, stem),
          mask = (second and "%s/2nd_manual/%s_manual2.gif" or "%s/1st_manual/%s_manual1.gif"):format(base, number) }
      end)
    end
    return items
  end,
}
