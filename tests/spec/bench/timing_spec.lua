-- Medians and repeated runs.
local timing = require "fovea.bench.timing"

describe("fovea.bench.timing", function()
  it("takes the middle of a list, or the mean of two", function()
    assert.equal(3, timing.median { 9, 1, 3 })
    assert.equal(2.5, timing.median { 4, 1, 3, 2 })
    local list = { 2, 1 }
    timing.median(list)
    assert.same({ 2, 1 }, list)
  end)

  it("runs once for warming up, then as often and as long as asked", function()
    local calls, after = 0, 0
    local times, first = timing.repeated(function() calls = calls + 1 end,
      { runs = 3, after = function() after = after + 1 end })
    assert.equal(4, calls)
    assert.equal(3, after)
    assert.equal(3, #times)
    assert.is_true(first >= 0)
    local total = 0
    for _, seconds in ipairs((timing.repeated(function() end, { runs = 1, seconds = 0.01 }))) do
      total = total + seconds
    end
    assert.is_true(total >= 0.01)
  end)

  it("tells the most memory of the process", function()
    local before = assert(timing.peak_memory())
    local text = ("x"):rep(64 << 20)
    assert.is_true(timing.peak_memory() >= before and #text > 0)
    assert.is_true(before > 1 << 20 and before < 1 << 40)
  end)
end)
