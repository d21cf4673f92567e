local s = require "support.strategy"
local fovea = require "fovea"
local t = fovea.threshold

describe("component", function()
  -- three components by faces: 3 pixels, 1 pixel, 3 pixels (joined with the first at a corner)
  local u = s.map { { 0.9, 0.9, 0, 0.8 }, { 0.9, 0, 0, 0 }, { 0, 0.7, 0.7, 0.7 } }
  local first = { { 1, 1, 0, 0 }, { 1, 0, 0, 0 }, { 0, 0, 0, 0 } }
  local dot = { { 0, 0, 0, 1 }, { 0, 0, 0, 0 }, { 0, 0, 0, 0 } }
  local last = { { 0, 0, 0, 0 }, { 0, 0, 0, 0 }, { 0, 1, 1, 1 } }

  it("takes the largest, the first of equal ones, and the smallest", function()
    local mask, record = s.select("component:largest,connectivity=4", u)
    assert.same(first, mask)
    assert.same({ connectivity = 4, components = 3, size = 3 }, record.detail)
    assert.same(dot, (s.select("component:smallest,connectivity=4", u)))
    assert.same({ { 1, 1, 0, 0 }, { 1, 0, 0, 0 }, { 0, 1, 1, 1 } }, (s.select("component:largest", u)))
  end)

  it("takes one by its index in scan order, or by a point", function()
    assert.same(first, (s.select("component:index=1,connectivity=4", u)))
    assert.same(dot, (s.select("component:index=2,connectivity=4", u)))
    assert.same(last, (s.select("component:index=3,connectivity=4", u)))
    assert.same(last, (s.select("component:point=3/2,connectivity=4", u)))
    assert.same(dot, (s.select({ "component", point = { 1, 4 }, connectivity = 4 }, u)))
  end)

  it("is empty where there is none", function()
    for _, spec in ipairs { "component:index=9", "component:point=2/2", "component:point=7/7", "component(0.95)" } do
      local _, record = s.select(spec, u)
      assert.same({ "EMPTY_TARGET" }, record.flags)
      assert.are.equal(0, record.count)
    end
  end)

  it("leaves out what is too small, before it counts", function()
    assert.same(last, (s.select("component:index=2,min_size=2,connectivity=4", u)))
    assert.same(first, (s.select("component:smallest,min_size=2,connectivity=4", u)))
  end)

  it("gives one target for each, which add up to the mask (oracle 8)", function()
    local targets = t.targets("component:each,connectivity=4", u)
    assert.are.equal(3, #targets)
    local sum = u * 0
    for i, target in ipairs(targets) do
      sum = sum + target.mask
      assert.are.equal(("component(fixed:0.5):index=%d,connectivity=4"):format(i), target.record.spec)
      assert.is_true(t.apply(target.record.spec, u):equal(target.mask))
    end
    assert.is_true(sum:equal(u:gt(0.5)))
    assert.error_matches(function() t.apply("component:each,connectivity=4", u) end, "3 targets")
    assert.same({ "EMPTY_TARGET" }, t.targets("component(0.95):each", u)[1].record.flags)
  end)

  it("expands inside of other strategies", function()
    local targets = t.targets("component:each,connectivity=4 & band:0.5,0.85", u)
    assert.are.equal(3, #targets)
    assert.same({ 0, 1, 3 }, { targets[1].record.count, targets[2].record.count, targets[3].record.count })
  end)

  it("works on volumes", function()
    local volume = fovea.tensor { { { 1, 0 }, { 0, 0 } }, { { 0, 0 }, { 1, 1 } } }
    local _, record = t.apply("largest_component:connectivity=6", volume)
    assert.are.equal(2, record.count)
    assert.are.equal(2, record.detail.components)
    assert.are.equal(1, t.apply("component:point=1/1/1,connectivity=6", volume):sum())
    assert.are.equal(3, t.apply("largest_component", volume):sum()) -- 26: the corner joins
  end)

  it("refuses what cannot be", function()
    for spec, words in pairs { ["component:bigest"] = "known: largest", ["component:index=0.5"] = "index",
      ["component:index=1,point=1/1"] = "exclude", ["component:point=a/b"] = "list of numbers" } do
      assert.error_matches(function() t.parse(spec) end, words)
    end
    assert.error_matches(function() t.apply("component:point=1/1/1", u) end, "3 numbers, the map 2 axes")
    assert.error_matches(function() t.targets("component:each,connectivity=4", fovea.uniform({ 60, 60 },
      { seed = 2 })) end, "set min_size")
  end)
end)

for _, which in ipairs { "largest", "smallest" } do
  describe(which .. "_component", function()
    it("is short for component:" .. which, function()
      local u = fovea.uniform({ 9, 9 }, { seed = 4 })
      local short, long = t.parse(which .. "_component(0.7):min_size=2"), t.parse("component(0.7):" .. which
        .. ",min_size=2")
      assert.are.equal(long.spec, short.spec)
      assert.is_true(t.apply(short, u):equal((t.apply(long, u))))
      assert.are.equal(long.spec, t[which .. "_component"](t.fixed(0.7), { min_size = 2 }).spec)
      assert.error_matches(function() t.parse(which .. "_component:which=each") end, "unknown option 'which'")
    end)
  end)
end
