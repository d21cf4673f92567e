--- STARE: fundus photographs imNNNN.ppm with the vessels of A. Hoover, imNNNN.ah.ppm, and of V. Kouznetsova,
--- imNNNN.vk.ppm (observer 2), unpacked, in one folder or in the folders of the three archives.
local lfs = require "lfs"
local listing = require "fovea.data.listing"

return {
  name = "stare",
  summary = "STARE, fundus photographs with vessel masks of two observers (default: Hoover)",
  choices = { observer = { 1, 2 } },
  wanted = "im0001.ppm, im0001.ah.ppm, unpacked (or stare-images/, labels-ah/, labels-vk/)",
  list = function(root, options)
    local who = options.observer == 2 and "vk" or "ah"
    local apart = lfs.attributes(root .. "/stare-images", "mode") == "directory"
    local images, labels = root, root
    if apart then images, labels = root .. "/stare-images", ("%s/labels-%s"):format(root, who) end
    return listing.add({}, images, "im????.ppm", function(stem)
      return { mask = ("%s/%s.%s.ppm"):format(labels, stem, who) }
    end)
  end,
}
