local s = require "support.strategy"
local fovea = require "fovea"
local scratch = require "support.scratch"
local t = fovea.threshold

describe("roi", function()
  local u = fovea.zeros { 3, 4 }
  local dir
  setup(function() dir = scratch.new() end)
  teardown(function() dir:remove() end)

  it("takes a pixel", function()
    assert.same({ { 0, 0, 0, 0 }, { 0, 0, 1, 0 }, { 0, 0, 0, 0 } }, (s.select("roi:pixel=2/3", u)))
    assert.same({ "EMPTY_TARGET" }, select(2, s.select("roi:pixel=4/1", u)).flags)
  end)

  it("takes a box, clipped to the grid", function()
    assert.same({ { 0, 0, 0, 0 }, { 0, 1, 1, 0 }, { 0, 1, 1, 0 } }, (s.select("roi:box=2/2/3/3", u)))
    assert.same({ { 1, 0, 0, 0 }, { 1, 0, 0, 0 }, { 1, 0, 0, 0 } }, (s.select("roi:box=-5/-5/99/1", u)))
    assert.same({ "EMPTY_TARGET" }, select(2, s.select("roi:box=3/3/2/2", u)).flags)
    assert.are.equal(2, (t.apply("roi:box=1/1/1/2/1/1", fovea.zeros { 2, 2, 2 })):sum())
  end)

  it("takes positions in the image", function()
    local context = { geometry = { image = { 6, 8 }, resized = { 6, 8 }, grid = { 6, 8 }, top = 0, left = 0 } }
    -- the grid is half as fine as the image
    assert.same({ { 0, 0, 0, 0 }, { 0, 0, 1, 0 }, { 0, 0, 0, 0 } },
      (s.select("roi:pixel=4/5,frame=image", u, context)))
    assert.same({ { 1, 1, 0, 0 }, { 1, 1, 0, 0 }, { 0, 0, 0, 0 } },
      (s.select("roi:box=1/2/3/4,frame=image", u, context)))
    context.geometry = { image = { 3, 2 }, resized = { 3, 2 }, grid = { 3, 4 }, top = 0, left = -1 } -- padded by 1
    assert.same({ { 0, 1, 0, 0 }, { 0, 0, 0, 0 }, { 0, 0, 0, 0 } },
      (s.select("roi:pixel=1/1,frame=image", u, context)))
    assert.error_matches(function() s.select("roi:pixel=1/1,frame=image", u) end, "need an image")
  end)

  it("reads a mask file of the size of the grid or of the image", function()
    local mask = fovea.tensor { { 0, 9, 0, 0 }, { 0, 9, 9, 0 }, { 0, 0, 0, 1 } }
    local npy, png, two = dir:path "m.npy", dir:path "m.png", dir:path "m.safetensors"
    assert(fovea.npy.write(npy, mask))
    assert(fovea.image.write(png, mask:reshape { 1, 3, 4 }))
    assert(fovea.safetensors.write(two, { a = mask, b = mask * 0 }))
    for _, path in ipairs { npy, png, two .. "#a" } do
      local found, record = s.select({ "roi", mask = path }, u)
      assert.same(mask:ne(0):to_table(), found)
      assert.are.equal(32, #record.detail.hash)
      assert.are.equal(record.spec, t.parse(record.spec).spec)
    end
    local half = fovea.zeros { 6, 8 }
    local context = { geometry = { image = { 3, 4 }, resized = { 6, 8 }, grid = { 6, 8 }, top = 0, left = 0 } }
    local big = t.apply({ "roi", mask = npy }, half, context)
    assert.are.equal(4 * 4, big:sum())
    assert.are.equal(1, big:get(1, 4))
  end)

  it("resizes a mask of another size only when asked to", function()
    assert(fovea.npy.write(dir:path "big.npy", fovea.full({ 6, 8 }, 1)))
    assert.error_matches(function() s.select({ "roi", mask = dir:path "big.npy" }, u) end,
      "big.npy is 6x8, which is not the size of the model's grid, 3x4")
    assert.are.equal(12, t.apply({ "roi", mask = dir:path "big.npy", resize = true }, u):sum())
  end)

  it("refuses what it cannot use", function()
    assert.error_matches(function() t.parse "roi" end, "one of mask, pixel and box")
    assert.error_matches(function() t.parse "roi:pixel=1/1,box=1/1/2/2" end, "one of mask, pixel and box")
    assert.error_matches(function() s.select("roi:box=1/2/3", u) end, "box needs 4 numbers")
    assert.error_matches(function() s.select("roi:mask=nowhere.png", u) end, "nowhere.png: no such file")
    assert.error_matches(function() s.select("roi:mask=x.jpg", u) end, "does not keep the values")
  end)
end)
