local fovea = require "fovea"
local real = require "support.real"

-- Real data sets beside the checkout; counts and shares of the foreground as known from elsewhere.
describe("real data sets", function()
  local function open(name, folder, spec)
    local complete = { data_set = name, root = real.need("datasets/" .. folder) }
    for key, value in pairs(spec or {}) do complete[key] = value end
    return assert(fovea.data.open(complete))
  end

  it("CHASE_DB1: 20 images to train, 8 to test", function()
    local test = open("chase_db1", "CHASE_DB1", { split = "test" })
    assert.equal(8, #test)
    assert.equal("Image_11L", test:item(1).name)
    assert.equal(20, #open("chase_db1", "CHASE_DB1", { split = "train" }))
    local sample = assert(test:read(1))
    assert.same({ 3, 960, 999 }, sample.image.tensor:shape())
    local share = sample.mask:mean()
    assert.is_true(share > 0.04 and share < 0.12) -- vessels
    local second = open("chase_db1", "CHASE_DB1", { split = "test", observer = 2 }):read(1)
    assert.is_false(second.mask:equal(sample.mask))
    assert.is_true((second.mask & sample.mask):sum() / sample.mask:sum() > 0.6)
  end)

  it("ISBI 2012: 30 slices, membranes dark", function()
    local set = open("isbi2012_em", "ISBI2012_EM")
    assert.equal(30, #set)
    assert.equal("10", set:item(11).name)
    local sample = assert(set:read(1))
    local grey, inside = sample.image.tensor:select(1, 1), sample.mask
    assert.is_true(inside:mean() > 0.6)
    assert.is_true((grey * inside):sum() / inside:sum() > (grey * inside:lnot()):sum() / inside:lnot():sum() + 20)
    local membranes = open("isbi2012_em", "ISBI2012_EM", { foreground = 0 }):read(1).mask
    assert.is_true(membranes:equal(inside:lnot()))
  end)

  it("ISIC 2017: lesions inside of the image", function()
    local set = open("isic2017", "ISIC2017")
    assert.equal(9, #set)
    local loader = fovea.data.loader(set, { batch = 4, seed = 3, preprocess = { channels = 3,
      size = { policy = "fixed", height = 96, width = 128 } }, augment = { flip = true, rotate = 30, noise = 0.02 } })
    local input, target, names = loader:batch(1, 2)
    assert.same({ 4, 3, 96, 128 }, input:shape())
    assert.same({ 4, 1, 96, 128 }, target:shape())
    assert.equal(4, #names)
    assert.is_true(input:min() >= 0 and input:max() <= 1)
    assert.is_true(target:mean() > 0.02 and target:mean() < 0.7)
  end)
end)
