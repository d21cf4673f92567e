local s = require "support.strategy"
local fovea = require "fovea"

describe("mean_sigma", function()
  it("is above mean + k sigma", function()
    local u = s.map { { 0, 0, 0, 1 } } -- mean 1/4, sigma sqrt(3)/4
    local mask, record = s.select("mean_sigma:1", u)
    assert.same({ { 0, 0, 0, 1 } }, mask)
    assert.are.near(0.25 + math.sqrt(3) / 4, record.value, 1e-6)
    assert.same({ "EMPTY_TARGET" }, select(2, s.select("mean_sigma:2", u)).flags)
    assert.same({ { 1, 1, 1, 1 } }, (s.select("mean_sigma:-1", u)))
  end)

  it("is empty for a constant map", function()
    assert.same({ "CONSTANT", "EMPTY_TARGET" }, select(2, s.select("mean_sigma:-3", fovea.full({ 2, 2 }, 0.3))).flags)
  end)
end)
