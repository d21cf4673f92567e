local fovea = require "fovea"

describe("percentile", function()
  it("is the quantile in per cent (oracle 5)", function()
    local u = fovea.uniform({ 10, 10 }, { seed = 3 })
    for _, p in ipairs { 0, 5, 50, 94.9, 95, 99.1, 100 } do
      assert.is_true(fovea.threshold.apply({ "percentile", p }, u):equal(
        (fovea.threshold.apply({ "quantile", p / 100 }, u))))
    end
    assert.error_matches(function() fovea.threshold.parse "percentile:101" end, "0..100")
  end)
end)
