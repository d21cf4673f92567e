local fovea = require "fovea"
local gif = require("support.gif_maker").gif
local jpeg = require("support.jpeg_maker").jpeg
local lfs = require "lfs"
local png = require("support.png_maker").png
local tiff = require("support.tiff_maker").tiff

-- Makes the files of a data set: a list of names (empty files), or bytes by name.
local function tree(files)
  local scratch = require("support.scratch").new()
  for key, value in pairs(files) do
    local name, bytes = value, ""
    if type(key) == "string" then name, bytes = key, value end
    for at in name:gmatch "()/" do lfs.mkdir(scratch:path(name:sub(1, at - 1))) end
    scratch:write(name, bytes)
  end
  return scratch
end

local function remove(root) os.execute("rm -rf '" .. root.folder .. "'") end

local function open(root, name, spec)
  local complete = { data_set = name, root = root.folder }
  for key, value in pairs(spec or {}) do complete[key] = value end
  return fovea.data.open(complete)
end

-- Items as "name image mask fov split", paths below the root.
local function listed(name, files, spec)
  local root = tree(files)
  local set, message = open(root, name, spec)
  local rows = {}
  local function short(path) return path and path:gsub(root.folder .. "/", "") or "-" end
  for i, item in ipairs(assert(set, message).items) do
    local masks = {}
    for k, path in ipairs(type(item.mask) == "table" and item.mask or { item.mask }) do masks[k] = short(path) end
    rows[i] = ("%s %s %s %s %s"):format(item.name, short(item.path), table.concat(masks, "+"), short(item.fov),
      item.split or "-")
  end
  remove(root)
  return rows
end

-- What the first item holds: image, mask and field of view as tables.
local function first_of(name, files, spec)
  local root = tree(files)
  local sample, message = assert(open(root, name, spec)):read(1)
  remove(root)
  assert(sample, message)
  return sample.image.tensor:to_table(), sample.mask:to_table(), sample.fov and sample.fov:to_table(), sample
end

-- Pictures of a row of grey values.
local function grey_png(...)
  local values = { ... }
  return png { width = #values, height = 1, bit_depth = 8, colour_type = 0,
    pixel = function(x) return { values[x + 1] } end }
end

local function grey_tiff(...) return tiff { width = select("#", ...), height = 1, blocks = { string.char(...) } } end

local BLACK_WHITE = { { 0, 0, 0 }, { 255, 255, 255 }, { 0, 0, 0 }, { 0, 0, 0 } }

local function bits_gif(...)
  return gif { width = select("#", ...), height = 1, colours = BLACK_WHITE, indices = { ... } }
end

