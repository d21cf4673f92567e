--- Data Science Bowl 2018 (BBBC038): microscopy images stage1_train/ID/images/ID.png with one mask per nucleus,
--- stage1_train/ID/masks/*.png; the mask is what any of them marks.
local listing = require "fovea.data.listing"

return {
  name = "dsb2018",
  summary = "Data Science Bowl 2018, microscopy images with masks of nuclei",
  wanted = "stage1_train/ID/images/ID.png, stage1_train/ID/masks/*.png",
  list = function(root)
    local items = {}
    local base = root .. "/stage1_train"
    for _, id in ipairs(listing.names(base, "*")) do
      local masks = ("%s/%s/masks"):format(base, id)
      listing.add(items, ("%s/%s/images"):format(base, id), "*.png", function()
        local nuclei = listing.names(masks, "*.png")
        for i, name in ipairs(nuclei) do nuclei[i] = ("%s/%s"):format(masks, name) end
        return { mask = #nuclei > 0 and nuclei or masks .. "/*.png" }
      end)
    end
    return items
  end,
}
