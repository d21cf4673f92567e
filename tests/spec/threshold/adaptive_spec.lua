local s = require "support.strategy"
local fovea = require "fovea"

describe("adaptive", function()
  it("compares with the mean of the window that is there", function()
    -- means over 3: 0.5, 0.4, 0.4, 0.3, 0.1
    assert.same({ { 0, 1, 0, 0, 1 } }, (s.select("adaptive:3,0.05", s.map { { 0.2, 0.8, 0.2, 0.2, 0.5 } })))
  end)

  it("agrees with a mean by hand in two and three axes", function()
    for _, shape in ipairs { { 5, 6 }, { 4, 5, 6 } } do
      local u = fovea.uniform(shape, { seed = 1 })
      local mean, rank = u:local_mean(3), #shape
      local at = {}
      for axis, n in ipairs(shape) do at[axis] = axis == 1 and n or 2 end
      local block = u
      for axis = 1, rank do
        block = block:slice(axis, at[axis] - 1, math.min(shape[axis], at[axis] + 1))
      end
      assert.are.near(block:mean(), mean:get(table.unpack(at)), 1e-6)
    end
  end)

  it("selects nothing of a flat map, and refuses an even window", function()
    assert.same({ "EMPTY_TARGET" }, select(2, s.select("adaptive:5,0", fovea.full({ 9, 9 }, 0.3))).flags)
    assert.error_matches(function() fovea.threshold.parse "adaptive:4" end, "odd")
  end)
end)
