--- CHASE_DB1: fundus photographs Image_NN{L,R}.jpg with the vessels of two observers, Image_NN{L,R}_1stHO.png and
--- _2ndHO.png. The usual split takes the first 20 images (those of children 1 to 10) for training.
local glob = require "fovea.recipe.glob"

local LAST_TRAINING_CHILD = 10

return {
  name = "chase_db1",
  summary = "CHASE_DB1, fundus photographs with vessel masks of two observers (default: the first)",
  splits = { "train", "test" },
  observers = { "_1stHO.png", "_2ndHO.png" },
  wanted = "Image_NNL.jpg, Image_NNL_1stHO.png",
  list = function(root, options)
    local items, suffix = {}, options.observer == 2 and "_2ndHO.png" or "_1stHO.png"
    for i, path in ipairs(glob.files(root .. "/Image_??[LR].jpg")) do
      local child = tonumber(path:match "Image_(%d%d)[LR]%.jpg$") or 0
      items[i] = { path = path, mask = path:gsub("%.jpg$", suffix),
        split = child <= LAST_TRAINING_CHILD and "train" or "test" }
    end
    return items
  end,
}
