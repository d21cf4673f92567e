local s = require "support.strategy"
local fovea = require "fovea"

describe("hysteresis", function()
  local u = s.map { { 0.4, 0.7, 0, 0.4 }, { 0, 0, 0, 0.5 }, { 0.35, 0, 0.65, 0.2 } }

  it("keeps the weak components that hold a strong pixel", function()
    local mask, record = s.select("hysteresis:0.3,0.6,4", u)
    assert.same({ { 1, 1, 0, 0 }, { 0, 0, 0, 0 }, { 0, 0, 1, 0 } }, mask)
    assert.are.equal(4, record.detail.connectivity)
    assert.are.equal(0.3, record.value)
  end)

  it("joins diagonal neighbours by default", function()
    local mask, record = s.select("hysteresis:0.3,0.6", u)
    assert.same({ { 1, 1, 0, 1 }, { 0, 0, 0, 1 }, { 0, 0, 1, 0 } }, mask)
    assert.are.equal(8, record.detail.connectivity)
  end)

  it("is strict at both levels", function()
    local flat = s.map { { 0.25, 0.5, 0.5 } }
    assert.same({ { 0, 0, 0 } }, (s.select("hysteresis:0.25,0.5", flat)))
    assert.same({ { 0, 1, 1 } }, (s.select("hysteresis:0.25,0.4", flat)))
  end)

  it("with equal levels is a fixed threshold (oracle 7)", function()
    local noise = fovea.uniform({ 20, 30 }, { seed = 1 })
    for _, level in ipairs { 0, 0.3, 0.8, 1 } do
      local text = ("hysteresis:%g,%g"):format(level, level)
      assert.is_true(fovea.threshold.apply(text, noise):equal((fovea.threshold.apply(level, noise))))
    end
  end)

  it("works on volumes", function()
    local volume = fovea.tensor { { { 0.4, 0 }, { 0, 0 } }, { { 0, 0 }, { 0, 0.7 } } }
    local mask, record = fovea.threshold.apply("hysteresis:0.3,0.6", volume)
    assert.same({ 1, 0, 0, 0, 0, 0, 0, 1 }, mask:values())
    assert.are.equal(26, record.detail.connectivity)
    assert.same({ 0, 0, 0, 0, 0, 0, 0, 1 }, (fovea.threshold.apply("hysteresis:0.3,0.6,6", volume)):values())
  end)

  it("refuses levels in the wrong order", function()
    assert.error_matches(function() fovea.threshold.parse "hysteresis:0.6,0.3" end, "must not be above")
  end)
end)
