local s = require "support.strategy"
local fovea = require "fovea"

describe("li", function()
  it("minimises the cross entropy of the two groups", function()
    local u = fovea.uniform({ 9, 10 }, { seed = 2 }):pow(2)
    local bins = 32
    local low, high = u:min(), u:max()
    local counts = u:histogram { bins = bins, min = low, max = high }:values()
    local best, at = math.huge, nil
    for cut = 1, bins - 1 do
      local n, m = { 0, 0 }, { 0, 0 }
      for i, c in ipairs(counts) do
        local side = i <= cut and 1 or 2
        n[side], m[side] = n[side] + c, m[side] + c * (i - 0.5)
      end
      local entropy = 0
      for i, c in ipairs(counts) do
        local side = i <= cut and 1 or 2
        if c > 0 then entropy = entropy + c * (i - 0.5) * math.log((i - 0.5) * n[side] / m[side]) end
      end
      if entropy < best then best, at = entropy, cut end
    end
    local _, record = s.select({ "li", bins }, u)
    assert.are.near(low + at * (high - low) / bins, record.value, 1e-6)
  end)

  it("splits two values between them; a constant is empty", function()
    local mask, record = s.select("li", s.map { { 0.2, 0.8, 0.2 } })
    assert.same({ { 0, 1, 0 } }, mask)
    assert.is_true(record.value > 0.2 and record.value < 0.8)
    assert.same({ "CONSTANT", "EMPTY_TARGET" }, select(2, s.select("li", fovea.zeros { 2, 2 })).flags)
  end)
end)
