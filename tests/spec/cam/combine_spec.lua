local fovea = require "fovea"
local cam = require("fovea.core").cam

-- Naive references in double precision over flat lists, N x C x P.
local function naive_weights(g, n, c, p)
  local alpha = {}
  for row = 0, n * c - 1 do
    local sum = 0
    for j = 1, p do sum = sum + g[row * p + j] end
    alpha[row + 1] = sum / p
  end
  return alpha
end

local function naive_map(a, n, c, p, weight)
  local map = {}
  for i = 0, n - 1 do
    for j = 1, p do
      local sum = 0
      for k = 0, c - 1 do sum = sum + a[(i * c + k) * p + j] * weight(i, k, j) end
      map[i * p + j] = sum
    end
  end
  return map
end

local function assert_near(expected, got, tolerance)
  assert.are.equal(#expected, #got)
  for i, v in ipairs(expected) do
    assert.is_true(math.abs(v - got[i]) <= tolerance, ("entry %d: %g, expected %g"):format(i, got[i], v))
  end
end

describe("channel weighting", function()
  it("averages each channel over its positions", function()
    local g = fovea.tensor { { { { 1, 2 }, { 3, 6 } }, { { -1, -1 }, { -1, 3 } } } }
    local alpha = cam.channel_weights(g)
    assert.same({ 1, 2, 1, 1 }, alpha:shape())
    assert.same({ 3, 0 }, alpha:values())
  end)

  it("combines by hand-computed numbers", function()
    local a = fovea.tensor { { { { 1, 2 } }, { { 3, -4 } } } }
    local g = fovea.tensor { { { { 1, 3 } }, { { -1, 0 } } } } -- alpha = 2, -0.5
    assert.same({ 0.5, 6 }, cam.combine_channels(a, cam.channel_weights(g)):values())
    assert.same({ -2, 6 }, cam.combine_elements(a, g):values())
    assert.same({ 1, 1, 1, 2 }, cam.combine_elements(a, g):shape())
  end)

  for _, shape in ipairs { { 1, 1, 1 }, { 2, 3, 7 }, { 2, 5, 4, 6 }, { 1, 96, 30, 40 }, { 2, 4, 3, 5, 7 } } do
    it("agrees with the naive reference for " .. table.concat(shape, "x"), function()
      local a = fovea.normal(shape, { seed = 1 })
      local g = fovea.normal(shape, { seed = 2 })
      local n, c = shape[1], shape[2]
      local p = a:count() // n // c
      local av, gv = a:values(), g:values()
      local alpha = naive_weights(gv, n, c, p)
      local weights = cam.channel_weights(g)
      assert_near(alpha, weights:values(), 1e-6)
      assert_near(naive_map(av, n, c, p, function(i, k) return alpha[i * c + k + 1] end),
        cam.combine_channels(a, weights):values(), 1e-5)
      assert_near(naive_map(av, n, c, p, function(i, k, j) return gv[(i * c + k) * p + j] end),
        cam.combine_elements(a, g):values(), 1e-5)
    end)
  end

  it("accumulates in double", function()
    local values = { 1e8 }
    for i = 2, 1000 do values[i] = 1 end
    values[1001] = -1e8
    local alpha = cam.channel_weights(fovea.tensor({ 1, 1, 1001 }, values))
    assert.is_true(math.abs(alpha:item() - 999 / 1001) < 1e-7)
  end)

  it("gives the same map for a volume of depth 1 (oracle 80)", function()
    local a, g = fovea.normal({ 1, 3, 4, 5 }, { seed = 3 }), fovea.normal({ 1, 3, 4, 5 }, { seed = 4 })
    local flat = cam.combine_elements(a, g)
    local deep = cam.combine_elements(a:reshape { 1, 3, 1, 4, 5 }, g:reshape { 1, 3, 1, 4, 5 })
    assert.same({ 1, 1, 1, 4, 5 }, deep:shape())
    assert.same(flat:values(), deep:values())
  end)

  it("passes a NaN on", function()
    local a = fovea.tensor { { { { 0 / 0, 1 } } } }
    assert.is_false(cam.combine_elements(a, a):is_finite())
  end)

  it("names both shapes when they do not fit", function()
    local a, g = fovea.zeros { 1, 2, 3, 3 }, fovea.zeros { 1, 2, 3, 4 }
    assert.error_matches(function() cam.combine_elements(a, g) end, "gradient 1x2x3x4 .* activation 1x2x3x3")
    assert.error_matches(function() cam.combine_channels(a, fovea.zeros { 3 }) end, "weights 3 .* 1x2x3x3")
    assert.error_matches(function() cam.channel_weights(fovea.zeros { 2, 3 }) end, "2x3")
    assert.error_matches(function() cam.channel_weights(fovea.zeros { 2, 3, 0 }) end, "2x3x0")
  end)
end)

describe("methods", function()
  local methods = require "fovea.cam"

  it("are found by name", function()
    assert.are.equal("gradcam", methods.method("gradcam").name)
    local own = { name = "own", map = function(a) return a end }
    assert.are.equal(own, methods.method(own))
    assert.error_matches(function() methods.method "gradcan" end, "did you mean 'gradcam'")
    local names = table.concat(methods.names(), " ")
    assert.matches("gradcam", names)
    assert.matches("hirescam", names)
  end)

  it("agree where the gradient is constant over space (oracle 17)", function()
    local a = fovea.normal({ 1, 3, 4, 4 }, { seed = 5 })
    local g = fovea.normal({ 1, 3, 1, 1 }, { seed = 6 }):expand { 1, 3, 4, 4 }
    assert_near(methods.method("gradcam").map(a, g):values(), methods.method("hirescam").map(a, g):values(), 1e-6)
  end)

  it("give the logits without bias at a 1x1 head (oracles 15 and 16)", function()
    -- z = sum_k w_k A_k + b, mask M: G_kj = w_k 1[j in M].
    local a, w, b = fovea.normal({ 1, 4, 5, 5 }, { seed = 7 }), fovea.normal({ 1, 4, 1, 1 }, { seed = 8 }), 0.75
    local z = (a * w):sum { 2, keep_dims = true } + b
    local mask = z:gt(0.5)
    local g = mask * w
    local m, zv, mv = mask:sum(), z:values(), mask:values()
    local expected, elements = {}, {}
    for i, v in ipairs(zv) do
      expected[i] = m / 25 * (v - b)
      elements[i] = mv[i] * (v - b)
    end
    assert_near(expected, methods.method("gradcam").map(a, g):values(), 1e-5)
    local hires = methods.method("hirescam").map(a, g)
    assert_near(elements, hires:values(), 1e-5)
    local score = cam.score(z, mask)[1]
    assert.is_true(math.abs(hires:sum() - (score.value - m * b)) < 1e-4)
  end)

  it("add over disjoint masks (oracle 10)", function()
    local a = fovea.normal({ 1, 3, 6, 6 }, { seed = 9 })
    local g1, g2 = fovea.normal({ 1, 3, 6, 6 }, { seed = 10 }), fovea.normal({ 1, 3, 6, 6 }, { seed = 11 })
    for _, name in ipairs { "gradcam", "hirescam" } do
      local map = methods.method(name).map
      assert_near((map(a, g1) + map(a, g2)):values(), map(a, g1 + g2):values(), 1e-5)
    end
  end)
end)
