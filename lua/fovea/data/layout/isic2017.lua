--- ISIC 2017, part 1: dermoscopy images ISIC_n.jpg with lesion masks ISIC_n_segmentation.png, in the published folders
--- of training, validation and test, or images/ and masks/ of a copy without splits.
local glob = require "fovea.recipe.glob"

local FOLDERS = {
  { "ISIC-2017_Training_Data", "ISIC-2017_Training_Part1_GroundTruth", "train" },
  { "ISIC-2017_Validation_Data", "ISIC-2017_Validation_Part1_GroundTruth", "validation" },
  { "ISIC-2017_Test_v2_Data", "ISIC-2017_Test_v2_Part1_GroundTruth", "test" },
  { "images", "masks" },
}

return {
  name = "isic2017",
  summary = "ISIC 2017 part 1, dermoscopy images with lesion masks",
  splits = { "train", "validation", "test" },
  wanted = "ISIC-2017_Training_Data/ISIC_n.jpg, ISIC-2017_Training_Part1_GroundTruth/ISIC_n_segmentation.png "
    .. "(or images/, masks/)",
  list = function(root)
    local items = {}
    for _, folder in ipairs(FOLDERS) do
      for _, path in ipairs(glob.files(("%s/%s/ISIC_*"):format(root, folder[1]))) do
        local name, suffix = path:match "([^/]+)%.(%w+)$"
        if (suffix == "jpg" or suffix == "png") and not name:find "_superpixels$" then
          items[#items + 1] = { path = path, split = folder[3],
            mask = ("%s/%s/%s_segmentation.png"):format(root, folder[2], name) }
        end
      end
    end
    return items
  end,
}
