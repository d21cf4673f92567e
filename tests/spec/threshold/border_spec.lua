local s = require "support.strategy"
local fovea = require "fovea"

describe("border", function()
  it("is +1 inside and -1 outside along the border, and a mean", function()
    local target = s.target("border", s.map { { 0, 0, 1, 1, 1 } })
    assert.same({ { 0, 1, 1, 0, 0 } }, target.mask:to_table())
    assert.same({ { 0, -1, 1, 0, 0 } }, target.terms[1].weights:to_table())
    assert.is_true(target.mean)
    assert.are.equal("signed", target.record.kind)
    assert.are.equal(2, target.record.count)
    local wide = s.target("border:2", s.map { { 0, 0, 0, 1, 1 } })
    assert.same({ { 0, -1, -1, 1, 1 } }, wide.terms[1].weights:to_table())
  end)

  it("measures in mm", function()
    local target = s.target("border:1,unit=mm", s.map { { 0, 0, 0, 1 } }, { spacing = { 1, 0.5 } })
    assert.same({ { 0, -1, -1, 1 } }, target.terms[1].weights:to_table())
  end)

  it("is empty without a border", function()
    for _, u in ipairs { fovea.zeros { 3, 3 }, fovea.full({ 3, 3 }, 1) } do
      assert.same({ "EMPTY_TARGET" }, s.target("border", u).record.flags)
    end
  end)

  it("cannot be a part of another strategy", function()
    assert.error_matches(function() s.select("border & otsu", s.map { { 0, 1 } }) end, "signed target")
    assert.error_matches(function() fovea.threshold.parse "border:0" end, "above 0")
  end)
end)
