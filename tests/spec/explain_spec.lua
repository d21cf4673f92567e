-- The operator on a small network: the oracles of the masked sum, statuses, options.
local fovea = require "fovea"
local tiny = require "support.tiny_net"

local function near(want, got, tolerance, what)
  local scale = math.max(want:abs():max(), 1e-6)
  local worst = (want:reshape(got:shape()) - got):abs():max()
  assert.is_true(worst <= tolerance * scale, ("%s: off by %g of %g"):format(what or "map", worst, scale))
end

describe("explain", function()
  local model, input, z
  local head_bias

  setup(function()
    model, input = tiny.model(), tiny.input()
    z = model:forward(input)[1]:reshape { 12, 10 }
    head_bias = tiny.head_bias():item()
  end)

  local function explain(options)
    return assert(fovea.explain(model, input, options))
  end

  it("gives the scaled logits at the input of a 1x1 head, and says so (oracle 15)", function()
    local heat = explain { layer = "dec2.relu", threshold = "quantile:0.6" }
    near((z - head_bias) * (heat.count / 120), heat.raw, 1e-5)
    assert.are.equal("TAUTOLOGY", heat.status)
    assert.are.equal(48, heat.count)
  end)

  it("gives the logits of the target with HiResCAM at the same layer (oracle 16)", function()
    local heat = explain { layer = "dec2.relu", method = "hirescam", threshold = "logit:0" }
    near((z - head_bias) * heat.mask, heat.raw, 1e-5)
    assert.are.near(heat.score.value - heat.count * head_bias, heat.range.sum, 1e-4)
  end)

  it("adds up over disjoint bands for first-order methods (oracle 10)", function()
    local xgrad = { name = "xgrad", first_order = true, map = function(activation, gradient)
      local axes = { 3, 4, keep_dims = true }
      local weight = (activation * gradient):sum(axes) / activation:sum(axes)
      return (weight:where(weight, 0) * activation):sum { 2, keep_dims = true }
    end }
    local function band(low, high)
      return { name = ("band %g %g"):format(low, high), select = function(u) return u:gt(low):land(u:le(high)) end }
    end
    local cuts = { 0, 0.42, 0.5, 0.58, 1 }
    for _, method in ipairs { "gradcam", "hirescam", xgrad } do
      local whole = explain { layer = "enc2.relu", threshold = band(0, 1), method = method }
      local sum, score = whole.raw * 0, 0
      for i = 1, #cuts - 1 do
        local part = explain { layer = "enc2.relu", threshold = band(cuts[i], cuts[i + 1]), method = method }
        sum, score = sum + part.raw, score + part.score.value
      end
      near(whole.raw, sum, 1e-5, whole.method)
      assert.are.near(whole.score.value, score, 1e-4)
    end
  end)

  it("differentiates the masked sum: finite differences of S (oracle 11)", function()
    local smooth = tiny.model { inner = "tanh" }
    local heat = assert(fovea.explain(smooth, input, { layer = "enc1.tanh", threshold = "quantile:0.7" }))
    local seed = heat.mask:reshape { 1, 1, 12, 10 }
    local gradient = smooth:gradients(input, "input", seed).input
    local direction = fovea.uniform({ 1, 2, 12, 10 }, { seed = 4, min = -1, max = 1 })
    local function score(step)
      return (smooth:forward(input + direction * step)[1] * seed):sum()
    end
    local step = 1e-2
    local want = (score(step) - score(-step)) / (2 * step)
    assert.are.near(want, (gradient * direction):sum(), 1e-3 * math.abs(want))
  end)

  it("is a contrast when the seed is one: invariant to a shift of all logits of a pixel (oracle 12)", function()
    local two = tiny.model { classes = 2 }
    local shift = fovea.uniform({ 1, 1, 12, 10 }, { seed = 8, min = -3, max = 3 })
    local shifted = fovea.model { name = "shifted", input = { 1, 2, 12, 10 }, build = function(g, x)
      return g:add { tiny.build(g, x, { classes = 2 }), g:mul { g:constant(shift), g:slice { x, axis = 2, first = 1,
        last = 1 } } }
    end }
    local mask = fovea.full({ 1, 1, 12, 10 }, 1)
    local contrast = fovea.concat({ mask, mask * -1 }, 2)
    local a = two:gradients(input, "input", contrast).input
    local b = shifted:gradients(input, "input", contrast).input
    near(a, b, 1e-5, "contrast")
    local plain = fovea.concat({ mask, mask * 0 }, 2)
    local c = two:gradients(input, "input", plain).input
    local d = shifted:gradients(input, "input", plain).input
    assert.is_true((c - d):abs():max() > 0.1)
  end)

  it("is the same with the mask inside the graph (oracle 13)", function()
    local heat = explain { layer = "enc2.relu", threshold = 0.5 }
    local mask = heat.mask:reshape { 1, 1, 12, 10 }
    local inside = fovea.model { name = "inside", input = { 1, 2, 12, 10 }, build = function(g, x)
      return g:reduce_sum { g:mul { tiny.build(g, x), g:constant(mask) }, axes = { 3, 4 } }
    end }
    local got = inside:gradients(input, "enc2.relu", fovea.full({ 1, 1, 1, 1 }, 1))["enc2.relu"]
    near(model:gradients(input, "enc2.relu", mask)["enc2.relu"], got, 1e-6, "gradient")
  end)

  it("selects the same pixels by probability and by logit (oracle 2)", function()
    for _, tau in ipairs { 0.2, 0.5, 0.61 } do
      local p = explain { layer = "enc2.relu", threshold = tau }
      local l = explain { layer = "enc2.relu", threshold = ("logit:%.17g"):format(math.log(tau / (1 - tau))) }
      assert.is_true(p.mask:equal(l.mask))
    end
  end)

  it("has hysteresis, components and error sets as functions (oracles 7, 8, 9)", function()
    local function hysteresis(low, high)
      return function(u)
        local weak = u:gt(low)
        local labels, n = weak:components { connectivity = 8 }
        local keep = weak * 0
        for i = 1, n do
          local member = labels:eq(i)
          if (u * member):max() > high then keep = keep + member end
        end
        return keep
      end
    end
    local fixed = explain { layer = "enc2.relu", threshold = 0.5 }
    local same = explain { layer = "enc2.relu", threshold = hysteresis(0.5, 0.5) }
    assert.is_true(fixed.mask:equal(same.mask))
    near(fixed.raw, same.raw, 1e-7)

    local _, n = fixed.mask:components { connectivity = 4 }
    local sum = fixed.raw * 0
    for i = 1, n do
      sum = sum + explain { layer = "enc2.relu", threshold = function(u)
        return u:gt(0.5):components { connectivity = 4 }:eq(i)
      end }.raw
    end
    assert.is_true(n > 1)
    near(fixed.raw, sum, 1e-5, "components")

    local truth = fovea.uniform({ 12, 10 }, { seed = 3 }):gt(0.5)
    local function set(pick)
      return explain { layer = "enc2.relu", ground_truth = truth, threshold = function(u, context)
        return pick(u:gt(0.5), context.ground_truth)
      end }.mask
    end
    local tp = set(function(p, r) return p:land(r) end)
    local fp = set(function(p, r) return p:land(r:lnot()) end)
    local fn = set(function(p, r) return p:lnot():land(r) end)
    assert.is_true((tp + fp):equal(fixed.mask))
    assert.is_true((tp + fn):equal(truth))
  end)

  it("is empty with a status for every method when nothing is selected (oracle 14)", function()
    for _, method in ipairs(fovea.cam.names()) do
      for _, reduction in ipairs { "sum", "mean" } do
        local heat = explain { layer = "enc2.relu", threshold = 1, method = method, reduction = reduction }
        assert.are.equal("EMPTY_TARGET", heat.status)
        assert.are.equal(0, heat.count)
        assert.are.equal(0, heat.raw:abs():max())
        assert.are.equal(0, heat:display():abs():max())
      end
    end
  end)

  it("says NONFINITE for a NaN in the input (oracle 79)", function()
    local broken = input:copy()
    broken:set(1, 2, 3, 4, 0 / 0)
    local heat = assert(fovea.explain(model, broken, { layer = "enc2.relu" }))
    assert.are.equal("NONFINITE", heat.status)
    assert.are.equal(0, heat.raw:abs():max())
  end)

  it("gives the same bits for 1, 4 and 16 threads (oracle 75)", function()
    local before, hashes = fovea.threads(), {}
    for i, n in ipairs { 1, 4, 16 } do
      fovea.threads(n)
      hashes[i] = {}
      for k, heat in ipairs(assert(fovea.explain_all(model, input, { methods = { "gradcam", "hirescam" },
        layers = "all", thresholds = { 0.5, "otsu" } }))) do
        hashes[i][k] = heat.raw:hash()
      end
    end
    fovea.threads(before)
    assert.are.same(hashes[1], hashes[2])
    assert.are.same(hashes[1], hashes[3])
  end)

  it("gives a batch what it gives its images (oracle 74)", function()
    local other = fovea.uniform({ 1, 2, 12, 10 }, { seed = 77, min = -1, max = 1 })
    local batch = fovea.concat({ input, other }, 1)
    local both = model:forward(batch)[1]
    near(model:forward(input)[1], both:slice(1, 1, 1), 1e-6, "first")
    near(model:forward(other)[1], both:slice(1, 2, 2), 1e-6, "second")
    local seed = both:gt(0)
    local names = { "enc1.relu", "enc2.relu" }
    local together = model:gradients(batch, names, seed)
    for i, one in ipairs { input, other } do
      local alone = model:gradients(one, names, seed:slice(1, i, i))
      for _, name in ipairs(names) do near(alone[name], together[name]:slice(1, i, i), 1e-6, name) end
    end
  end)

  it("gives a volume of depth 1 what it gives the image (oracle 80)", function()
    local deep = tiny.model { input = { 1, 2, false, false, false } }
    local volume = input:reshape { 1, 2, 1, 12, 10 }
    for _, layer in ipairs { "enc1.relu", "enc2.relu", "dec1.relu" } do
      for _, method in ipairs { "gradcam", "hirescam" } do
        local flat = explain { layer = layer, method = method }
        local heat = assert(fovea.explain(deep, volume, { layer = layer, method = method }))
        near(flat.raw, heat.raw, 1e-5, layer)
      end
    end
  end)

  it("scales with the mean, and turns with the probability score", function()
    local sum = explain { layer = "enc2.relu", threshold = 0.5 }
    local mean = explain { layer = "enc2.relu", threshold = 0.5, reduction = "mean" }
    near(sum.raw, mean.raw * mean.count, 1e-5)
    local p = explain { layer = "enc2.relu", threshold = 0.5, score = "probability" }
    local probability = z:sigmoid()
    local seed = (probability * (1 - probability) * sum.mask):reshape { 1, 1, 12, 10 }
    local gradient = model:gradients(input, "enc2.relu", seed)["enc2.relu"]
    local activation = model:activations(input, "enc2.relu")["enc2.relu"]
    near((gradient:mean { 3, 4, keep_dims = true } * activation):sum { 2 }, p.raw, 1e-5)
    assert.are.near((probability * sum.mask):sum(), p.score.value, 1e-3)
  end)

  it("looks through a sigmoid or softmax at the end", function()
    local sigmoid = tiny.model { activation = "sigmoid" }
    local a = explain { layer = "enc2.relu" }
    local b = assert(fovea.explain(sigmoid, input, { layer = "enc2.relu" }))
    near(a.raw, b.raw, 1e-7)
    local softmax, plain = tiny.model { classes = 3, activation = "softmax" }, tiny.model { classes = 3 }
    for class = 1, 3 do
      for _, score in ipairs { "logit", "probability" } do
        local options = { layer = "enc2.relu", class = class, threshold = "argmax", score = score }
        near(assert(fovea.explain(plain, input, options)).raw, assert(fovea.explain(softmax, input, options)).raw, 1e-6)
      end
    end
  end)

  it("doubts an output that looks like probabilities without an activation", function()
    local odd = fovea.model { name = "odd", input = { 1, 2, 12, 10 }, build = function(g, x)
      return g:clip { tiny.build(g, x), min = 0, max = 1 }
    end }
    local heat = assert(fovea.explain(odd, input, { layer = "enc2.relu" }))
    assert.is_truthy(heat.doubt:find("0..1", 1, true))
    assert.is_nil(assert(fovea.explain(odd, input, { layer = "enc2.relu", activation = "none" })).doubt)
    assert.is_nil(assert(fovea.explain(model, input, { layer = "enc2.relu" })).doubt)
  end)

  it("chooses the bottleneck and the last block by itself", function()
    assert.are.same({ "enc2.relu", "dec1.relu" }, model:default_layers())
    local maps = assert(fovea.explain_all(model, input))
    assert.are.equal(2, #maps)
    assert.are.equal("enc2.relu", maps[1].layer)
    assert.are.same({ 6, 5 }, maps[1].raw:shape())
  end)

  it("answers many questions from one forward pass, in a fixed order", function()
    local maps = assert(fovea.explain_all(model, input, { layers = "*.relu", thresholds = { 0.4, "otsu", 0.5 },
      methods = { "gradcam", "hirescam" } }))
    assert.are.equal(4 * 3 * 2, #maps)
    assert.are.equal("hirescam", maps[2].method)
    for _, heat in ipairs(maps) do
      local alone = explain { layer = heat.layer, threshold = heat.threshold, method = heat.method }
      assert.is_true(alone.raw:equal(heat.raw))
    end
  end)

  it("refuses what it does not know, with the nearest name", function()
    local function refuses(options, word)
      local ok, message = pcall(fovea.explain, model, input, options)
      assert.is_false(ok)
      assert.is_truthy(tostring(message):find(word, 1, true), message)
    end
    refuses({ layr = "x" }, "did you mean 'layer'")
    refuses({ layer = "enc2.rellu" }, "enc2.relu")
    refuses({ threshold = "ottsu" }, "did you mean 'otsu'")
    refuses({ method = "gradcan" }, "did you mean 'gradcam'")
    refuses({ score = "logits" }, "did you mean 'logit'")
    refuses({ class = 2 }, "class must be 1 to 1")
    refuses({ output = "nope" }, "no output 'nope'")
    refuses({ threshold = function() return fovea.zeros { 3 } end }, "returned a tensor 3")
    local tensor, message, code = fovea.explain(model, fovea.zeros { 1, 3, 12, 10 })
    assert.is_nil(tensor)
    assert.are.equal("mismatch", code)
    assert.is_truthy(message:find("takes 2 channels", 1, true))
  end)

  it("keeps a record from which the map can be made again", function()
    local heat = explain { layer = "enc2.relu", threshold = "otsu" }
    local record = heat:record()
    assert.are.equal("otsu", record.threshold.spec)
    assert.are.equal(heat.count, record.pixels)
    assert.are.same({ 1, 8, 6, 5 }, record.layer_shape)
    local again = explain { layer = record.layer, threshold = record.threshold.spec, method = record.method }
    assert.is_true(again.raw:equal(heat.raw))
    assert.is_truthy(fovea.json.encode(record))
  end)
end)
