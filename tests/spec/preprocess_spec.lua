local fovea = require "fovea"
local image = require "fovea.image"
local preprocess = require "fovea.preprocess"

local function ramp(h, w)
  local values = {}
  for i = 1, h * w do values[i] = i end
  return fovea.tensor({ h, w }, values)
end

local function applied(options, picture) return assert(preprocess.apply(preprocess.record(options), picture)) end

describe("preprocess.record", function()
  it("fills in defaults and can be read back", function()
    local record = preprocess.record { channels = 3, mean = 0.5, std = { 0.1, 0.2, 0.3 } }
    assert.same({ channels = 3, order = "rgb", alpha = "drop", mean = { 0.5 }, std = { 0.1, 0.2, 0.3 },
      size = { policy = "none" } }, record)
    assert.same(record, preprocess.record(record))
    assert.same({ policy = "pad", multiple = 32, fill = "reflect" },
      preprocess.record({ size = { policy = "pad", multiple = 32 } }).size)
  end)

  it("refuses what it does not understand", function()
    local cases = {
      { { chanels = 3 }, "did you mean 'channels'" },
      { { channels = 2 }, "1 or 3, not 2" },
      { { order = "bgrr" }, "did you mean 'bgr'" },
      { { scale = "x" }, "scale must be a number" },
      { { std = 0 }, "std holds 0" },
      { { mean = {} }, "mean is empty" },
      { { size = { policy = "padd" } }, "did you mean 'pad'" },
      { { size = { policy = "fixed", height = 3 } }, "needs height and width" },
      { { size = { policy = "crop" } }, "needs multiple, or height and width" },
      { { size = { policy = "pad", multiple = 0 } }, "size.multiple must be a whole number from 1 on" },
      { { size = { polici = "pad" } }, "did you mean 'policy'" },
    }
    for _, case in ipairs(cases) do
      local ok, message = pcall(preprocess.record, case[1])
      assert.is_false(ok)
      assert.matches(case[2], message)
    end
  end)
end)

describe("preprocess.apply", function()
  it("scales by the depth of the image, and normalises", function()
    local picture = image.new(fovea.tensor({ 3, 1, 1 }, { 0, 51, 255 }))
    local input = applied({ mean = { 0, 0.2, 0.5 }, std = { 1, 1, 0.25 } }, picture)
    assert.same({ 1, 3, 1, 1 }, input:shape())
    for i, v in ipairs { 0, 0, 2 } do assert.is_true(math.abs(input:values()[i] - v) < 1e-6) end
    local deep = image.new(fovea.tensor { { 65535, 0 } }, { white = 65535 })
    assert.same({ 1, 0 }, applied({}, deep):values())
    assert.same({ 131070, 0 }, applied({ scale = 2 }, deep):values())
  end)

  it("converts channels and their order", function()
    local grey, colour = image.new(ramp(1, 2)), image.new(fovea.tensor({ 3, 1, 1 }, { 10, 20, 30 }))
    assert.same({ 1, 2, 1, 2, 1, 2 }, applied({ channels = 3, scale = 1 }, grey):values())
    assert.same({ 30, 20, 10 }, applied({ order = "bgr", scale = 1 }, colour):values())
    local one = applied({ channels = 1, scale = 1 }, colour):item()
    assert.is_true(math.abs(one - (2.99 + 11.74 + 3.42)) < 1e-4)
  end)

  it("says nil, message, code when the values do not fit the channels", function()
    local none, message, code = preprocess.apply(preprocess.record { mean = { 1, 2, 3 } }, ramp(2, 2))
    assert.is_nil(none)
    assert.matches("3 values of mean for 1 channels", message)
    assert.are.equal("mismatch", code)
  end)

  it("crops the centre, to a size or to a multiple", function()
    local input, geometry = applied({ scale = 1, size = { policy = "crop", height = 1, width = 2 } }, ramp(3, 5))
    assert.same({ 7, 8 }, input:values())
    assert.same({ image = { 3, 5 }, resized = { 3, 5 }, grid = { 1, 2 }, top = 1, left = 1 }, geometry)
    assert.same({ 1, 1, 2, 4 }, applied({ size = { policy = "crop", multiple = 2 } }, ramp(3, 5)):shape())
    local corner = { policy = "crop", height = 1, width = 2, top = 0, left = 3 }
    assert.same({ 4, 5 }, applied({ scale = 1, size = corner }, ramp(3, 5)):values())
    corner.left = 9
    assert.matches("left 9 of the crop is more than the 3 there are",
      select(2, preprocess.apply(preprocess.record { size = corner }, ramp(3, 5))))
    local none, message = preprocess.apply(preprocess.record { size = { policy = "crop", multiple = 4 } }, ramp(3, 5))
    assert.is_nil(none)
    assert.matches("image 5x3 does not fit the crop to a multiple of 4", message)
  end)

  it("pads around the centre", function()
    local size = { policy = "pad", multiple = 4, fill = "zero" }
    local input, geometry = applied({ scale = 1, mean = 1, size = size }, ramp(2, 3))
    assert.same({ { { { 0, 0, 0, 0 }, { 0, 1, 2, 0 }, { 3, 4, 5, 0 }, { 0, 0, 0, 0 } } } }, input:to_table())
    assert.same({ -1, 0 }, { geometry.top, geometry.left })
    size.fill = "reflect"
    assert.same({ { { { 4, 5, 6, 5 }, { 1, 2, 3, 2 }, { 4, 5, 6, 5 }, { 1, 2, 3, 2 } } } },
      applied({ scale = 1, size = size }, ramp(2, 3)):to_table())
    local corner = { policy = "pad", height = 3, width = 4, fill = "zero", top = 0, left = 0 }
    assert.same({ { { { 1, 2, 3, 0 }, { 4, 5, 6, 0 }, { 0, 0, 0, 0 } } } },
      applied({ scale = 1, size = corner }, ramp(2, 3)):to_table())
    local none, message = preprocess.apply(preprocess.record { size = { policy = "pad", height = 4, width = 2 } },
      ramp(3, 5))
    assert.is_nil(none)
    assert.matches("image 5x3 does not fit the pad to width 2", message)
  end)

  it("resizes to a size or to the nearest multiple", function()
    local input = applied({ scale = 1, size = { policy = "fixed", height = 1, width = 4 } }, fovea.tensor { { 0, 1 } })
    assert.same({ 0, 0.25, 0.75, 1 }, input:values())
    assert.same({ 1, 1, 32, 64 }, applied({ size = { policy = "resize", multiple = 32 } }, ramp(5, 50)):shape())
    assert.same({ 1, 1, 32, 32 }, applied({ size = { policy = "resize", multiple = 32 } }, ramp(32, 47)):shape())
  end)
end)

