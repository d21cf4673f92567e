local fovea = require "fovea"
local cam = require("fovea.core").cam

local function near(expected, got, tolerance)
  assert.is_true(math.abs(expected - got) <= tolerance, ("%.9g, expected %.9g"):format(got, expected))
end

local function sigmoid(z) return 1 / (1 + math.exp(-z)) end

-- Score by the definition, in double, for logits as a list of rows per position.
local function softmax_score(z, mask, class)
  local score = 0
  for p, row in ipairs(z) do
    local sum = 0
    for _, v in ipairs(row) do sum = sum + math.exp(v) end
    score = score + mask[p] * math.exp(row[class]) / sum
  end
  return score
end

describe("seed", function()
  it("is the mask in the class channel for a logit score (oracle 11)", function()
    local z = fovea.normal({ 1, 3, 2, 2 }, { seed = 1 })
    local mask = fovea.tensor { { 1, 0 }, { 0, 1 } }
    local seed = cam.seed(z, mask, { class = 2 })
    assert.same({ 0, 0, 0, 0, 1, 0, 0, 1, 0, 0, 0, 0 }, seed:values())
    local score = cam.score(z, mask, { class = 2 })[1]
    near(z:get(1, 2, 1, 1) + z:get(1, 2, 2, 2), score.value, 1e-6)
    assert.are.equal(2, score.count)
    assert.are.equal(0, score.saturated)
  end)

  it("takes soft weights and divides a mean by the number of non-zero ones", function()
    local z = fovea.tensor({ 1, 1, 1, 4 }, { 1, 2, 3, 4 })
    local weights = fovea.tensor { 0.5, 0, 1, 0 }
    assert.same({ 0.5, 0, 1, 0 }, cam.seed(z, weights):values())
    assert.same({ 0.25, 0, 0.5, 0 }, cam.seed(z, weights, { mean = true }):values())
    assert.are.equal(3.5, cam.score(z, weights)[1].value)
    assert.are.equal(1.75, cam.score(z, weights, { mean = true })[1].value)
  end)

  it("chains the sigmoid as s(z) s(-z), exact in the tails", function()
    local values = { 0, 1.5, -3, 30, -60 }
    local z = fovea.tensor({ 1, 1, 1, 5 }, values)
    local seed = cam.seed(z, fovea.full({ 5 }, 1), { kind = "sigmoid" }):values()
    for i, v in ipairs(values) do
      local expected = sigmoid(v) * sigmoid(-v)
      near(1, seed[i] / expected, 1e-6)
    end
    near(0.25, seed[1], 1e-9)
  end)

  it("scores probabilities and reports saturation (oracle 45)", function()
    local z = fovea.tensor({ 1, 1, 1, 4 }, { 0, 25, -30, 1 })
    local score = cam.score(z, fovea.tensor { 1, 1, 1, 0 }, { kind = "sigmoid" })[1]
    near(1.5, score.value, 1e-9)
    near(2 / 3, score.saturated, 1e-12)
    assert.are.equal(1, cam.score(z, fovea.tensor { 0, 1, 1, 0 }, { kind = "sigmoid" })[1].saturated)
  end)

  it("is the gradient of the softmax score (finite differences)", function()
    local rows = { { 0.3, -1.2, 2 }, { 1, 1, 1 }, { -4, 5, 0.5 } }
    local mask = { 1, 0, 0.5 }
    local flat = {}
    for k = 1, 3 do
      for p = 1, 3 do flat[#flat + 1] = rows[p][k] end
    end
    local z = fovea.tensor({ 1, 3, 3 }, flat)
    local seed = cam.seed(z, fovea.tensor(mask), { kind = "softmax", class = 2 })
    near(softmax_score(rows, mask, 2), cam.score(z, fovea.tensor(mask), { kind = "softmax", class = 2 })[1].value, 1e-7)
    for p = 1, 3 do
      for k = 1, 3 do
        local kept, h = rows[p][k], 1e-5
        rows[p][k] = kept + h
        local up = softmax_score(rows, mask, 2)
        rows[p][k] = kept - h
        local down = softmax_score(rows, mask, 2)
        rows[p][k] = kept
        near((up - down) / (2 * h), seed:get(1, k, p), 1e-7)
      end
    end
  end)

  it("keeps precision where the softmax is close to 1", function()
    local z = fovea.tensor({ 1, 2, 1 }, { 40, 0 })
    local seed = cam.seed(z, fovea.tensor { 1 }, { kind = "softmax" }):values()
    near(1, seed[1] / math.exp(-40), 1e-5)
    near(-1, seed[2] / math.exp(-40), 1e-5)
  end)

  it("gives the sigmoid seed for two classes with logits z and 0", function()
    local z = fovea.tensor({ 1, 2, 1, 3 }, { -2, 0.5, 3, 0, 0, 0 })
    local one = fovea.tensor({ 1, 1, 1, 3 }, { -2, 0.5, 3 })
    local ones = fovea.full({ 3 }, 1)
    local two, single = cam.seed(z, ones, { kind = "softmax" }), cam.seed(one, ones, { kind = "sigmoid" })
    for i = 1, 3 do near(single:get(1, 1, 1, i), two:get(1, 1, 1, i), 1e-8) end
  end)

  it("treats batch items one by one", function()
    local z = fovea.tensor({ 2, 1, 1, 2 }, { 1, 2, 3, 4 })
    local mask = fovea.tensor({ 2, 1, 1, 2 }, { 1, 1, 0, 1 })
    local score = cam.score(z, mask, { mean = true })
    assert.are.equal(1.5, score[1].value)
    assert.are.equal(4, score[2].value)
    assert.same({ 0.5, 0.5, 0, 1 }, cam.seed(z, mask, { mean = true }):values())
  end)

  it("finds the classes on another axis", function()
    local z = fovea.tensor({ 1, 2, 2 }, { 1, 2, 3, 4 }) -- positions x classes
    assert.same({ 0, 1, 0, 0 }, cam.seed(z, fovea.tensor { 1, 0 }, { axis = 3, class = 2 }):values())
    assert.are.equal(2, cam.score(z, fovea.tensor { 1, 0 }, { axis = 3, class = 2 })[1].value)
  end)

  it("is zero for an empty mask, without a division (oracle 14)", function()
    local z, empty = fovea.normal({ 1, 2, 3, 3 }, { seed = 2 }), fovea.zeros { 3, 3 }
    for _, kind in ipairs { "logit", "sigmoid", "softmax" } do
      local target = { kind = kind, mean = true }
      local seed, score = cam.seed(z, empty, target), cam.score(z, empty, target)[1]
      assert.are.equal(0, seed:count_nonzero())
      assert.same({ value = 0, count = 0, saturated = 0 }, score)
    end
  end)

  it("accumulates the score in double", function()
    local values = {}
    for i = 1, 100000 do values[i] = 0.1 end
    local score = cam.score(fovea.tensor({ 1, 1, 100000 }, values), fovea.full({ 100000 }, 1))[1]
    near(100000 * (string.unpack("f", string.pack("f", 0.1))), score.value, 1e-6)
  end)

  it("refuses what does not fit, naming it", function()
    local z = fovea.zeros { 1, 2, 3, 3 }
    assert.error_matches(function() cam.seed(z, fovea.zeros { 8 }) end, "mask 8 .* output 1x2x3x3")
    assert.error_matches(function() cam.seed(z, fovea.zeros { 9 }, { class = 3 }) end, "class 3 .* has 2")
    assert.error_matches(function() cam.seed(z, fovea.zeros { 9 }, { class = 0 }) end, "class 0")
    assert.error_matches(function() cam.seed(z, fovea.zeros { 9 }, { axis = 1 }) end, "class axis")
    assert.error_matches(function() cam.seed(z, fovea.zeros { 9 }, { axis = 9 }) end, "class axis")
    assert.error_matches(function() cam.seed(z, fovea.zeros { 9 }, { kid = "logit" }) end, "kid")
    assert.error_matches(function() cam.score(z, fovea.zeros { 9 }, { kind = "probability" }) end, "sigmoid")
  end)
end)
