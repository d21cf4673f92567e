--- ISIC 2018, task 1: dermoscopy images ISIC_n.jpg with lesion masks ISIC_n_segmentation.png, in the published folders.
local listing = require "fovea.data.listing"

local PARTS = { { "Training", "train" }, { "Validation", "validation" }, { "Test", "test" } }

return {
  name = "isic2018",
  summary = "ISIC 2018 task 1, dermoscopy images with lesion masks",
  splits = { "train", "validation", "test" },
  wanted = "ISIC2018_Task1-2_Training_Input/ISIC_n.jpg, ISIC2018_Task1_Training_GroundTruth/ISIC_n_segmentation.png",
  list = function(root)
    local items = {}
    for _, part in ipairs(PARTS) do
      listing.add(items, ("%s/ISIC2018_Task1-2_%s_Input"):format(root, part[1]), "ISIC_*.jpg", function(stem)
        return { split = part[2],
          mask = ("%s/ISIC2018_Task1_%s_GroundTruth/%s_segmentation.png"):format(root, part[1], stem) }
      end)
    end
    return items
  end,
}
