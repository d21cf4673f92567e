local s = require "support.strategy"
local fovea = require "fovea"

describe("soft", function()
  it("weighs with a sigmoid around tau", function()
    local mask, record = s.select("soft:0.5,0.25", s.map { { 0.5, 0.75, 0.25 } })
    assert.are.near(0.5, mask[1][1], 1e-6)
    assert.are.near(1 / (1 + math.exp(-1)), mask[1][2], 1e-6)
    assert.are.near(1 / (1 + math.exp(1)), mask[1][3], 1e-6)
    assert.are.equal("weights", record.kind)
    assert.are.equal(3, record.count)
  end)

  it("comes near the mask when it is cold", function()
    local u = fovea.tensor { { 0.1, 0.3, 0.7, 0.9 } }
    local weights = fovea.threshold.apply("soft:0.5,temperature=0.001", u)
    assert.is_true((weights - u:gt(0.5)):abs():max() < 1e-6)
    assert.error_matches(function() fovea.threshold.parse "soft:0.5,0" end, "above 0")
  end)
end)
