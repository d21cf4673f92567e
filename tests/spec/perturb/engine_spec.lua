-- The engine: what is scored, masks, inner layers, baselines, batches, misuse.
local fovea = require "fovea"
local tiny = require "support.tiny_net"

local input = tiny.input { 1, 2, 24, 20 }
local model = tiny.model { classes = 2 }

local function near(a, b) assert.is_true(math.abs(a - b) < 1e-5 * math.max(1, math.abs(b)), a .. " is not " .. b) end

--- Mean of a class where the unchanged logits are above 0, for any input.
local function reference(x)
  local function logits(of) return assert(model:forward(of))[1]:select(2, 2) end
  local mask = logits(input):softmax(1):gt(-1) -- all
  return (logits(x) * mask):sum() / mask:sum()
end

describe("perturb engine", function()
  it("scores as fovea.explain does", function()
    for _, score in ipairs { "logit", "probability" } do
      for _, reduction in ipairs { "sum", "mean" } do
        local options = { threshold = 0.6, score = score, reduction = reduction, class = 2 }
        local engine = assert(fovea.perturb.new(model, input, options))
        local heat = assert(fovea.explain(model, input, options))
        near(engine.score, heat.score.value)
        near(assert(engine:masks(assert(fovea.full({ 3, 24, 20 }, 1))))[2], heat.score.value)
      end
    end
  end)

  it("scores masked inputs in batches of any size", function()
    local masks = fovea.uniform({ 7, 24, 20 }, { seed = 5 })
    local all = fovea.full({ 24, 20 }, 1)
    for _, batch in ipairs { 1, 3, 7, 20 } do
      local engine = assert(fovea.perturb.new(model, input, { threshold = all, class = 2, baseline = 0.25,
        batch = batch }))
      local scores = assert(engine:masks(masks))
      assert.are.equal(7, #scores)
      for i = 1, 7 do
        local mask = masks:slice(1, i, i):reshape { 1, 1, 24, 20 }
        near(scores[i], reference(input * mask + (1 - mask) * 0.25))
      end
      assert.are.equal(7, engine.rate.images)
      assert.is_true(engine.rate.images_per_second > 0)
    end
  end)

  it("makes masks on demand", function()
    local engine = assert(fovea.perturb.new(model, input, { class = 2, batch = 2 }))
    local asked = {}
    local scores = assert(engine:masks(function(first, last)
      asked[#asked + 1] = first .. "-" .. last
      return fovea.full({ last - first + 1, 24, 20 }, 1)
    end, 5))
    assert.are.equal("1-2 3-4 5-5", table.concat(asked, " "))
    for i = 1, 5 do near(scores[i], engine.score) end
  end)

  it("takes weights of logits for a target", function()
    local weights = fovea.uniform({ 1, 2, 24, 20 }, { seed = 7, min = -1, max = 1 })
    local engine = assert(fovea.perturb.new(model, input, { weights = weights, reduction = "sum" }))
    near(engine.score, (assert(model:forward(input))[1] * weights):sum())
  end)

  it("runs only what comes after a changed layer", function()
    local engine = assert(fovea.perturb.new(model, input, { class = 2, batch = 3 }))
    local factors = fovea.uniform({ 4, 8 }, { seed = 3 })
    local scores = assert(engine:channels("enc2.relu", factors))
    for _, step in ipairs(engine.plans.lanes[1].rest:steps()) do
      assert.is_nil(step.node:find "enc", step.node)
    end
    local instance = assert(model:at(input:shape()))
    local plan = assert(instance.graph:plan { taps = { instance.nodes["enc2.relu"], instance.nodes["enc1.relu"] } })
    plan:set_input(instance.input, input):forward()
    local rest = assert(instance.graph:plan { taps = { engine.output.logits }, given = { instance.nodes["enc2.relu"],
      instance.nodes["enc1.relu"] } })
    rest:set_input(instance.nodes["enc1.relu"], plan:value(instance.nodes["enc1.relu"]))
    for i = 1, 4 do
      rest:set_input(instance.nodes["enc2.relu"],
        plan:value(instance.nodes["enc2.relu"]) * factors:slice(1, i, i):reshape { 1, 8, 1, 1 })
      rest:forward()
      local logits, mask = rest:value(engine.output.logits):select(2, 2), engine.target.mask
      near(scores[i], (logits:reshape(mask:shape()) * mask):sum() / mask:sum())
    end
    near(assert(engine:channels("enc2.relu", fovea.full({ 1, 8 }, 1)))[1], engine.score)
  end)

  it("has baselines", function()
    local function baseline(spec) return assert(fovea.perturb.new(model, input, { baseline = spec })).baseline end
    assert.are.equal(0, baseline(nil):abs():max())
    assert.are.equal(3, baseline(3):min())
    near(baseline("mean"):get(1, 2, 7, 7), input:slice(2, 2, 2):mean())
    assert.are.equal(5, baseline(fovea.tensor({ 1, 2, 1, 1 }, { 5, 6 })):get(1, 1, 3, 4))
    local sigma, sum, total = 1.5, 0, 0
    for dy = -5, 5 do
      for dx = -5, 5 do
        local y, x = math.min(24, math.max(1, 3 + dy)), math.min(20, math.max(1, 18 + dx))
        local w = math.exp(-(dy * dy + dx * dx) / (2 * sigma * sigma))
        sum, total = sum + w * input:get(1, 2, y, x), total + w
      end
    end
    near(baseline("blur:1.5"):get(1, 2, 3, 18), sum / total)
  end)

  it("keeps its plans from call to call, and makes others where they do not serve", function()
    local engine = assert(fovea.perturb.new(model, input, { batch = 2 }))
    local small = { { at = { 3, 3 }, size = { 2, 2 } }, { at = { 9, 9 }, size = { 2, 2 } } }
    local first = assert(engine:boxes(small))
    local plans = engine.plans
    assert.are.same(first, assert(engine:boxes(small)))
    assert.are.equal(plans, engine.plans)
    assert(engine:boxes { { at = { 1, 1 }, size = { 24, 20 } }, { at = { 1, 1 }, size = { 2, 2 } } })
    near(engine:boxes { { at = { 3, 3 }, size = { 2, 2 } } }[1], first[1])
    assert.are.same({}, (assert(engine:boxes {})))
  end)

  it("gives the same bits in any number of lanes", function()
    local before, found = fovea.threads(), {}
    local masks, boxes = fovea.uniform({ 7, 24, 20 }, { seed = 5 }), {}
    for i = 1, 7 do boxes[i] = { at = { 2 * i, 2 * i }, size = { 3, 4 } } end
    for _, threads in ipairs { 1, 2, 3 } do
      fovea.threads(threads)
      local engine = assert(fovea.perturb.new(model, input, { batch = 5 }))
      local results = { assert(engine:masks(masks)), assert(engine:boxes(boxes)),
        assert(engine:channels("enc2.relu", fovea.uniform({ 7, 8 }, { seed = 3 }))) }
      assert.are.equal(threads, #engine.plans.lanes)
      assert.are.equal(threads, fovea.threads())
      found[threads] = results
    end
    fovea.threads(before)
    assert.are.same(found[1], found[2])
    assert.are.same(found[1], found[3])
  end)

  it("gives each thread a lane, unless there are too few images for that", function()
    local lanes, before = require "fovea.perturb.lanes", fovea.threads()
    local function counts(threads, batch)
      fovea.threads(threads)
      local sizes = {}
      local made = lanes.new(batch, function(own)
        sizes[#sizes + 1] = own .. "/" .. fovea.threads()
        return {}
      end)
      fovea.threads(before)
      assert.are.equal(#sizes, #made)
      return table.concat(sizes, " ")
    end
    assert.are.equal("4/1", counts(1, 4))
    assert.are.equal("2/1 3/1", counts(2, 5))
    assert.are.equal("1/1 1/1 1/1", counts(4, 3))
    assert.are.equal("2/4", counts(4, 2))
    assert.are.equal("1/2", counts(2, 1))
  end)

  it("takes one image at a time where the network was written for one", function()
    local single = fovea.model { name = "single", input = { 1, 2, false, false }, input_shape = { 1, 2, 24, 20 },
      build = function(g, x)
        local y = g:conv { x, g:param(fovea.uniform({ 3, 2, 3, 3 }, { seed = 2 })), pad = 1 }
        return g:reshape { g:reshape { y, shape = { 1, 3 * 24 * 20 } }, shape = { 1, 3, 24, 20 }, name = "out" }
      end }
    local engine = assert(fovea.perturb.new(single, input, { batch = 4 }))
    local box = { at = { 20, 3 }, size = { 3, 3 } }
    local masks = fovea.full({ 3, 24, 20 }, 1)
    for i = 20, 22 do
      for k = 3, 5 do masks:set(2, i, k, 0) end
    end
    local scores = assert(engine:boxes { box, box, box })
    assert.are.equal(1, engine.rate.batch)
    near(scores[3], assert(engine:masks(masks))[2])
  end)

  it("uses smaller batches where memory does not suffice, or says what is missing", function()
    local large, masks = tiny.input { 1, 2, 240, 240 }, fovea.full({ 16, 240, 240 }, 1)
    local function batch_within(memory)
      local engine, message, code = fovea.perturb.new(model, large, { batch = 16, memory = memory })
      if not engine then return nil, message, code end
      local scores, why, kind = engine:masks(masks)
      if not scores then return nil, why, kind end
      near(scores[16], engine.score)
      return engine.rate.batch
    end
    assert.are.equal(16, batch_within(nil))
    local none, message, code = batch_within "1M"
    assert.is_nil(none)
    assert.matches("the least that works", message)
    assert.are.equal("memory", code)
    local found, megabytes = nil, 40
    while not found do
      megabytes = megabytes + 8
      found = batch_within(megabytes .. "M")
    end
    assert.is_true(found < 16)
  end)

  it("refuses what makes no sense", function()
    local function refused(pattern, f, ...)
      local ok, message = pcall(f, ...)
      assert.is_false(ok)
      assert.matches(pattern, message)
    end
    refused("did you mean 'batch'", fovea.perturb.new, model, input, { bach = 3 })
    refused("positive integer", fovea.perturb.new, model, input, { batch = 0 })
    refused("a baseline is", fovea.perturb.new, model, input, { baseline = "median" })
    refused("one at a time", fovea.perturb.new, model, input, { threshold = "component(quantile:0.9):each" })
    refused("the weights are", fovea.perturb.new, model, input, { weights = fovea.zeros { 1, 2, 3, 4 } })
    local engine = assert(fovea.perturb.new(model, input))
    refused("does not lie in the input", engine.boxes, engine, { { at = { 20, 1 }, size = { 6, 1 } } })
    refused("must have", engine.boxes, engine, { { at = { 1 }, size = { 1, 1 } } })
    refused("no layer 'enc9'", engine.channels, engine, "enc9", fovea.full({ 1, 8 }, 1))
  end)
end)