describe("preprocess on a real image", function()
  it("makes the input that the reference results were computed from", function()
    local real = os.getenv "FOVEA_REAL_DIR" or "../shared/real"
    local picture = image.read(real .. "/images/retina_chasedb1/chase_01L.png")
    local golden = fovea.safetensors.read(real .. "/golden/m2unet_chasedb1__chase_01L_960.safetensors")
    if not picture or not golden then return pending "real material is not here" end
    local input = applied({ size = { policy = "crop", height = 960, width = 960, left = 18 } }, picture)
    assert.is_true((input - golden.input):abs():max() < 1e-7)
  end)
end)

describe("preprocess.restore", function()
  local policies = {
    { policy = "none" }, { policy = "pad", multiple = 8 }, { policy = "pad", height = 20, width = 11 },
    { policy = "crop", multiple = 4 }, { policy = "crop", height = 5, width = 7 },
  }

  it("undoes every policy without resizing exactly, where the grid covers the image", function()
    for _, size in ipairs(policies) do
      local picture = ramp(9, 10)
      local input, geometry = applied({ scale = 1, size = size }, picture)
      local back, covered = preprocess.restore(input, geometry)
      assert.same({ 9, 10 }, back:shape())
      assert.are.equal(size.policy == "crop", covered ~= nil)
      assert.are.equal(covered == nil, preprocess.covers(geometry))
      assert.is_true(back:equal(covered and picture * covered or picture))
      if covered then assert.are.equal(input:count(), covered:sum()) end
    end
  end)

  it("brings a coarse layer back", function()
    local _, geometry = applied({ size = { policy = "crop", height = 2, width = 4 } }, ramp(2, 6))
    local back, covered = preprocess.restore(fovea.tensor({ 1, 1, 1, 2 }, { 0, 1 }), geometry)
    assert.same({ { 0, 0, 0.25, 0.75, 1, 0 }, { 0, 0, 0.25, 0.75, 1, 0 } }, back:to_table())
    assert.same({ 0, 1, 1, 1, 1, 0, 0, 1, 1, 1, 1, 0 }, covered:flatten():values())
  end)

  it("returns from a resized grid to the size of the image, masks by the nearest pixel", function()
    local _, geometry = applied({ size = { policy = "fixed", height = 4, width = 4 } }, ramp(8, 6))
    local mask = preprocess.restore(fovea.uniform({ 4, 4 }, { seed = 1 }):gt(0.5), geometry, "nearest")
    assert.same({ 8, 6 }, mask:shape())
    assert.are.equal(48, mask:eq(0):lor(mask:eq(1)):sum())
    local flat = preprocess.restore(fovea.full({ 4, 4 }, 0.25), geometry)
    assert.are.equal(0.25, flat:min())
    assert.are.equal(0.25, flat:max())
  end)
end)
