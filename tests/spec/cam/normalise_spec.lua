local fovea = require "fovea"
local normalise = require "fovea.normalise"

local function values(map) return map:values() end

describe("normalise", function()
  it("scales the positive part to a peak of exactly 1 (oracle 55)", function()
    local map, status = normalise.apply(fovea.tensor { { -2, 0 }, { 1, 4 } }, "relu_max")
    assert.same({ 0, 0, 0.25, 1 }, values(map))
    assert.are.equal("OK", status)
    for seed = 1, 20 do
      local random = normalise.apply(fovea.normal({ 5, 5 }, { seed = seed }) * 1e-7, "relu_max")
      assert.are.equal(1, random:max())
      assert.are.equal(0, random:min())
    end
  end)

  it("says ALL_NONPOSITIVE instead of a silent blank", function()
    for _, name in ipairs { "relu_max", "sum" } do
      local map, status = normalise.apply(fovea.tensor { -1, 0, -3 }, name)
      assert.same({ 0, 0, 0 }, values(map))
      assert.are.equal("ALL_NONPOSITIVE", status)
    end
  end)

  it("stretches to 0..1 and flips", function()
    assert.same({ 0, 0.5, 1 }, values((normalise.apply(fovea.tensor { -2, 0, 2 }, "minmax"))))
    assert.same({ 1, 0.5, 0 }, values((normalise.apply(fovea.tensor { -2, 0, 2 }, "minmax_flipped"))))
  end)

  it("gives zeros and CONSTANT where there is no range (oracle 56)", function()
    for _, name in ipairs { "minmax", "minmax_flipped" } do
      local map, status = normalise.apply(fovea.full({ 3 }, 7), name)
      assert.same({ 0, 0, 0 }, values(map))
      assert.are.equal("CONSTANT", status)
    end
    for _, name in ipairs { "absmax", "percentile" } do
      local map, status = normalise.apply(fovea.zeros { 3 }, name)
      assert.same({ 0, 0, 0 }, values(map))
      assert.are.equal("CONSTANT", status)
    end
  end)

  it("keeps signs with absmax", function()
    assert.same({ -1, 0, 0.5 }, values((normalise.apply(fovea.tensor { -4, 0, 2 }, "absmax"))))
  end)

  it("clips at the value where the sorted magnitudes reach the share", function()
    -- |R| sorted 1 2 3 4 10, total 20: 50 % is reached at 4.
    local map = normalise.apply(fovea.tensor { 1, -2, 3, -4, 10 }, "percentile", { percentile = 50 })
    assert.same({ 0.25, -0.5, 0.75, -1, 1 }, values(map))
    local whole = normalise.apply(fovea.tensor { 1, -2, 3, -4, 10 }, "percentile", { percentile = 0 })
    assert.are.equal(1, whole:max())
    assert.is_true(math.abs(whole:get(1) - 0.1) < 1e-7)
    assert.error_matches(function() normalise.apply(whole, "percentile", { percentile = 100 }) end, "percentile 100")
  end)

  it("divides by the positive sum, or by a given scale", function()
    assert.same({ 0, 0.25, 0.75 }, values((normalise.apply(fovea.tensor { -5, 1, 3 }, "sum"))))
    assert.same({ -2.5, 0.5, 1.5 }, values((normalise.apply(fovea.tensor { -5, 1, 3 }, "cohort", { scale = 2 }))))
    local map, status = normalise.apply(fovea.tensor { 1, 2 }, "cohort", { scale = 0 })
    assert.same({ 0, 0 }, values(map))
    assert.are.equal("CONSTANT", status)
    assert.error_matches(function() normalise.apply(fovea.tensor { 1 }, "cohort") end, "scale")
  end)

  it("keeps a raw map, and says NONFINITE", function()
    assert.same({ -1, 3 }, values((normalise.apply(fovea.tensor { -1, 3 }, "none"))))
    for _, name in ipairs(normalise.names) do
      local map, status = normalise.apply(fovea.tensor { 1, 0 / 0, 2 }, name, { scale = 1 })
      assert.are.equal("NONFINITE", status)
      if name ~= "none" then assert.same({ 0, 0, 0 }, values(map)) end
    end
  end)

  it("picks the sign", function()
    local raw = fovea.tensor { -2, 0, 3 }
    assert.same({ 0, 0, 3 }, values(normalise.sign(raw)))
    assert.same({ 2, 0, 0 }, values(normalise.sign(raw, "negative")))
    assert.same({ 2, 0, 3 }, values(normalise.sign(raw, "absolute")))
    assert.same({ -2, 0, 3 }, values(normalise.sign(raw, "signed")))
    assert.are.equal("absmax", normalise.default "signed")
    assert.are.equal("relu_max", normalise.default())
  end)

  it("suggests names", function()
    assert.error_matches(function() normalise.apply(fovea.zeros { 1 }, "relumax") end, "did you mean 'relu_max'")
    assert.error_matches(function() normalise.sign(fovea.zeros { 1 }, "postive") end, "did you mean 'positive'")
    assert.error_matches(function() normalise.apply(fovea.zeros { 1 }, "sum", { percentil = 1 }) end, "percentile")
  end)
end)

describe("display", function()
  it("resizes with half-pixel centres (oracle 54)", function()
    local ramp = fovea.tensor({ 1, 1, 1, 2 }, { 0, 1 })
    local map = normalise.display(ramp, { size = { 1, 4 }, normaliser = "none" })
    assert.same({ 0, 0.25, 0.75, 1 }, values(map))
  end)

  it("rectifies before it resizes unless asked otherwise (oracle 57)", function()
    -- -1, 1 on four points is -1, -1/2, 1/2, 1.
    local ramp = fovea.tensor({ 1, 1, 1, 2 }, { -1, 1 })
    local options = { size = { 1, 4 }, normaliser = "none" }
    assert.same({ 0, 0.25, 0.75, 1 }, values((normalise.display(ramp, options))))
    options.order = "resize_first"
    assert.same({ 0, 0, 0.5, 1 }, values((normalise.display(ramp, options))))
    options.order = "later"
    assert.error_matches(function() normalise.display(ramp, options) end, "sign_first or resize_first")
  end)

  it("reports the status of the shown part", function()
    local _, status = normalise.display(fovea.tensor { { -1, -2 } })
    assert.are.equal("ALL_NONPOSITIVE", status)
    local map, signed = normalise.display(fovea.tensor { { -1, -2 } }, { sign = "signed" })
    assert.same({ -0.5, -1 }, values(map))
    assert.are.equal("OK", signed)
  end)
end)
