local fovea = require "fovea"
local png_maker = require "support.png_maker"
local lfs = require "lfs"

-- Writes a grey PNG of rows of values.
local function grey(scratch, name, rows)
  return scratch:write(name, png_maker.png { width = #rows[1], height = #rows, bit_depth = 8, colour_type = 0,
    pixel = function(x, y) return { rows[y + 1][x + 1] } end })
end

describe("data sets", function()
  local root = require("support.scratch").new()

  setup(function()
    for _, folder in ipairs { "images", "masks" } do lfs.mkdir(root:path(folder)) end
    for i, name in ipairs { "2", "10", "1" } do
      grey(root, "images/" .. name .. ".png", { { i, 20, 30 }, { 40, 50, 60 } })
      grey(root, "masks/" .. name .. "_m.png", { { 0, 255, 7 }, { 0, 0, 255 } })
    end
    root:write("list.csv", "image,mask,split,name\nimages/1.png,masks/1_m.png,train,a\nimages/2.png,,test,b\n")
  end)
  teardown(function() os.execute("rm -rf '" .. root.folder .. "'") end)

  local function open(spec)
    spec.files = root:path "images/*.png"
    spec.masks = root:path "masks/{name}_m.png"
    return assert(fovea.data.open(spec))
  end

  it("pair files with masks in natural order", function()
    local set = open {}
    assert.same({ "1", "2", "10" }, set:names())
    assert.equal(3, #set)
    local sample = assert(set:read(3))
    assert.equal("10", sample.name)
    assert.same({ { { 2, 20, 30 }, { 40, 50, 60 } } }, sample.image.tensor:to_table())
    assert.same({ { 0, 1, 1 }, { 0, 0, 1 } }, sample.mask:to_table())
    assert.error_matches(function() set:read(4) end, "no item 4 %(there are 3%)")
  end)

  it("take a range of items and a value of the foreground", function()
    assert.same({ "2", "10" }, open({ first = 2 }):names())
    assert.same({ "1", "2" }, open({ last = 2 }):names())
    assert.same({ "2" }, open({ first = 2, limit = 1 }):names())
    assert.same({ { 1, 0, 0 }, { 1, 1, 0 } }, open({ foreground = 0 }):read(1).mask:to_table())
    assert.same({ { 0, 1, 0 }, { 0, 0, 1 } }, open({ threshold = 127 }):read(1).mask:to_table())
    assert.same({ { 0, 2, 1 }, { 0, 0, 2 } }, open({ classes = { 0, 7, 255 } }):read(1).mask:to_table())
    local none, message, code = open({ classes = 2 }):read(1)
    assert.is_nil(none)
    assert.matches("masks/1_m.png: the mask has values of no class", message)
    assert.equal("mismatch", code)
  end)

  it("come from a manifest", function()
    local set = assert(fovea.data.open { manifest = root:path "list.csv" })
    assert.same({ "a", "b" }, set:names())
    assert.is_nil(set:read(2).mask)
    set = assert(fovea.data.open { manifest = root:path "list.csv", split = "train" })
    assert.same({ { 0, 1, 1 }, { 0, 0, 1 } }, set:read(1).mask:to_table())
    assert.error_matches(function() fovea.data.open { manifest = root:path "list.csv", split = "tests" } end,
      "did you mean 'test'")
  end)

  it("are phantoms, one per seed", function()
    local set = assert(fovea.data.open { phantom = "fundus", count = 3, seed = 5, size = 48, last = 2 })
    assert.same({ "fundus.5", "fundus.6" }, set:names())
    assert.equal("phantom:fundus:6,size=48", set:item(2).path)
    local made, sample = fovea.phantom.make("fundus", { seed = 6, size = 48 }), assert(set:read(2))
    assert.is_true(sample.image.tensor:equal(made.image.tensor))
    assert.is_true(sample.mask:equal(made.mask))
    assert.is_true(sample.fov:equal(made.parts.fov))
    set = assert(fovea.data.open { phantom = "fundus", size = 48, part = "disc" })
    assert.equal("phantom:fundus:1,size=48#disc", set:item(1).mask)
    assert.is_true(set:read(1).mask:equal(fovea.phantom.make("fundus", { size = 48 }).parts.disc))
    local function refused(spec, text)
      assert.error_matches(function() fovea.data.open(spec) end, text)
    end
    refused({ phantom = "fundos" }, "data.open: phantom: unknown modality 'fundos'; did you mean 'fundus'")
    refused({ phantom = "fundus", sise = 3 }, "did you mean 'size'")
    refused({ phantom = "fundus", size = 48, part = "disk" }, "did you mean 'disc'")
    refused({ phantom = "fundus", count = 0 }, "count must be 1 or more")
  end)

  it("say what is missing", function()
    local function fails(spec, text)
      local set, message, code = fovea.data.open(spec)
      assert.is_nil(set)
      assert.matches(text, message)
      assert.equal("io", code)
    end
    fails({ files = root:path "none/*.png" }, "none/%*.png: no file fits this pattern")
    fails({ files = root:path "none.png" }, "none.png: no such image")
    fails({ manifest = root:path "none.csv" }, "none.csv: no such file")
    fails({ data_set = "chase_db1", root = root:path "none" }, "none: no such folder")
    fails({ data_set = "chase_db1", root = root.folder }, "no images of the data set 'chase_db1' .* Image_NNL.jpg")
    assert.error_matches(function() fovea.data.open { file = "x" } end, "did you mean 'files'")
    assert.error_matches(function() fovea.data.open {} end, "one of the keys files, manifest, data_set, phantom")
    assert.error_matches(function() fovea.data.open { data_set = "chase", root = "x" } end,
      "data.open: unknown data set 'chase'")
    assert.error_matches(function() fovea.data.open { files = "x", root = "y" } end, "'root' goes with 'data_set'")
  end)
end)
