-- What every strategy owes: the oracles of the masked sum (definitions 10, 1-14), on images and volumes.
local fovea = require "fovea"
local tiny = require "support.tiny_net"
local t = fovea.threshold

local CLASSES = 3

--- A way to use each strategy that selects something of the small network's map; k: how many classes it needs.
local USES = {
  adaptive = "adaptive:5,0.01", argmax = "argmax", background = "background:0.7", band = "band:0.3,0.55",
  border = "border(quantile:0.5)", boundary = "boundary(quantile:0.5):1", component = "component(quantile:0.6):largest",
  contrast = "contrast(argmax)", fixed = "0.35", fn = "fn", fp = "fp(quantile:0.5)", hysteresis = "hysteresis:0.3,0.34",
  largest_component = "largest_component(quantile:0.6)", li = "li", logit = "logit:-0.3", mean_sigma = "mean_sigma:1",
  otsu = "otsu", percentile = "percentile:80", quantile = "quantile:0.8", roi = "roi:box=",
  smallest_component = "smallest_component(quantile:0.6)", soft = "soft", top_k = "top_k:7", tp = "tp(quantile:0.5)",
  triangle = "triangle", yen = "yen",
}

--- A way that selects nothing, where there is one whatever the map.
local EMPTY = {
  adaptive = "adaptive:5,2", band = "band:0.2,0.2", background = "background:0", border = "border(1)",
  boundary = "boundary(1)", component = "component(1)", contrast = "contrast(1)", fixed = "1", fp = "fp(1)",
  hysteresis = "hysteresis:0.5,1", largest_component = "largest_component(1)", logit = "logit:1e30",
  mean_sigma = "mean_sigma:1000", percentile = "percentile:100", quantile = "quantile:1", roi = "roi:pixel=999/999",
  smallest_component = "smallest_component(1)", top_k = "top_k:0", tp = "tp(1)",
}

local function near(want, got, tolerance, what)
  local scale = math.max(want:abs():max(), 1e-6)
  local worst = (want:reshape(got:shape()) - got):abs():max()
  assert.is_true(worst <= tolerance * scale, ("%s: off by %g of %g"):format(what or "map", worst, scale))
end

local CASES = {
  { name = "image", shape = { 1, 2, 12, 10 }, box = "2/3/9/8", open = { 1, 2, false, false } },
  { name = "volume", shape = { 1, 2, 4, 6, 5 }, box = "1/2/1/3/5/4", open = { 1, 2, false, false, false } },
}

