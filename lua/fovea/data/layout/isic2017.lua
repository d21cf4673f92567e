--- ISIC 2017, part 1: dermoscopy images ISIC_n.jpg with lesion masks ISIC_n_segmentation.png, in the published folders
--- of training, validation and test, or images/ and masks/ of a copy without splits.
local listing = require "fovea.data.listing"

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
      listing.add(items, ("%s/%s"):format(root, folder[1]), "ISIC_*.[jp][pn]g", function(stem)
        return not stem:find "_superpixels$" and
          { split = folder[3], mask = ("%s/%s/%s_segmentation.png"):format(root, folder[2], stem) } or nil
      end)
    end
    return items
  end,
}
