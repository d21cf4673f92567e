-- The recipes of the paper's experiment: all of them are in order, for the small sets and for the published ones; their
-- tables can be joined.
local command = require "support.command"
local fovea = require "fovea"
local glob = require "fovea.recipe.glob"
local lfs = require "lfs"
local scratch = require("support.scratch").new()

local SIZE = 48

--- A picture and its mask; folders are made.
local function pair(picture, mask, channels)
  for _, name in ipairs { picture, mask } do require("fovea.cases").make_folder(scratch:path(name:match "^(.*)/")) end
  assert(fovea.image.write(scratch:path(picture), fovea.uniform({ channels, SIZE, SIZE }, { min = 0, max = 255 })))
  assert(fovea.image.write(scratch:path(mask), fovea.uniform({ 1, SIZE, SIZE }, { seed = 1 }):gt(0.5) * 255))
end

--- Small stand-ins for the data sets, and for the published folders of ISIC 2017.
local function make_data()
  for child = 1, 14 do
    for _, side in ipairs { "L", "R" } do
      local name = ("data/CHASE_DB1/Image_%02d%s"):format(child, side)
      pair(name .. ".jpg", name .. "_1stHO.png", 3)
    end
  end
  for i = 0, 29 do pair(("data/ISBI2012_EM/image/%d.png"):format(i), ("data/ISBI2012_EM/label/%d.png"):format(i), 1) end
  for i = 1, 9 do
    pair(("data/ISIC2017/images/ISIC_%07d.png"):format(i), ("data/ISIC2017/masks/ISIC_%07d_segmentation.png"):format(i),
      3)
  end
  for _, part in ipairs { "Training", "Validation", "Test_v2" } do
    for i = 1, 12 do
      pair(("full/ISIC2017/ISIC-2017_%s_Data/ISIC_%07d.png"):format(part, i),
        ("full/ISIC2017/ISIC-2017_%s_Part1_GroundTruth/ISIC_%07d_segmentation.png"):format(part, i), 3)
    end
  end
end

describe("the paper's experiment", function()
  setup(make_data)
  teardown(function() os.execute("rm -rf " .. command.quote(scratch.folder)) end)

  local function run(words, data)
    return command.run(words, { env = "OMP_NUM_THREADS=1 FOVEA_DATA=" .. scratch:path(data or "data") })
  end

  it("has nine recipes on phantoms and nine on photographs, each with its training recipe", function()
    local count = { phantom = 0, data_set = 0 }
    for _, path in ipairs(glob.files "configs/paper/*.yaml") do
      local text = io.open(path):read "a"
      local kind = text:match "images: { (%w+_?%w*):"
      count[kind] = count[kind] + 1
      local name = path:match "([^/]+)%.yaml$"
      assert.matches(("train: { extends: ../train/%s.yaml }"):format(name), text, 1, true)
      assert.is_truthy(lfs.attributes(("configs/train/%s.yaml"):format(name)))
    end
    assert.same({ phantom = 9, data_set = 9 }, count)
  end)

  it("says what a run on photographs consists of", function()
    for _, name in ipairs { "r2unet_chase_db1", "mcgunet_isbi2012_em", "double_unet_isic2017" } do
      local status, said, complained = run { "run", ("configs/paper/%s.yaml"):format(name), "--out",
        scratch:path "none", "--dry-run", "--json" }
      assert.equal(0, status, complained)
      local images = name:find "chase" and 3 or name:find "isbi" and 4 or 3
      local layers = name:find "r2unet" and 3 or name:find "mcgunet" and 4 or 6
      assert.equal(images * layers * 10 * 2 * 2, fovea.json.decode(said).cases)
    end
  end)

  it("takes the published data set and the full network by overrides", function()
    local words = { "run", "configs/paper/r2unet_isic2017.yaml", "--out", scratch:path "full_run", "--dry-run" }
    for _, text in ipairs { "images.split=test", "images.first=1", "images.last=600",
      "models.train.data.train.split=train", "models.train.data.train.last=2000",
      "models.train.data.validation.split=validation", "models.train.data.validation.first=1",
      "models.train.data.validation.last=150", "models.train.data.patch=[256, 256]",
      "models.train.preprocess.size={policy: fixed, height: 256, width: 256}", "models.train.arch_options.width=64",
      "models.train.arch_options.depth=5", "models.train.epochs=100", "models.train.out=networks/full", "explain=3" } do
      words[#words + 1], words[#words + 2] = "--set", text
    end
    local status, said, complained = run(words, "full")
    assert.equal(0, status, complained)
    assert.matches("not trained yet: 100 epochs come first; weights in networks/full/r2unet_isic2017.safetensors", said,
      1, true)
    assert.matches("encoder.5 ", said, 1, true)
    assert.matches("360 cases, 360 to do", said)
  end)

  it("joins the tables of several runs", function()
    local folders = { scratch:path "a", scratch:path "b" }
    for i, folder in ipairs(folders) do
      local status, _, complained = run { "run", "configs/paper/r2unet_dermoscopy.yaml", "--out", folder, "--set",
        "models={path: \"random:" .. i .. "\", arch: r2unet, arch_options: {width: 4, depth: 2}}", "--set",
        "images.count=1", "--set", "images.size=32", "--set", "outputs.figure=false" }
      assert.equal(0, status, complained)
    end
    local status, said, complained = run { "scripts/paper_tables.lua", folders[1], folders[2], scratch:path "c" }
    assert.equal(0, status)
    assert.matches("c: no cases.csv, left out", complained)
    for _, title in ipairs { "Segmentation", "Heat maps by layer", "Heat maps by threshold", "Heat maps by score",
      "Status of all maps", "map by probability with the map by logit", "map at threshold 0.5" } do
      assert.matches("### .-" .. title, said)
    end
    assert.matches("\n| b +| encoder.2 ", said)
  end)
end)
