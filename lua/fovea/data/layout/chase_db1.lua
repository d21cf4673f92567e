--- CHASE_DB1: fundus photographs Image_NN{L,R}.jpg with the vessels of two observers, Image_NN{L,R}_1stHO.png and
--- _2ndHO.png. The usual split takes the first 20 images (those of children 1 to 10) for training.
local listing = require "fovea.data.listing"

local LAST_TRAINING_CHILD = 10

return {
  name = "chase_db1",
  summary = "CHASE_DB1, fundus photographs with vessel masks of two observers (default: the first)",
  splits = { "train", "test" },
  choices = { observer = { 1, 2 } },
  wanted = "Image_NNL.jpg, Image_NNL_1stHO.png",
  list = function(root, options)
    local suffix = options.observer == 2 and "2ndHO" or "1stHO"
    return listing.add({}, root, "Image_??[LR].jpg", function(stem)
      local child = tonumber(stem:match "^Image_(%d%d)") or 0
      return { mask = ("%s/%s_%s.png"):format(root, stem, suffix),
        split = child <= LAST_TRAINING_CHILD and "train" or "test" }
    end)
  end,
}
