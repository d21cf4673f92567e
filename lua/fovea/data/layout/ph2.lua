--- PH2: dermoscopy images IMDnnn/IMDnnn_Dermoscopic_Image/IMDnnn.bmp with lesion masks IMDnnn/IMDnnn_lesion/
--- IMDnnn_lesion.bmp, below "PH2 Dataset images" or at once.
local lfs = require "lfs"
local listing = require "fovea.data.listing"

return {
  name = "ph2",
  summary = "PH2, dermoscopy images with lesion masks",
  wanted = "IMD002/IMD002_Dermoscopic_Image/IMD002.bmp, IMD002/IMD002_lesion/IMD002_lesion.bmp",
  list = function(root)
    local items, base = {}, root .. "/PH2 Dataset images"
    if lfs.attributes(base, "mode") ~= "directory" then base = root end
    for _, id in ipairs(listing.names(base, "IMD*")) do
      listing.add(items, ("%s/%s/%s_Dermoscopic_Image"):format(base, id, id), id .. ".bmp", function()
        return { mask = ("%s/%s/%s_lesion/%s_lesion.bmp"):format(base, id, id, id) }
      end)
    end
    return items
  end,
}
