-- Views: pictures of a heat map in files named by their content, its place in the image, scores and shares by hand.
local fovea = require "fovea"
local scratch = require("support.scratch").new()
local tiny = require "support.tiny_net"
local view = require "fovea.report.view"
local lfs = require "lfs"

describe("a view", function()
  teardown(function()
    for name in lfs.dir(scratch:path "view") do os.remove(scratch:path("view/" .. name)) end
    scratch:remove()
  end)

  it("holds the parts of a map in three channels", function()
    local picture = view.channels(fovea.tensor { { 2, -1 }, { 0, 1 } })
    assert.same({ { { 255, 0 }, { 0, 127.5 } }, { { 0, 255 }, { 0, 0 } }, { { 255, 63.75 }, { 127.5, 191.25 } } },
      picture:to_table())
    assert.same({ 0, 127.5 }, { view.channels(fovea.zeros { 2, 2 }):min(), view.channels(fovea.zeros { 2, 2 }):max() })
  end)

  it("shrinks fine maps", function()
    assert.same({ 3, 128, 256 }, view.channels(fovea.zeros { 300, 600 }):shape())
  end)

  it("knows where the model's grid lies in the image", function()
    local function place(geometry, size)
      return view.place { geometry = geometry, size = function() return size end }
    end
    assert.same({ 0, 0, 7, 5 }, place(nil, { 5, 7 }))
    assert.same({ 0, 0, 200, 100 }, place { image = { 100, 200 }, resized = { 50, 50 }, grid = { 50, 50 }, top = 0,
      left = 0 })
    assert.same({ -3, 2, 32, 16 }, place { image = { 20, 26 }, resized = { 20, 26 }, grid = { 16, 32 }, top = 2,
      left = -3 })
  end)

  describe("of a real map", function()
    local heat, found, truth

    setup(function()
      local image = fovea.image.new(fovea.uniform({ 3, 12, 10 }, { seed = 1, min = 0, max = 255 }))
      truth = fovea.uniform({ 12, 10 }, { seed = 5 }):gt(0.5)
      heat = assert(fovea.explain(tiny.model { input = { 1, 3, false, false } }, image, { threshold = 0.5,
        layer = "enc2.relu", ground_truth = truth, preprocess = { channels = 3, scale = 0.02 } }))
      found = assert(view.writer(scratch.folder):view(heat))
    end)

    it("names its files by their content", function()
      local fovea_hash = require("fovea.core").file.hash
      for _, field in ipairs(view.PICTURES) do
        assert.equal(("view/%s.png"):format(fovea_hash(scratch:path(found[field])):sub(1, 16)), found[field])
      end
      local again = assert(view.writer(scratch.folder):view(heat))
      assert.same(found, again)
    end)

    it("has the map at the resolution of its layer, the others at that of the image", function()
      local function shape(field) return assert(fovea.image.read(scratch:path(found[field]))).tensor:shape() end
      assert.same({ 3, 6, 5 }, shape "map")
      assert.same({ 3, 12, 10 }, shape "image")
      assert.same({ 1, 12, 10 }, shape "target")
      assert.same({ { 12, 10 }, { 0, 0, 10, 12 } }, { found.size, found.place })
      local mask = assert(fovea.image.read(scratch:path(found.target))).tensor:select(1, 1)
      assert.is_true(mask:equal(heat:image_mask() * 255))
      local red = assert(fovea.image.read(scratch:path(found.map))).tensor:select(1, 1)
      local expected = heat.raw:relu() * (255 / heat.raw:max())
      assert.is_true((red - expected):abs():max() <= 0.5 + 1e-4)
    end)

    it("has shares and scores", function()
      local target, inside = heat:image_mask(), 0
      local map = heat:display { normaliser = "none" }
      inside = (map * target):sum() / map:sum()
      assert.near(inside, found.inside.target, 1e-9)
      assert.near(target:sum() / 120, found.share.target, 1e-9)
      assert.near(truth:sum() / 120, found.share.truth, 1e-9)
      local predicted = heat.probability:gt(0.5)
      local both = (predicted * truth):sum()
      assert.near(2 * both / (predicted:sum() + truth:sum()), found.scores.dice, 1e-9)
      assert.near(both / truth:sum(), found.scores.sensitivity, 1e-9)
    end)
  end)

  it("has no map where there is none", function()
    local heat = assert(fovea.explain(tiny.model(), tiny.input(), { threshold = 1 }))
    local found = assert(view.writer(scratch.folder):view(heat))
    assert.is_nil(found.map)
    assert.is_nil(found.image)
    assert.is_string(found.prediction)
    assert.same({}, found.inside)
  end)
end)
