-- Shrinking: means of blocks by hand, sizes, and masks that stay masks.
local fovea = require "fovea"
local shrink = require "fovea.report.shrink"

describe("shrink", function()
  it("averages whole blocks", function()
    local pixels = fovea.tensor { { { 1, 3, 10, 20 }, { 5, 7, 30, 40 } } }
    assert.same({ { { 4, 25 } } }, shrink.to(pixels, 1, 2):to_table())
  end)

  it("leaves what is small enough alone", function()
    local pixels = fovea.uniform({ 3, 8, 16 }, { seed = 1 })
    assert.equal(pixels, shrink.within(pixels, 16))
    assert.same({ 3, 5, 10 }, shrink.within(pixels, 10):shape())
    assert.same({ 3, 1, 1 }, shrink.within(pixels, 1):shape())
  end)

  it("keeps masks masks", function()
    local mask = shrink.within(fovea.uniform({ 1, 31, 57 }, { seed = 2 }):gt(0.5), 20, "nearest")
    assert.same({ 1, 11, 20 }, mask:shape())
    assert.is_true((mask:eq(0) + mask:eq(1)):min() == 1)
  end)
end)