for _, case in ipairs(CASES) do
  describe("every strategy on an " .. case.name, function()
    local model, smooth, input, options = nil, nil, tiny.input(case.shape), nil
    local grid = { table.unpack(case.shape, 3) }

    setup(function()
      model = tiny.model { input = case.open, classes = CLASSES }
      smooth = tiny.model { input = case.open, classes = CLASSES, inner = "tanh" }
      options = { layer = "enc2.relu", class = 2, ground_truth = fovea.uniform(grid, { seed = 3 }):gt(0.6) }
    end)

    local function with(more)
      local all = {}
      for key, value in pairs(options) do all[key] = value end
      for key, value in pairs(more) do all[key] = value end
      return all
    end

    local function use(name) return USES[name] .. (name == "roi" and case.box or "") end

    it("is used here", function()
      for _, name in ipairs(t.names()) do assert.is_truthy(USES[name] or name == "file", name) end
    end)

    it("selects something, records it, and is repeated from its text", function()
      for name in pairs(USES) do
        local heat = assert(fovea.explain(model, input, with { threshold = use(name) }))
        assert.is_true(heat.count > 0, name .. " selects nothing")
        assert.is_true(heat.raw:abs():max() > 0, name)
        assert.same(grid, heat.mask:shape())
        local record = heat:record()
        assert.is_truthy(fovea.json.encode(record))
        local again = assert(fovea.explain(model, input, with { threshold = record.threshold.spec }))
        assert.is_true(again.raw:equal(heat.raw), name)
        assert.is_true(again.mask:equal(heat.mask), name)
      end
    end)

    it("has a score whose derivative the gradient is (oracles 11 and 13)", function()
      local direction = fovea.uniform(case.shape, { seed = 4, min = -1, max = 1 })
      local jobs, target = require "fovea.job", require "fovea.target"
      for _, score in ipairs { "logit", "probability" } do
        for name in pairs(USES) do
          if score == "logit" or name == "fixed" or name == "soft" or name == "border" or name == "background" then
            local job = assert(jobs.new(smooth, input, with { layer = "enc1.tanh", score = score }))
            local picked = target.targets(job, t.parse(use(name)))[1]
            local gradient = smooth:gradients(input, "input", target.seed(job, picked)).input
            local function value(step)
              job.logits = smooth:forward(input + direction * step)[1] -- the mask stays
              return target.score(job, picked).value
            end
            local step = 1e-2
            local want = (value(step) - value(-step)) / (2 * step)
            assert.are.near(want, (gradient * direction):sum(), 2e-3 * math.max(math.abs(want), 0.05),
              name .. " " .. score)
          end
        end
      end
    end)

    it("is empty with zeros and a status in every method (oracle 14)", function()
      for name, spec in pairs(EMPTY) do
        if name == "roi" and #grid == 3 then spec = spec .. "/999" end
        for _, reduction in ipairs { "sum", "mean" } do
          for _, heat in ipairs(assert(fovea.explain_all(model, input, with { threshold = spec, reduction = reduction,
            methods = fovea.cam.names() }))) do
            local what = ("%s %s: %s"):format(name, heat.method, heat.status)
            assert.are.equal("EMPTY_TARGET", heat.status, what)
            assert.are.equal(0, heat.count, what)
            assert.are.equal(0, heat.score.value, what)
            assert.are.equal(0, heat.raw:abs():max(), what)
          end
        end
      end
    end)

    it("does not see the order of the pixels where it looks at levels alone (oracle 3)", function()
      local u = fovea.uniform({ 60 }, { seed = 8 })
      local context = { ground_truth = fovea.uniform({ 60 }, { seed = 9 }):gt(0.5) }
      local order = fovea.uniform({ 60 }, { seed = 10 }):ranks():values()
      local function shuffled(tensor)
        local values, from = {}, tensor:values()
        for i, at in ipairs(order) do values[math.tointeger(at)] = from[i] end
        return fovea.tensor({ 60 }, values)
      end
      for _, spec in ipairs { "0.4", "band:0.2,0.7", "otsu", "otsu:exact", "li", "yen", "triangle", "mean_sigma:1",
        "quantile:0.7", "percentile:30", "top_k:5", "soft", "tp", "fp", "fn", "background", "otsu & ~top_k:3" } do
        local turned = t.apply(spec, shuffled(u), { ground_truth = shuffled(context.ground_truth) })
        assert.is_true(shuffled((t.apply(spec, u, context))):equal(turned), spec)
      end
    end)

    it("adds up over components and error sets (oracles 8 and 9)", function()
      local maps = assert(fovea.explain_all(model, input, with { threshold = "component(quantile:0.7):each",
        methods = { "gradcam", "hirescam" } }))
      local whole = assert(fovea.explain_all(model, input, with { threshold = "quantile:0.7",
        methods = { "gradcam", "hirescam" } }))
      assert.is_true(#maps > 2)
      for k = 1, 2 do
        local sum, score = whole[k].raw * 0, 0
        for i = k, #maps, 2 do sum, score = sum + maps[i].raw, score + maps[i].score.value end
        near(whole[k].raw, sum, 1e-5, whole[k].method)
        assert.are.near(whole[k].score.value, score, 1e-4)
      end
      local tp = assert(fovea.explain(model, input, with { threshold = "tp(quantile:0.5)" }))
      local fp = assert(fovea.explain(model, input, with { threshold = "fp(quantile:0.5)" }))
      local both = assert(fovea.explain(model, input, with { threshold = "quantile:0.5" }))
      near(both.raw, tp.raw + fp.raw, 1e-5, "tp + fp")
    end)
  end)
end

describe("signed targets", function()
  local input = tiny.input()

  it("against all others: invariant to a shift of all logits of a pixel (oracle 12)", function()
    local shift = fovea.uniform({ 1, 1, 12, 10 }, { seed = 8, min = -3, max = 3 })
    local plain = tiny.model { classes = 3 }
    local shifted = fovea.model { name = "shifted", input = { 1, 2, 12, 10 }, build = function(g, x)
      return g:add { tiny.build(g, x, { classes = 3 }), g:mul { g:constant(shift), g:slice { x, axis = 2, first = 1,
        last = 1 } } }
    end }
    local box = "roi:box=2/2/9/9"
    for _, spec in ipairs { ("contrast(%s)"):format(box), ("contrast(%s):3"):format(box) } do
      local a = assert(fovea.explain(plain, input, { layer = "enc2.relu", class = 1, threshold = spec }))
      local b = assert(fovea.explain(shifted, input, { layer = "enc2.relu", class = 1, threshold = spec }))
      near(a.raw, b.raw, 1e-4, spec)
      assert.are.near(a.score.value, b.score.value, 1e-3)
    end
  end)

  it("of the background: the negative map of what is not predicted", function()
    local model = tiny.model()
    local back = assert(fovea.explain(model, input, { layer = "enc2.relu", threshold = "background" }))
    local rest = assert(fovea.explain(model, input, { layer = "enc2.relu", threshold = "~0.5" }))
    near(rest.raw * -1, back.raw, 1e-6)
    assert.are.near(-rest.score.value, back.score.value, 1e-5)
    assert.are.equal(120 - model:forward(input)[1]:gt(0):sum(), back.count)
  end)

  it("of a border: the mean inside minus outside", function()
    local model = tiny.model()
    local heat = assert(fovea.explain(model, input, { layer = "enc2.relu", threshold = "border" }))
    assert.are.equal("mean", heat.score.reduction)
    local z, inside = model:forward(input)[1]:reshape { 12, 10 }, nil
    inside = z:gt(0)
    assert.are.near((z * heat.mask * (inside * 2 - 1)):sum() / heat.count, heat.score.value, 1e-5)
  end)

  it("are refused for probabilities where they are none", function()
    assert.error_matches(function() fovea.explain(tiny.model { classes = 3 }, input, { threshold = "contrast",
      score = "probability" }) end, "defined on logits")
  end)
end)

describe("ground truth and spacing", function()
  local model, input = tiny.model { input = { 1, 1, false, false }, classes = 1 }, nil

  it("comes to the grid as the image does", function()
    local one = tiny.model { input = { 1, 2, false, false } }
    input = tiny.input()
    local heat = assert(fovea.explain(one, input, { threshold = "fn(1)", ground_truth = fovea.full({ 12, 10 }, 7) }))
    assert.are.equal(120, heat.count)
    local two = assert(fovea.explain(one, input, { threshold = "fn(1)", ground_truth = fovea.full({ 12, 10 }, 7),
      ground_truth_label = 8 }))
    assert.are.equal("EMPTY_TARGET", two.status)
    assert.error_matches(function() fovea.explain(one, input, { ground_truth = fovea.zeros { 5, 5 } }) end,
      "the ground truth is 5x5, which is not the size of the model's grid, 12x10")
  end)

  it("goes through crops, padding and resizing", function()
    local image = fovea.uniform({ 20, 14 }, { seed = 1, min = 0, max = 255 })
    local truth = fovea.zeros { 20, 14 }
    for y = 5, 12 do for x = 3, 8 do truth:set(y, x, 1) end end
    local function mask(size, wanted)
      local heat = assert(fovea.explain(model, image, { threshold = "fn(1)", ground_truth = truth,
        preprocess = { channels = 1, size = size } }))
      assert.are.equal(wanted, heat.count)
      return heat
    end
    local padded = mask({ policy = "pad", multiple = 16 }, 48)
    assert.is_true(padded:image_mask():equal(truth))
    mask({ policy = "crop", height = 8, width = 14 }, 6 * 6) -- rows 7 to 14
    local half = mask({ policy = "fixed", height = 10, width = 14 }, 4 * 6)
    assert.is_true(half:image_mask():equal(truth))
  end)

  it("measures mm on the grid", function()
    local image = fovea.uniform({ 20, 16 }, { seed = 1, min = 0, max = 255 })
    local seen
    assert(fovea.explain(model, image, { spacing = { 0.5, 2 }, preprocess = { channels = 1,
      size = { policy = "fixed", height = 10, width = 16 } }, threshold = function(u, context)
      seen = context
      return u:gt(0)
    end }))
    assert.same({ 1, 2 }, seen.spacing)
    assert.error_matches(function() fovea.explain(model, image, { spacing = { 1 } }) end, "list of 2")
    assert.error_matches(function() fovea.explain(model, image, { spacing = { 1, 0 } }) end, "above 0")
  end)
end)
