-- Occlusion, RISE, Score-CAM, deletion and insertion against what follows from simple models.
local fovea = require "fovea"
local occlusion = require "fovea.perturb.occlusion"
local rise = require "fovea.perturb.rise"
local tiny = require "support.tiny_net"

local input = tiny.input { 1, 2, 13, 11 }
local tiny_model = tiny.model()

--- One convolution over weights: linear in the input.
local linear = fovea.model { name = "linear", input = { false, 2, false, false }, input_shape = { 1, 2, 13, 11 },
  build = function(g, x)
    return g:conv { x, g:param(fovea.uniform({ 1, 2, 3, 3 }, { seed = 4, min = -1, max = 1 })), pad = 1, name = "out" }
  end }

--- Logits that do not depend on the input.
local constant = fovea.model { name = "constant", input = { false, 2, false, false }, input_shape = { 1, 2, 13, 11 },
  build = function(g, x)
    return g:conv { x, g:param(fovea.zeros { 1, 2, 1, 1 }), g:param(fovea.full({ 1 }, 0.7)), name = "out" }
  end }

--- The logit of a pixel is the sum of its channels: additive in the pixels.
local additive = fovea.model { name = "additive", input = { false, 2, false, false }, input_shape = { 1, 2, 13, 11 },
  build = function(g, x) return g:conv { x, g:param(fovea.full({ 1, 2, 1, 1 }, 1)), name = "out" } end }

local everything = fovea.full({ 13, 11 }, 1)

local function close(a, b, tolerance) assert.is_true(math.abs(a - b) < (tolerance or 1e-5), a .. " is not " .. b) end

local function close_tensors(a, b, tolerance)
  local off = (a - b):abs():max()
  assert.is_true(off < (tolerance or 1e-5), tostring(off))
end

