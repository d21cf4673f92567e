-- The command fovea data: what is known, and whether a copy is complete.
local command = require "support.command"
local lfs = require "lfs"
local png = require("support.png_maker").png

local function picture(pixel)
  return png { width = 4, height = 2, bit_depth = 8, colour_type = 0,
    pixel = function(x, y) return { pixel(x, y) } end }
end

describe("fovea data", function()
  local root = require("support.scratch").new()

  teardown(function() os.execute("rm -rf '" .. root.folder .. "'") end)

  it("lists what is known", function()
    local status, out = command.run { "data" }
    assert.equal(0, status)
    assert.matches("kvasir_seg +train, validation +Kvasir%-SEG, colonoscopy", out)
    status, out = command.run { "data", "hrf" }
    assert.equal(0, status)
    assert.matches("\nfiles: images/01_h.jpg, manual1/01_h.tif, mask/01_h_mask.tif\nsplits: none\n", out)
  end)

  it("looks at a copy", function()
    for _, folder in ipairs { "images", "masks" } do lfs.mkdir(root:path(folder)) end
    for i = 1, 2 do
      root:write(("images/ISIC_%d.png"):format(i), picture(function() return 9 end))
      root:write(("masks/ISIC_%d_segmentation.png"):format(i), picture(function(x) return x == 0 and 255 or 0 end))
    end
    local status, out = command.run { "data", "isic2017", root.folder }
    assert.equal(0, status)
    assert.equal("2 images\nsizes: 4x2\nforeground: 25.00 % of all pixels\n", out)
    root:write("images/ISIC_1.png", "damaged")
    local complaint
    status, out, complaint = command.run { "data", "isic2017", root.folder }
    assert.equal(1, status)
    assert.matches("2 images", out)
    assert.matches("ISIC_1.png: not an image of a known format", complaint)
    assert.equal(0, (command.run { "data", "isic2017", root.folder, "--quick" }))
    os.remove(root:path "masks/ISIC_2_segmentation.png")
    status, out, complaint = command.run { "data", "isic2017", root.folder }
    assert.equal("string", type(out))
    assert.equal(1, status)
    assert.matches("masks/ISIC_2_segmentation.png: no such mask", complaint)
    assert.equal(2, (command.run { "data", "isic2019", root.folder }))
    assert.equal(2, (command.run { "data", "isic2019" }))
  end)
end)
