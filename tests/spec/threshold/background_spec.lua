local s = require "support.strategy"
local fovea = require "fovea"

describe("background", function()
  it("is minus the logit where one class is not predicted", function()
    local target = s.target("background", s.map { { 0.2, 0.5, 0.7 } })
    assert.same({ { 1, 1, 0 } }, target.mask:to_table())
    assert.same({ { -1, -1, 0 } }, target.terms[1].weights:to_table())
    assert.are.equal("signed", target.record.kind)
    assert.are.equal(0.5, target.record.value)
  end)

  it("is the background's own class of several", function()
    local context = s.classes(fovea.tensor { { { 4, 0, 0 } }, { { 0, 4, 1 } } }, 2)
    local target = s.target("background", context.probability:select(1, 2), context)
    assert.same({ { 1, 0, 0 } }, target.mask:to_table())
    assert.are.equal(1, target.terms[1].class)
    assert.are.equal(2, s.target("background:class=2", context.probability:select(1, 2), context).record.count)
    assert.error_matches(function() s.target("background:class=3", context.probability:select(1, 2), context) end,
      "class 3 of 2")
  end)

  it("is empty where all is predicted", function()
    assert.same({ "EMPTY_TARGET" }, s.target("background", s.map { { 0.9, 0.8 } }).record.flags)
    assert.error_matches(function() fovea.threshold.parse "background:2" end, "0..1")
  end)
end)
