local fovea = require "fovea"
local lfs = require "lfs"

-- Makes the files of a data set: names, all empty.
local function tree(files)
  local scratch = require("support.scratch").new()
  for _, name in ipairs(files) do
    for at in name:gmatch "()/" do lfs.mkdir(scratch:path(name:sub(1, at - 1))) end
    scratch:write(name, "")
  end
  return scratch
end

-- Items as "name image mask split", paths below the root.
local function listed(name, files, spec)
  local root = tree(files)
  spec = spec or {}
  spec.data_set, spec.root = name, root.folder
  local set, message = fovea.data.open(spec)
  local rows = {}
  local function short(path) return path and path:gsub(root.folder .. "/", "") or "-" end
  for i, item in ipairs(assert(set, message).items) do
    local mask = type(item.mask) == "table" and item.mask or { item.mask }
    for k, path in ipairs(mask) do mask[k] = short(path) end
    rows[i] = ("%s %s %s %s %s"):format(item.name, short(item.path), table.concat(mask, "+"), short(item.fov),
      item.split or "-")
  end
  os.execute("rm -rf '" .. root.folder .. "'")
  return rows
end

describe("published layouts:", function()
  it("CHASE_DB1", function()
    local files = { "Image_01L.jpg", "Image_01L_1stHO.png", "Image_01L_2ndHO.png", "Image_10R.jpg", "Image_11L.jpg" }
    assert.same({ "Image_01L Image_01L.jpg Image_01L_1stHO.png - train",
      "Image_10R Image_10R.jpg Image_10R_1stHO.png - train",
      "Image_11L Image_11L.jpg Image_11L_1stHO.png - test" }, listed("chase_db1", files))
    assert.same({ "Image_11L Image_11L.jpg Image_11L_2ndHO.png - test" },
      listed("chase_db1", files, { split = "test", observer = 2 }))
  end)

  it("ISIC 2017", function()
    assert.same({ "ISIC_1 images/ISIC_1.jpg masks/ISIC_1_segmentation.png - -",
      "ISIC_2 images/ISIC_2.png masks/ISIC_2_segmentation.png - -" },
      listed("isic2017", { "images/ISIC_1.jpg", "images/ISIC_2.png", "images/ISIC_2_superpixels.png" }))
    assert.same({ "ISIC_3 ISIC-2017_Test_v2_Data/ISIC_3.jpg "
      .. "ISIC-2017_Test_v2_Part1_GroundTruth/ISIC_3_segmentation.png - test" },
      listed("isic2017", { "ISIC-2017_Training_Data/ISIC_1.jpg", "ISIC-2017_Test_v2_Data/ISIC_3.jpg" },
        { split = "test" }))
  end)

  it("ISBI 2012", function()
    assert.same({ "2 image/2.png label/2.png - -", "10 image/10.png label/10.png - -" },
      listed("isbi2012_em", { "image/10.png", "image/2.png" }))
    local rows = listed("isbi2012_em", { "train-volume.tif", "train-labels.tif" })
    assert.equal(30, #rows)
    assert.equal("train.7 train-volume.tif#7 train-labels.tif#7 - -", rows[7])
  end)
end)
