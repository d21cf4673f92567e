local s = require "support.strategy"
local fovea = require "fovea"

describe("triangle", function()
  it("takes the bin farthest below the line from the peak to the end of the tail", function()
    -- counts 8 2 1 1 over [0, 1]: the line falls from 8 to 1 at bin 4; heights 8, 5.67, 3.33, 1, so below it
    -- lie 3.67 at bin 2 and 2.33 at bin 3
    local u = s.map { { 0, 0, 0, 0, 0, 0.1, 0.1, 0.2, 0.3, 0.4, 0.6, 1 } }
    local mask, record = s.select("triangle:4", u)
    assert.are.near(0.375, record.value, 1e-6)
    assert.same({ { 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1 } }, mask)
  end)

  it("works to the other side too", function()
    local u = s.map { { 1, 1, 1, 1, 1, 0.9, 0.9, 0.8, 0.7, 0.6, 0.4, 0 } }
    assert.are.near(0.625, select(2, s.select("triangle:4", u)).value, 1e-6)
  end)

  it("is empty for a constant map", function()
    assert.same({ "CONSTANT", "EMPTY_TARGET" }, select(2, s.select("triangle", fovea.zeros { 2, 2 })).flags)
  end)
end)
