--- CHASE_DB1: fundus photographs Image_NN{L,R}.jpg with the first observer's vessels, Image_NN{L,R}_1stHO.png.
local glob = require "fovea.recipe.glob"

return {
  name = "chase_db1",
  summary = "CHASE_DB1, fundus photographs with vessel masks of the first observer",
  list = function(root)
    local items = {}
    for i, path in ipairs(glob.files(root .. "/Image_??[LR].jpg")) do
      items[i] = { path = path, mask = path:gsub("%.jpg$", "_1stHO.png") }
    end
    return items
  end,
}
