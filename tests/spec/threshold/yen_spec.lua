local s = require "support.strategy"
local fovea = require "fovea"

describe("yen", function()
  it("maximises the correlation of the two groups, by hand on four bins", function()
    -- counts 4 1 1 2 over [0, 1]; p = .5 .125 .125 .25; criteria after bin 1, 2, 3:
    -- 2 ln(.25) - ln(.25) - ln(.09375) = 0.981; 2 ln(.234375) - ln(.265625) - ln(.078125) = 0.973;
    -- 2 ln(.1875) - ln(.28125) - ln(.0625) = 0.693
    local u = s.map { { 0, 0, 0, 0.1, 0.3, 0.6, 0.8, 1 } }
    local mask, record = s.select("yen:4", u)
    assert.are.near(0.25, record.value, 1e-6)
    assert.same({ { 0, 0, 0, 0, 1, 1, 1, 1 } }, mask)
  end)

  it("splits two values between them; a constant is empty", function()
    local mask, record = s.select("yen", s.map { { 0.2, 0.8, 0.2 } })
    assert.same({ { 0, 1, 0 } }, mask)
    assert.are.near(0.5, record.value, 0.01)
    assert.same({ "CONSTANT", "EMPTY_TARGET" }, select(2, s.select("yen", fovea.zeros { 2, 2 })).flags)
  end)
end)
