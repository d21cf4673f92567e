local s = require "support.strategy"
local fovea = require "fovea"

describe("fp", function()
  local u = s.map { { 0.9, 0.6, 0.2, 0.1 } }
  local context = { ground_truth = fovea.tensor { { 1, 0, 1, 0 } } }
  local expected = ({ tp = { 1, 0, 0, 0 }, fp = { 0, 1, 0, 0 }, fn = { 0, 0, 1, 0 } })["fp"]

  it("compares the prediction with the ground truth", function()
    assert.same({ expected }, (s.select("fp", u, context)))
    assert.are.equal("fp(fixed:0.5)", select(2, s.select("fp", u, context)).spec)
  end)

  it("takes any prediction", function()
    local want = ({ tp = { 1, 0, 0, 0 }, fp = { 0, 0, 0, 0 }, fn = { 0, 0, 1, 0 } })["fp"]
    assert.same({ want }, (s.select("fp(top_k:1)", u, context)))
  end)

  it("gives with the others the prediction and the reference (oracle 9)", function()
    local noise = fovea.uniform({ 8, 9 }, { seed = 5 })
    local truth = fovea.uniform({ 8, 9 }, { seed = 6 }):gt(0.6)
    local with = { ground_truth = truth }
    local prediction = fovea.threshold.apply("otsu", noise)
    assert.is_true(fovea.threshold.apply("tp(otsu) | fp(otsu)", noise, with):equal(prediction))
    assert.is_true(fovea.threshold.apply("tp(otsu) | fn(otsu)", noise, with):equal(truth))
    assert.are.equal(0, fovea.threshold.apply("fp(otsu) & (tp(otsu) | fn(otsu))", noise,
      with):sum())
  end)

  it("needs a ground truth", function()
    assert.error_matches(function() s.select("fp", u) end, "threshold 'fp' needs the ground truth")
  end)
end)
