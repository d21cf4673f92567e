local s = require "support.strategy"
local fovea = require "fovea"

describe("band", function()
  it("is open below and closed above", function()
    assert.same({ { 0, 1, 1, 0 } }, (s.select("band:0.25,0.75", s.map { { 0.25, 0.5, 0.75, 1 } })))
    assert.same({ { 0, 1, 0 } }, (s.select("band:0.1,0.3", s.map { { 0.1, 0.3, 0.31 } }))) -- in single precision
  end)

  it("adds up with the bands beside it (oracle 10)", function()
    local u = fovea.uniform({ 7, 8 }, { seed = 1 })
    local sum = u * 0
    for i = 0, 9 do sum = sum + fovea.threshold.apply({ "band", i / 10, (i + 1) / 10 }, u) end
    assert.is_true(sum:equal(u:gt(0)))
    assert.error_matches(function() fovea.threshold.parse "band:0.5,0.3" end, "must not be above")
    assert.same({ "EMPTY_TARGET" }, select(2, fovea.threshold.apply("band:0.5,0.5", u)).flags)
  end)
end)
