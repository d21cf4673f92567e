local fovea = require "fovea"
local threshold = require "fovea.threshold"

local function grid(values, h, w) return fovea.tensor({ h or 1, w or #values // (h or 1) }, values) end
local function mask_of(spec, u, context) return (threshold.apply(spec, u, context)):values() end
local function logit(p) return math.log(p / (1 - p)) end

describe("threshold.parse", function()
  local function spec_of(spec) return threshold.parse(spec).spec end

  it("reads the text forms", function()
    assert.are.equal("fixed:0.5", spec_of "0.5")
    assert.are.equal("fixed:0.25", spec_of(0.25))
    assert.are.equal("fixed:0.5", spec_of "fixed")
    assert.are.equal("fixed:0.3", spec_of " fixed : 0.3 ")
    assert.are.equal("fixed:-1,on=logit", spec_of "fixed:-1,on=logit")
    assert.are.equal("otsu", spec_of "otsu")
    assert.are.equal("otsu:exact", spec_of "otsu:exact")
    assert.are.equal("otsu:bins=64", spec_of "otsu:64")
    assert.are.equal("otsu:bins=64,exact", spec_of "otsu:64,true")
    assert.are.equal("quantile:0.95", spec_of "quantile:0.95")
    assert.are.equal("quantile:0.9", spec_of "quantile:q=0.9")
    assert.are.equal("top_k:100", spec_of "top_k:100")
    assert.are.equal("argmax", spec_of "argmax")
    assert.are.equal("logit:0", spec_of "logit:0")
  end)

  it("reads tables and passes strategies through", function()
    assert.are.equal("quantile:0.9", spec_of { "quantile", 0.9 })
    assert.are.equal("quantile:0.9", spec_of { name = "quantile", q = 0.9 })
    assert.are.equal("top_k:5", spec_of { "top_k", k = 5 })
    local strategy = threshold.parse "otsu"
    assert.are.equal(strategy, threshold.parse(strategy))
  end)

  it("gives back its own text form", function()
    for _, text in ipairs { "fixed:0.5", "otsu:bins=64,exact", "top_k:7", "logit:-2.5", "fixed:1,on=logit" } do
      assert.are.equal(text, spec_of(spec_of(text)))
    end
  end)

  it("names a function by where it stands", function()
    assert.matches("^function@.*threshold_spec.lua:%d+$", spec_of(function(u) return u end))
    assert.are.equal("mine", spec_of { name = "mine", select = function(u) return u end })
  end)

  it("says what is wrong", function()
    local cases = {
      { "ostu", "unknown strategy 'ostu'; did you mean 'otsu'" },
      { "watershed", "known: adaptive, argmax, " },
      { "init", "unknown strategy 'init'" },
      { "fixed:abc", "value must be a number, not 'abc'" },
      { "fixed:1.5", "0..1, not 1.5; for logits use logit:1.5" },
      { "fixed:0,on=output", "probability or logit" },
      { "quantile:95", "0..1 %(0.95 for 95 %%%), not 95" },
      { "top_k:1.5", "whole number" },
      { "top_k:-1", "whole number" },
      { "otsu:1", "2..65536" },
      { "otsu:bin=3", "unknown option 'bin'; did you mean 'bins'" },
      { "argmax:2", "too many arguments" },
      { { "quantile", 1, 2 }, "too many values" },
      { {}, "needs a name" },
      { { select = 3 }, "must be a function" },
      { true, "not boolean" },
    }
    for _, case in ipairs(cases) do
      local ok, message = pcall(threshold.parse, case[1])
      assert.is_false(ok)
      assert.matches(case[2], message)
    end
  end)
end)

describe("fixed", function()
  it("is strict at an attained value (oracle 1)", function()
    local u = grid { 0.1, 0.3, 0.5, 0.7, 0.9 }
    for i, v in ipairs { 0.1, 0.3, 0.5, 0.7, 0.9 } do
      local mask, record = threshold.apply(v, u)
      assert.are.equal(5 - i, record.count)
      assert.are.equal(0, mask:get(1, i))
      assert.are.equal(v, record.value)
    end
  end)

  it("compares probabilities at 0 and 1", function()
    local u = grid { 0, 1e-30, 1 }
    assert.same({ 0, 1, 1 }, mask_of(0, u))
    assert.same({ 0, 0, 0 }, mask_of("1", u))
  end)

  it("selects the same on probability and on logit (oracle 2)", function()
    local z = fovea.normal({ 20, 30 }, { seed = 1 }) * 3
    local u = z:sigmoid()
    for _, p in ipairs { 0.2, 0.5, 0.9 } do
      local by_probability = mask_of(p, u)
      assert.same(by_probability, mask_of({ "logit", logit(p) }, u, { logit = z }))
      assert.same(by_probability, mask_of({ "fixed", logit(p), on = "logit" }, u, { logit = z:reshape { 1, 20, 30 } }))
    end
  end)

  it("takes the logit of the chosen class", function()
    local z = fovea.tensor { { { -1, 2 } }, { { 3, -4 } } }
    assert.same({ 1, 0 }, mask_of("logit:0", grid { 0.9, 0.1 }, { logit = z, class = 2 }))
    assert.error_matches(function() mask_of("logit:0", grid { 0.5 }) end, "no logits")
  end)

  it("does not depend on the order of the pixels (oracle 3)", function()
    local u = fovea.uniform({ 4, 6 }, { seed = 2 })
    for _, spec in ipairs { "0.4", "otsu", "otsu:exact", "quantile:0.7", "top_k:5" } do
      local turned = threshold.apply(spec, u:transpose { 2, 1 })
      local column = threshold.apply(spec, u:reshape { 24, 1 })
      assert.same(mask_of(spec, u), turned:transpose({ 2, 1 }):values())
      assert.same(mask_of(spec, u), column:values())
    end
  end)
end)

describe("top_k and quantile", function()
  it("select exactly k when all scores are equal (oracle 4)", function()
    local u = fovea.full({ 3, 4 }, 0.5)
    for k = 1, 11 do
      local mask, record = threshold.apply({ "top_k", k }, u)
      assert.are.equal(k, record.count)
      assert.are.equal(1, mask:flatten():get(k)) -- the first ones
      assert.same({ "TIES" }, record.flags)
    end
    local _, all = threshold.apply("top_k:12", u)
    assert.are.equal(12, all.count)
    assert.same({}, all.flags)
    assert.are.equal(12, select(2, threshold.apply("top_k:1000", u)).count)
  end)

  it("select nothing for k = 0", function()
    local _, record = threshold.apply("top_k:0", grid { 1, 2 })
    assert.same({ "EMPTY_TARGET" }, record.flags)
    assert.is_nil(record.value)
  end)

  it("order by value, and say the cut", function()
    local mask, record = threshold.apply("top_k:2", grid { 0.25, 0.75, 0.5, 0.125 })
    assert.same({ 0, 1, 1, 0 }, mask:values())
    assert.are.equal(0.5, record.value)
    assert.same({}, record.flags)
  end)

  it("agree: percentile q is top-k with k = ceil((1 - q) n) (oracle 5)", function()
    local u = fovea.uniform({ 10, 10 }, { seed = 3 })
    local expected = { [0] = 100, [0.05] = 95, [0.5] = 50, [0.95] = 5, [0.99] = 1, [0.991] = 1, [1] = 0, [0.949] = 6 }
    for q, k in pairs(expected) do
      local mask, record = threshold.apply({ "quantile", q }, u)
      assert.are.equal(k, record.count)
      assert.same(mask_of({ "top_k", k }, u), mask:values())
    end
  end)
end)

describe("otsu", function()
  it("splits a two-valued image between the values (oracle 6)", function()
    local u = grid { 0.2, 0.8, 0.2, 0.2, 0.8, 0.2 }
    for _, spec in ipairs { "otsu", "otsu:exact", "otsu:2" } do
      local mask, record = threshold.apply(spec, u)
      assert.same({ 0, 1, 0, 0, 1, 0 }, mask:values())
      assert.is_true(record.value > 0.2 and record.value < 0.8)
      assert.is_true(math.abs(record.value - 0.5) < 0.01)
    end
  end)

  it("gives an empty target for a constant map", function()
    local mask, record = threshold.apply("otsu", fovea.full({ 2, 2 }, 0.3))
    assert.same({ 0, 0, 0, 0 }, mask:values())
    assert.same({ "CONSTANT", "EMPTY_TARGET" }, record.flags)
  end)

  it("maximises the variance between the groups", function()
    local u = fovea.uniform({ 8, 9 }, { seed = 4 }):pow(3)
    local values = u:flatten():values()
    table.sort(values)
    local best, at = -1, nil
    for i = 1, #values - 1 do
      local low, high = 0, 0
      for j = 1, i do low = low + values[j] / i end
      for j = i + 1, #values do high = high + values[j] / (#values - i) end
      local criterion = i * (#values - i) * (high - low) ^ 2
      if criterion > best then best, at = criterion, i end
    end
    local _, record = threshold.apply("otsu:exact", u)
    assert.are.equal(#values - at, record.count)
    local _, binned = threshold.apply("otsu", u)
    assert.is_true(math.abs(binned.value - record.value) < 0.02)
  end)
end)

describe("argmax", function()
  local z = fovea.tensor { { { 1, 5, 2 } }, { { 3, 5, 1 } }, { { 3, 4, 9 } } }
  local u = grid { 0, 0, 0 }

  it("gives ties to the lowest index", function()
    assert.same({ 0, 1, 0 }, mask_of("argmax", u, { logit = z, class = 1 }))
    assert.same({ 1, 0, 0 }, mask_of("argmax", u, { logit = z, class = 2 }))
    assert.same({ 0, 0, 1 }, mask_of("argmax", u, { probability = z:softmax(1), class = 3 }))
  end)

  it("is the probability above one half for a single class", function()
    local one = grid { 0.5, 0.6, 0.1 }
    assert.same({ 0, 1, 0 }, mask_of("argmax", one, { probability = one:reshape { 1, 1, 3 } }))
    assert.error_matches(function() mask_of("argmax", one) end, "argmax")
  end)
end)

describe("a function as strategy", function()
  local u = grid({ 0.1, 0.6, 0.7, 0.2 }, 2, 2)

  it("sees the map and its context, and may answer in any shape", function()
    local seen
    local mask, record = threshold.apply(function(v, context)
      seen = context
      return v:flatten():reshape({ 4, 1 }):gt(0.5), 0.5
    end, u, { class = 3, image = "image" })
    assert.same({ 2, 2 }, mask:shape())
    assert.same({ 0, 1, 1, 0 }, mask:values())
    assert.are.equal(0.5, record.value)
    assert.are.equal("function", record.strategy)
    assert.are.equal("mask", record.kind)
    assert.are.equal(2, record.count)
    assert.same({ 2, 2 }, seen.shape)
    assert.are.equal(3, seen.class)
    assert.are.equal("image", seen.image)
  end)

  it("may return weights", function()
    local _, record = threshold.apply(function(v) return v end, u)
    assert.are.equal("weights", record.kind)
    assert.are.equal(4, record.count)
  end)

  it("cannot change the map", function()
    threshold.apply(function(v) return v:fill(1) end, u)
    assert.is_true(math.abs(u:get(1, 1) - 0.1) < 1e-6)
  end)

  it("is refused a wrong answer, by name and with what it returned", function()
    local cases = {
      { function() end, "returned nothing instead of a tensor" },
      { function() return 0.5 end, "returned a number instead of a tensor" },
      { function() return fovea.zeros { 3 } end, "returned a tensor 3 for a map 2x2" },
      { function(v) return v * (0 / 0) end, "NaN or an infinity" },
      { function(v) return v - 0.5 end, "negative weight %(%-0.4%)" },
      { function(v) return v:gt(0.5) * 255 end, "above 1 %(255%).*divide" },
    }
    for _, case in ipairs(cases) do
      local ok, message = pcall(threshold.apply, { name = "mine", select = case[1] }, u)
      assert.is_false(ok)
      assert.matches("threshold 'mine' ", message)
      assert.matches(case[2], message)
    end
  end)
end)

describe("threshold.apply", function()
  it("takes a mask as it is", function()
    local mask, record = threshold.apply(fovea.tensor { 1, 0 }, grid { 0.3, 0.4 })
    assert.same({ 1, 0 }, mask:values())
    assert.are.equal("mask", record.strategy)
    assert.error_matches(function() threshold.apply(fovea.tensor { 1, 0, 1 }, grid { 0.3, 0.4 }) end, "3 for a map 1x2")
  end)

  it("marks an empty target", function()
    local _, record = threshold.apply(0.9, grid { 0.3, 0.4 })
    assert.are.equal(0, record.count)
    assert.same({ "EMPTY_TARGET" }, record.flags)
    assert.are.equal("fixed", record.strategy)
    assert.same({ value = 0.9, on = "probability" }, record.parameters)
  end)

  it("selects nothing from a map with a NaN (oracle 79)", function()
    for _, spec in ipairs { "0.5", "otsu", "otsu:exact", "quantile:0.5", "top_k:1", "argmax" } do
      local mask, record = threshold.apply(spec, grid { 0.3, 0 / 0 })
      assert.same({ 0, 0 }, mask:values())
      assert.same({ "NONFINITE", "EMPTY_TARGET" }, record.flags)
    end
  end)
end)