describe("occlusion", function()
  it("of single pixels of a linear model is the gradient times what is taken away", function()
    local heat = assert(fovea.perturb.occlusion(linear, input, { threshold = everything, window = 1, stride = 1,
      baseline = 0.3, reduction = "sum" }))
    local gradient = assert(linear:gradients(input, "input", fovea.full({ 1, 1, 13, 11 }, 1))).input
    close_tensors(heat.raw, (gradient * (input - 0.3)):sum { 2 }:reshape { 13, 11 })
    assert.are.equal("occlusion", heat.method)
    assert.are.equal(0, heat.perturbation.uncovered)
    assert.are.equal(143, heat.perturbation.windows)
    assert.is_true(heat.rate.images_per_second > 0)
  end)

  it("averages over the windows that cover a place, the last of which end with the image", function()
    local options = { threshold = everything, window = { 5, 4 }, stride = { 3, 3 }, baseline = "mean" }
    local heat = assert(fovea.perturb.occlusion(tiny_model, input, options))
    local engine = assert(fovea.perturb.new(tiny_model, input, { threshold = everything, baseline = "mean" }))
    local sums, counts = fovea.zeros { 13, 11 }, fovea.zeros { 13, 11 }
    for _, y in ipairs { 1, 4, 7, 9 } do
      for _, x in ipairs { 1, 4, 7, 8 } do
        local drop = engine.score - engine:boxes { { at = { y, x }, size = { 5, 4 } } }[1]
        for i = y, y + 4 do
          for k = x, x + 3 do
            sums:set(i, k, sums:get(i, k) + drop)
            counts:set(i, k, counts:get(i, k) + 1)
          end
        end
      end
    end
    assert.are.equal(16, heat.perturbation.windows)
    close_tensors(heat.raw, sums / counts, 1e-6)
  end)

  it("says how much no window covers", function()
    local heat = assert(fovea.perturb.occlusion(tiny_model, input, { window = 2, stride = 5 }))
    -- rows 1-2, 6-7, 11-12 and 12-13; columns 1-2, 6-7 and 10-11
    assert.are.equal(4 * 3, heat.perturbation.windows)
    assert.are.equal(13 * 11 - 7 * 6, heat.perturbation.uncovered)
    assert.are.equal(0, heat.raw:get(3, 1))
  end)

  it("serves volumes, and draws like any heat map", function()
    local boxes, starts = occlusion.windows({ 4, 5, 6 }, { 2, 2, 3 }, { 2, 2, 3 })
    assert.are.equal(2 * 3 * 2, #boxes)
    assert.are.same({ 1, 3, 4 }, starts[2])
    assert.are.same({ 1, 1, 4 }, boxes[2].at)
    local volume = fovea.uniform({ 1, 2, 4, 8, 6 }, { seed = 3 })
    local model = tiny.model { input = { 1, 2, false, false, false } }
    local heat = assert(fovea.perturb.occlusion(model, volume, { window = 2 }))
    assert.are.same({ 4, 8, 6 }, heat.raw:shape())
    local flat = assert(fovea.perturb.occlusion(tiny_model, input, {}))
    assert.are.same({ 3, 13, 11 }, flat:overlay():shape())
    assert.is_string(flat:record().status)
  end)

  it("has a status instead of a blank", function()
    local heat = assert(fovea.perturb.occlusion(tiny_model, input, { threshold = fovea.zeros { 13, 11 } }))
    assert.are.equal("EMPTY_TARGET", heat.status)
    assert.are.equal(0, heat.raw:abs():max())
    assert.are.equal("ALL_NONPOSITIVE", assert(fovea.perturb.occlusion(constant, input,
      { threshold = everything })).status)
    assert.has_error(function() fovea.perturb.occlusion(tiny_model, input, { window = 0 }) end)
    assert.has_error(function() fovea.perturb.occlusion(tiny_model, input, { windw = 3 }) end)
  end)
end)

describe("rise", function()
  local options = { masks = 60, cells = 4, keep = 0.4, seed = 5, threshold = everything }
  local function with(changes)
    local all = {}
    for key, value in pairs(options) do all[key] = value end
    for key, value in pairs(changes) do all[key] = value end
    return all
  end

  it("is the mean of the masks weighted by their scores", function()
    local heat = assert(fovea.perturb.rise(tiny_model, input, with { centred = false }))
    local make = rise.masks({ 13, 11 }, { masks = 60, cells = 4, keep = 0.4, seed = 5 })
    local sum = fovea.zeros { 13, 11 }
    for i = 1, 60 do
      local mask = make(i, i):reshape { 13, 11 }
      assert.is_true(mask:min() >= 0 and mask:max() <= 1)
      sum = sum + mask * assert(tiny_model:forward(input * mask))[1]:mean()
    end
    close_tensors(heat.raw, sum / (60 * 0.4))
  end)

  it("draws the same masks whatever the batch, keeps a share of them, and others for another seed", function()
    local make = rise.masks({ 40, 50 }, { masks = 200, cells = 5, keep = 0.3, seed = 1 })
    local all = make(1, 200)
    assert.is_true(make(7, 9):equal(all:slice(1, 7, 9)))
    close(all:mean(), 0.3, 0.02)
    local other = rise.masks({ 40, 50 }, { masks = 200, cells = 5, keep = 0.3, seed = 2 })(1, 200)
    assert.is_false(other:equal(all))
    local a = assert(fovea.perturb.rise(tiny_model, input, with { batch = 7 }))
    close_tensors(a.raw, assert(fovea.perturb.rise(tiny_model, input, with { batch = 16 })).raw, 1e-6)
  end)

  it("of a model that does not look is exactly zero", function()
    assert.are.equal(0, assert(fovea.perturb.rise(constant, input, options)).raw:abs():max())
  end)

  it("finds the place that a model looks at", function()
    local place = fovea.zeros { 13, 11 }
    place:set(4, 8, 1)
    local heat = assert(fovea.perturb.rise(additive, fovea.full({ 1, 2, 13, 11 }, 1),
      with { masks = 400, threshold = place, cells = 5 }))
    local at = heat.raw:argmax() - 1
    assert.is_true(math.abs(at // 11 + 1 - 4) <= 2 and math.abs(at % 11 + 1 - 8) <= 2)
  end)
end)

describe("deletion and insertion", function()
  local positive = fovea.uniform({ 1, 2, 13, 11 }, { seed = 6, min = 0.1, max = 1 })
  local parts = positive:sum { 2 }:reshape { 13, 11 }
  local options = { threshold = everything, score = "logit", steps = 11 }

  it("follow the order of the map on an additive model", function()
    local values = parts:values()
    table.sort(values, function(a, b) return a > b end)
    local deletion = assert(fovea.perturb.deletion(additive, positive, parts, options))
    local insertion = assert(fovea.perturb.insertion(additive, positive, parts, options))
    local sum, removed = 0, 0
    for t = 0, 11 do
      local k = math.floor(t / 11 * 143 + 0.5)
      while removed < k do
        removed = removed + 1
        sum = sum + values[removed]
      end
      close(deletion.fractions[t + 1], t / 11)
      close(deletion.scores[t + 1], (parts:sum() - sum) / 143)
      close(insertion.scores[t + 1], sum / 143)
    end
    local area = 0
    for t = 1, 11 do area = area + (deletion.scores[t] + deletion.scores[t + 1]) / 22 end
    close(deletion.auc, area)
    local reversed = assert(fovea.perturb.deletion(additive, positive, -parts, options))
    close(reversed.auc, parts:sum() / 143 - deletion.auc, 1e-3) -- mirrored
    assert.is_true(deletion.auc < reversed.auc and insertion.auc > deletion.auc)
  end)

  it("of a constant score is that score, of a constant map nothing", function()
    close(assert(fovea.perturb.deletion(constant, positive, parts, options)).auc, 0.7)
    local none = assert(fovea.perturb.deletion(additive, positive, everything, options))
    assert.are.equal("TIES", none.status)
    assert.is_true(none.auc ~= none.auc)
    local empty = assert(fovea.perturb.deletion(additive, positive, parts, { threshold = fovea.zeros { 13, 11 } }))
    assert.are.equal("EMPTY_TARGET", empty.status)
  end)

  it("stay outside of the target, or inside it, when told to", function()
    local target = fovea.zeros { 13, 11 }
    for y = 3, 6 do
      for x = 2, 9 do target:set(y, x, 1) end
    end
    local function scores(domain)
      return assert(fovea.perturb.deletion(additive, positive, parts, { threshold = target, score = "logit",
        steps = 4, domain = domain })).scores
    end
    for t = 1, 5 do close(scores "context"[t], (parts * target):sum() / 32) end
    close(scores "inside"[5], 0)
    close(scores "all"[5], 0)
  end)

  it("take heat maps, and probabilities by default", function()
    local heat = assert(fovea.explain(tiny_model, input, { layer = "enc2.relu" }))
    local curve = assert(fovea.perturb.insertion(tiny_model, input, heat, { steps = 5 }))
    assert.are.equal(6, #curve.scores)
    for _, score in ipairs(curve.scores) do assert.is_true(score > 0 and score < 1) end
    assert.has_error(function() fovea.perturb.deletion(tiny_model, input, fovea.zeros { 3, 3 }) end)
    assert.has_error(function() fovea.perturb.deletion(tiny_model, input, heat, { domain = "outside" }) end)
  end)
end)

describe("score_cam", function()
  it("weighs channels by the softmax of their scores", function()
    local heat = assert(fovea.perturb.score_cam(tiny_model, input, { layer = "enc2.relu", threshold = everything }))
    local activation = assert(tiny_model:activations(input, "enc2.relu"))["enc2.relu"]
    local scores, sum, raw = {}, 0, 0
    for k = 1, 8 do
      local one = activation:slice(2, k, k):resize { 13, 11 }
      if one:max() > one:min() then
        local mask = (one - one:min()) / (one:max() - one:min())
        scores[k] = math.exp(assert(tiny_model:forward(input * mask))[1]:mean())
        sum = sum + scores[k]
      end
    end
    for k, score in pairs(scores) do raw = raw + activation:slice(2, k, k) * (score / sum) end
    close_tensors(heat.raw, raw:reshape(heat.raw:shape()))
    assert.are.equal("score_cam", heat.method)
    assert.are.equal("enc2.relu", heat.layer)
    assert.is_true(heat.perturbation.largest > 0 and heat.perturbation.largest <= 1)
  end)

  it("takes some channels only, and leaves flat ones out", function()
    local heat = assert(fovea.perturb.score_cam(tiny_model, input, { layer = "enc1.relu", channels = 3,
      weighting = "score_increase", threshold = everything }))
    assert.are.equal(3, heat.perturbation.channels)
    local flat = assert(fovea.perturb.score_cam(constant, input, { layer = "out", threshold = everything }))
    assert.are.equal(0, flat.perturbation.channels)
    assert.are.equal("ALL_NONPOSITIVE", flat.status)
  end)
end)