describe("published layouts:", function()
  it("CHASE_DB1", function()
    local files = { "Image_01L.jpg", "Image_01L_1stHO.png", "Image_01L_2ndHO.png", "Image_10R.jpg",
      "Image_10R_1stHO.png", "Image_11L.jpg", "Image_11L_1stHO.png", "Image_11L_2ndHO.png" }
    assert.same({ "Image_01L Image_01L.jpg Image_01L_1stHO.png - train",
      "Image_10R Image_10R.jpg Image_10R_1stHO.png - train",
      "Image_11L Image_11L.jpg Image_11L_1stHO.png - test" }, listed("chase_db1", files))
    assert.same({ "Image_11L Image_11L.jpg Image_11L_2ndHO.png - test" },
      listed("chase_db1", files, { split = "test", observer = 2 }))
    local root = tree(files)
    assert.error_matches(function() open(root, "chase_db1", { observer = 3 }) end, "has no observer 3")
    assert.error_matches(function() open(root, "chase_db1", { structure = "heart" }) end, "has no structure heart")
    assert.error_matches(function() open(root, "chase_db1", { split = "training" }) end,
      "no split 'training' %(known: train, test%)")
    os.remove(root:path "Image_10R_1stHO.png")
    local set, message, code = open(root, "chase_db1")
    assert.is_nil(set)
    assert.matches("/Image_10R_1stHO.png: no such mask %(of .*/Image_10R.jpg%)$", message)
    assert.equal("io", code)
    remove(root)
  end)

  it("ISIC 2017 and 2018", function()
    assert.same({ "ISIC_1 images/ISIC_1.jpg masks/ISIC_1_segmentation.png - -",
      "ISIC_2 images/ISIC_2.png masks/ISIC_2_segmentation.png - -" },
      listed("isic2017", { "images/ISIC_1.jpg", "images/ISIC_2.png", "images/ISIC_2_superpixels.png",
        "masks/ISIC_1_segmentation.png", "masks/ISIC_2_segmentation.png" }))
    assert.same({ "ISIC_3 ISIC-2017_Test_v2_Data/ISIC_3.jpg "
      .. "ISIC-2017_Test_v2_Part1_GroundTruth/ISIC_3_segmentation.png - test" },
      listed("isic2017", { "ISIC-2017_Training_Data/ISIC_1.jpg", "ISIC-2017_Test_v2_Data/ISIC_3.jpg",
        "ISIC-2017_Test_v2_Part1_GroundTruth/ISIC_3_segmentation.png" }, { split = "test" }))
    assert.same({ "ISIC_0000003 ISIC2018_Task1-2_Training_Input/ISIC_0000003.jpg "
      .. "ISIC2018_Task1_Training_GroundTruth/ISIC_0000003_segmentation.png - train",
      "ISIC_0000004 ISIC2018_Task1-2_Validation_Input/ISIC_0000004.jpg "
      .. "ISIC2018_Task1_Validation_GroundTruth/ISIC_0000004_segmentation.png - validation" },
      listed("isic2018", { "ISIC2018_Task1-2_Training_Input/ISIC_0000003.jpg",
        "ISIC2018_Task1-2_Training_Input/ATTRIBUTION.txt", "ISIC2018_Task1-2_Validation_Input/ISIC_0000004.jpg",
        "ISIC2018_Task1_Training_GroundTruth/ISIC_0000003_segmentation.png",
        "ISIC2018_Task1_Validation_GroundTruth/ISIC_0000004_segmentation.png" }))
  end)

  it("PH2", function()
    local base = "PH2 Dataset images/IMD002/IMD002_"
    assert.same({ ("IMD002 %sDermoscopic_Image/IMD002.bmp %slesion/IMD002_lesion.bmp - -"):format(base, base) },
      listed("ph2", { base .. "Dermoscopic_Image/IMD002.bmp", base .. "lesion/IMD002_lesion.bmp",
        base .. "roi/IMD002_R1_Label3.bmp" }))
  end)

  it("DRIVE", function()
    local files = {
      ["training/images/21_training.tif"] = tiff { width = 2, height = 1, samples = 3, photometric = 2,
        blocks = { "abcdef" } },
      ["training/1st_manual/21_manual1.gif"] = bits_gif(0, 1), ["training/mask/21_training_mask.gif"] = bits_gif(1, 1),
      ["test/images/01_test.tif"] = "", ["test/1st_manual/01_manual1.gif"] = "",
      ["test/2nd_manual/01_manual2.gif"] = "", ["test/mask/01_test_mask.gif"] = "",
    }
    assert.same({ "01_test test/images/01_test.tif test/1st_manual/01_manual1.gif test/mask/01_test_mask.gif test",
      "21_training training/images/21_training.tif training/1st_manual/21_manual1.gif "
      .. "training/mask/21_training_mask.gif train" }, listed("drive", files))
    assert.same({ "01_test test/images/01_test.tif test/2nd_manual/01_manual2.gif test/mask/01_test_mask.gif test" },
      listed("drive", files, { observer = 2 }))
    local image, mask, fov = first_of("drive", files, { split = "train" })
    assert.same({ { { 97, 100 } }, { { 98, 101 } }, { { 99, 102 } } }, image)
    assert.same({ { 0, 1 } }, mask)
    assert.same({ { 1, 1 } }, fov)
  end)

  it("STARE", function()
    local files = { ["im0001.ppm"] = "P6\n1 1\n255\nabc", ["im0001.ah.ppm"] = "P6\n1 1\n255\n\255\255\255",
      ["im0001.vk.ppm"] = "P6\n1 1\n255\n\0\0\0" }
    assert.same({ "im0001 im0001.ppm im0001.ah.ppm - -" }, listed("stare", files))
    assert.same({ { 1 } }, (select(2, first_of("stare", files))))
    assert.same({ { 0 } }, (select(2, first_of("stare", files, { observer = 2 }))))
    assert.same({ "im0001 stare-images/im0001.ppm labels-vk/im0001.vk.ppm - -" },
      listed("stare", { "stare-images/im0001.ppm", "labels-vk/im0001.vk.ppm" }, { observer = 2 }))
  end)

  it("HRF", function()
    assert.same({ "01_dr images/01_dr.JPG manual1/01_dr.tif mask/01_dr_mask.tif -",
      "01_h images/01_h.jpg manual1/01_h.tif mask/01_h_mask.tif -" },
      listed("hrf", { "images/01_dr.JPG", "manual1/01_dr.tif", "mask/01_dr_mask.tif", "images/01_h.jpg",
        "manual1/01_h.tif", "mask/01_h_mask.tif" }))
  end)

  it("CVC-ClinicDB", function()
    local files = { ["Original/2.tif"] = "", ["Original/1.tif"] = grey_tiff(1, 2, 3), ["Ground Truth/2.tif"] = "",
      ["Ground Truth/1.tif"] = grey_tiff(3, 254, 255) }
    assert.same({ "1 Original/1.tif Ground Truth/1.tif - -", "2 Original/2.tif Ground Truth/2.tif - -" },
      listed("cvc_clinicdb", files))
    assert.same({ { 0, 1, 1 } }, (select(2, first_of("cvc_clinicdb", files))))
    assert.same({ "1 PNG/Original/1.png PNG/Ground Truth/1.png - -" },
      listed("cvc_clinicdb", { "PNG/Original/1.png", "PNG/Ground Truth/1.png" }))
  end)

  it("Kvasir-SEG", function()
    local function film(left, right)
      return jpeg { rows = 1, columns = 2, block = function(x) return { x == 0 and left or right } end }
    end
    local files = { ["images/a.jpg"] = film(10, 20), ["masks/a.jpg"] = film(4, 250), ["images/b.jpg"] = "",
      ["masks/b.jpg"] = "", ["train.txt"] = "b\n", ["val.txt"] = "a.jpg\r\n" }
    assert.same({ "a images/a.jpg masks/a.jpg - validation", "b images/b.jpg masks/b.jpg - train" },
      listed("kvasir_seg", files))
    local _, mask = first_of("kvasir_seg", files)
    assert.same({ 0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1 }, mask[3])
    local root = tree(files) -- elsewhere a JPEG mask needs a threshold
    local set = fovea.data.open { files = root:path "images/a.jpg", masks = root:path "masks/{name}.jpg" }
    assert.matches("a JPEG does not keep the values", (select(2, set:read(1))))
    remove(root)
  end)

  it("Data Science Bowl 2018", function()
    local files = { ["stage1_train/ab/images/ab.png"] = grey_png(7, 8, 9),
      ["stage1_train/ab/masks/1.png"] = grey_png(255, 0, 0), ["stage1_train/ab/masks/2.png"] = grey_png(0, 0, 255) }
    assert.same({ "ab stage1_train/ab/images/ab.png stage1_train/ab/masks/1.png+stage1_train/ab/masks/2.png - -" },
      listed("dsb2018", files))
    assert.same({ { 1, 0, 1 } }, (select(2, first_of("dsb2018", files))))
    local root = tree { "stage1_train/ab/images/ab.png" }
    assert.matches("stage1_train/ab/masks/%*.png: no such mask", (select(2, open(root, "dsb2018"))))
    remove(root)
  end)

  it("ISBI 2012", function()
    assert.same({ "2 image/2.png label/2.png - -", "10 image/10.png label/10.png - -" },
      listed("isbi2012_em", { "image/10.png", "image/2.png", "label/10.png", "label/2.png" }))
    local pages, labels = {}, {}
    for i = 1, 30 do
      pages[i] = { width = 2, height = 1, blocks = { string.char(i, 100 + i) } }
      labels[i] = { width = 2, height = 1, blocks = { i % 2 == 0 and "\0\255" or "\255\0" } }
    end
    local root = tree { ["train-volume.tif"] = tiff(pages), ["train-labels.tif"] = tiff(labels) }
    local set = assert(open(root, "isbi2012_em"))
    assert.equal(30, #set)
    local sample = assert(set:read(7))
    assert.equal("train.7", sample.name)
    assert.same({ { { 7, 107 } } }, sample.image.tensor:to_table())
    assert.same({ { 1, 0 } }, sample.mask:to_table())
    assert.same({ { 1, 0 } }, assert(open(root, "isbi2012_em", { foreground = 0 })):read(8).mask:to_table())
    set = assert(fovea.data.open { files = root:path "train-volume.tif#*", masks = root:path "train-labels.tif#{page}",
      first = 2, last = 3 }) -- any stack
    assert.same({ "train-volume.2", "train-volume.3" }, set:names())
    assert.same({ { 0, 1 } }, set:read(1).mask:to_table())
    remove(root)
  end)

  it("Montgomery", function()
    local name = "MCUCXR_0001_0"
    local left, right = ("ManualMask/leftMask/%s.png"):format(name), ("ManualMask/rightMask/%s.png"):format(name)
    local files = { ["CXR_png/" .. name .. ".png"] = grey_png(1, 2, 3), [left] = grey_png(0, 0, 255),
      [right] = grey_png(255, 0, 0) }
    assert.same({ ("%s CXR_png/%s.png %s+%s - -"):format(name, name, left, right) }, listed("montgomery", files))
    assert.same({ { 1, 0, 1 } }, (select(2, first_of("montgomery", files))))
  end)

  it("JSRT", function()
    local film = ("\15\255"):rep(2048) .. ("\0\1"):rep(2048 * 2047)
    local files = { ["All247images/JPCLN001.IMG"] = film, ["All247images/JPCNN002.IMG"] = "",
      ["fold1/masks/left lung/JPCNN002.gif"] = "", ["fold1/masks/right lung/JPCNN002.gif"] = "",
      ["fold2/masks/left lung/JPCLN001.gif"] = bits_gif(0, 1, 0, 0),
      ["fold2/masks/right lung/JPCLN001.gif"] = bits_gif(0, 0, 0, 1),
      ["fold2/masks/heart/JPCLN001.gif"] = bits_gif(1, 0), ["fold1/masks/heart/JPCNN002.gif"] = "" }
    assert.same({ "JPCLN001 All247images/JPCLN001.IMG fold2/masks/left lung/JPCLN001.gif+"
      .. "fold2/masks/right lung/JPCLN001.gif - fold2",
      "JPCNN002 All247images/JPCNN002.IMG fold1/masks/left lung/JPCNN002.gif+"
      .. "fold1/masks/right lung/JPCNN002.gif - fold1" }, listed("jsrt", files))
    local root = tree(files)
    local sample = assert(assert(open(root, "jsrt", { split = "fold2" })):read(1))
    local image, mask = sample.image, sample.mask
    assert.same({ 0, 4094, 4095, 2048 }, { image.tensor(1, 1, 5), image.tensor(1, 2, 5), image.white, image.width })
    assert.same({ 0, 1, 0, 1 }, { mask(9, 512), mask(9, 513), mask(9, 1025), mask(9, 1537) })
    sample = assert(assert(open(root, "jsrt", { structure = "heart", split = "fold2" })):read(1))
    assert.equal(2048 * 1024, sample.mask:sum())
    assert.matches("JPCNN002.IMG: .*empty", (select(2, assert(open(root, "jsrt", { split = "fold1" })):read(1))))
    root:write("All247images/JPCNN002.IMG", "short")
    assert.matches("not a film of JSRT %(5 bytes, not 8388608%)",
      (select(2, assert(open(root, "jsrt", { split = "fold1" })):read(1))))
    remove(root)
  end)

  it("lung CT slices", function()
    local name = "ID_0000_Z_0142.tif"
    local files = { ["2d_images/" .. name] = tiff { width = 2, height = 1, bits = 16, format = 2,
      blocks = { string.pack("<i2i2", -1000, 300) } }, ["2d_masks/" .. name] = grey_tiff(255, 0) }
    local image, mask = first_of("lung_ct", files)
    assert.same({ { { -1000, 300 } } }, image)
    assert.same({ { 1, 0 } }, mask)
  end)

  it("have a summary and tell what they want", function()
    local layouts = fovea.data.layouts()
    assert.equal(14, #layouts)
    for _, layout in ipairs(layouts) do
      local module = require("fovea.data.layout." .. layout.name)
      assert.is_true(module.name == layout.name and #layout.summary > 20 and #module.wanted > 10)
      local root = require("support.scratch").new()
      local set, message = open(root, layout.name)
      assert.is_nil(set)
      assert.matches("no images of the data set '" .. layout.name .. "' in this folder; wanted: ", message, 1, true)
      remove(root)
    end
  end)
end)
