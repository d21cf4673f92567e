local s = require "support.strategy"
local fovea = require "fovea"
local t = fovea.threshold

describe("contrast", function()
  local logits = fovea.tensor { { { 1, 2, 0 } }, { { 3, -1, 0 } }, { { 0, 0, 1 } } }

  it("sums the class minus another on a mask", function()
    local context = s.classes(logits, 2)
    local target = s.target("contrast(argmax):1", context.probability:select(1, 2), context)
    assert.same({ { 1, 0, 0 } }, target.mask:to_table())
    assert.same({ 2, 1 }, { target.terms[1].class, target.terms[2].class })
    assert.same({ { -1, 0, 0 } }, target.terms[2].weights:to_table())
  end)

  it("or against all others", function()
    local context = s.classes(logits, 3)
    local target = s.target("contrast(argmax)", context.probability:select(1, 3), context)
    assert.are.equal("others", target.terms[1].against)
    assert.are.equal(1, #target.terms)
    local z, w = logits:reshape { 1, 3, 1, 3 }, target.terms[1].weights
    local cam = require("fovea.core").cam
    local options = { kind = "contrast", class = 3 }
    assert.are.near(1 - math.log(2), cam.score(z, w, options)[1].value, 1e-6) -- z = 0, 0, 1
    local seed = cam.seed(z, w, options)
    assert.same({ 0, 0, -0.5, 0, 0, -0.5, 0, 0, 1 }, seed:values())
  end)

  it("has the seed of its score (oracle 11) and does not see a shift of all logits (oracle 12)", function()
    local cam = require("fovea.core").cam
    local z, w = fovea.normal({ 1, 4, 2, 3 }, { seed = 1 }), fovea.uniform({ 2, 3 }, { seed = 2 })
    local options = { kind = "contrast", class = 2 }
    local seed = cam.seed(z, w, options)
    local direction = fovea.normal({ 1, 4, 2, 3 }, { seed = 3 })
    local step = 1e-2
    local function score(x) return cam.score(x, w, options)[1].value end
    assert.are.near((score(z + direction * step) - score(z - direction * step)) / (2 * step),
      (seed * direction):sum(), 1e-3)
    assert.are.near(score(z), score(z + 7), 1e-4)
    assert.is_true(seed:sum({ 2 }):abs():max() < 1e-6)
  end)

  it("refuses what cannot be compared", function()
    local context = s.classes(logits, 2)
    local u = context.probability:select(1, 2)
    assert.error_matches(function() s.target("contrast:2", u, context) end, "with itself")
    assert.error_matches(function() s.target("contrast:9", u, context) end, "class 9; there are 3")
    assert.error_matches(function() s.target("contrast", s.map { { 0.7 } }) end, "several classes")
    assert.error_matches(function() t.parse "contrast:1.5" end, "class from 1")
  end)
end)
