--- ISIC 2017, part 1: dermoscopy images images/ISIC_n.{jpg,png} with lesion masks masks/ISIC_n_segmentation.png.
local glob = require "fovea.recipe.glob"

return {
  name = "isic2017",
  summary = "ISIC 2017 part 1, dermoscopy images with lesion masks",
  list = function(root)
    local items = {}
    for _, path in ipairs(glob.files(root .. "/images/ISIC_*")) do
      local name, suffix = path:match "([^/]+)%.(%w+)$"
      if (suffix == "jpg" or suffix == "png") and not name:find "_superpixels$" then
        items[#items + 1] = { path = path, mask = ("%s/masks/%s_segmentation.png"):format(root, name) }
      end
    end
    return items
  end,
}
