-- Strategies put together: operators, the text form, descriptions, signed targets.
local fovea = require "fovea"
local s = require "support.strategy"
local t = fovea.threshold

describe("operators on strategies", function()
  local u = s.map { { 0.1, 0.4, 0.6, 0.9 } }

  it("are set operations on masks", function()
    local low, high = t.fixed(0.3), t.fixed(0.7)
    assert.same({ { 0, 0, 0, 1 } }, (s.select(low & high, u)))
    assert.same({ { 0, 1, 1, 1 } }, (s.select(low | high, u)))
    assert.same({ { 0, 1, 1, 0 } }, (s.select(low - high, u)))
    assert.same({ { 1, 0, 0, 0 } }, (s.select(~low, u)))
    assert.same({ { 0, 1, 0, 0 } }, (s.select(~t.fixed(0.5) & "band:0.3,1", u)))
    assert.same({ { 0, 1, 1, 0 } }, (s.select("0.3" - high, u)))
    assert.same({ { 0, 0, 1, 1 } }, (s.select(0.5 | high, u)))
    assert.same({ { 0, 1, 1, 0 } }, (s.select(low - function(v) return v:gt(0.7) end, u)))
  end)

  it("take the smaller or the larger weight", function()
    local a, b = fovea.tensor { { 0.2, 0.5, 1, 0 } }, fovea.tensor { { 0.5, 0.25, 0, 1 } }
    assert.are.equal(0.25, (t.apply(t.parse(a) & b, u)):get(1, 2))
    assert.same({ 0.5, 0.5, 1, 1 }, (t.apply(t.parse(a) | b, u)):values())
    assert.same({ 0, 0.75, 1, 0 }, (t.apply(~t.parse(b) & fovea.tensor { { 0, 1, 1, 1 } }, u)):values())
    assert.same({ 0.5, 0.75, 1, 0 }, (t.apply(~t.parse(b), u)):values())
  end)

  it("are written in the record, part by part", function()
    local _, record = s.select("otsu:exact & top_k:2", u)
    assert.are.equal("otsu:exact & top_k:2", record.spec)
    assert.are.equal("and", record.strategy)
    assert.are.equal("otsu", record.of[1].strategy)
    assert.are.near(0.5, record.of[1].value, 1e-6)
    assert.is_true(record.of[1].parameters.exact)
    assert.are.equal(2, record.of[2].parameters.k)
  end)

  it("are called like functions", function()
    assert.are.equal(2, t.fixed(0.5)(u):sum())
    assert.are.equal("fixed:0.5 & otsu", tostring(t.fixed(0.5) & t.otsu()))
  end)
end)

describe("the text form", function()
  local function spec(text) return t.parse(text).spec end

  it("binds as Lua does", function()
    assert.are.equal("otsu | yen & li - triangle", spec "otsu|yen&li - triangle")
    assert.are.equal("(otsu | yen) & li", spec "(otsu | yen) & li")
    assert.are.equal("otsu - (yen - li)", spec "otsu - (yen - li)")
    assert.are.equal("otsu - yen - li", spec "(otsu - yen) - li")
    assert.are.equal("~otsu & ~(yen | li)", spec "~otsu & ~(yen|li)")
    assert.are.equal((t.otsu() | t.yen() & t.li() - t.triangle()).spec, spec "otsu | yen & li - triangle")
  end)

  it("reads what it writes", function()
    for _, text in ipairs { "component(otsu):largest", "component(otsu & fixed:0.2):index=3,min_size=5",
      "contrast(fn(argmax)):2", "boundary(~argmax):2.5,side=inner,unit=mm", "roi:box=1/2/30/40,frame=image",
      'roi:mask="a file (1).png"', "roi:mask='it \"is\".png'", "hysteresis:0.1,high=0.9,connectivity=4",
      "fixed:0.30000000000000004", "soft:0.5,temperature=1e-05", "component(otsu):point=3/4" } do
      assert.are.equal(text, spec(text))
    end
  end)

  it("means the same as the functions of the same names", function()
    local u = fovea.uniform({ 12, 15 }, { seed = 9 })
    for text, strategy in pairs {
      ["largest_component(otsu)"] = t.largest_component(t.otsu()), ["band:0.3,0.5"] = t.band(0.3, 0.5),
      ["component(0.7):smallest"] = t.component(t.fixed(0.7), "smallest"),
      ["boundary(otsu):2,inner"] = t.boundary { of = "otsu", r = 2, side = "inner" },
      ["otsu & ~band:0.3,0.5"] = t.otsu() & ~t.band(0.3, 0.5), ["hysteresis:0.5,0.9"] = t.hysteresis(0.5, 0.9),
      ["component(otsu & 0.6):point=1/1"] = t.component(t.otsu() & 0.6, { point = { 1, 1 } }),
    } do
      assert.is_true(t.apply(text, u):equal((t.apply(strategy, u))), text)
      assert.are.equal(t.parse(text).spec, strategy.spec)
    end
  end)

  it("says where it is wrong", function()
    for text, words in pairs {
      ["otsu &"] = "a strategy is missing at character 7", ["(otsu"] = "'%)' is missing",
      ["otsu)"] = "'%)' is not expected",
      ["0.5-0.3"] = "blanks go around", ["otsu(0.5)"] = "not made of another", ["otsu:'a"] = "without its end",
      ["component(otsu, 3)"] = "'%)' is missing", ["otsu yen"] = "'yen' is not expected",
      ["quantile:0.5,"] = "a value is missing", [""] = "a strategy is missing",
    } do
      assert.error_matches(function() t.parse(text) end, words)
    end
  end)
end)

describe("threshold.describe", function()
  it("knows every strategy", function()
    local all = t.describe()
    assert.are.equal(#t.names(), #all)
    for i, one in ipairs(all) do
      assert.are.equal(t.names()[i], one.name)
      assert.is_truthy(one.doc and #one.doc > 5, one.name)
      assert.is_truthy(one.id or one.name == "file", one.name)
      assert.are.equal("function", type(t[one.name]))
    end
    assert.are.equal("T6", t.describe("hysteresis").id)
    assert.matches("low = 0.3, high = 0.6", t.describe("hysteresis").text)
    assert.is_nil(t.nonsense)
    local ids = {}
    for _, one in ipairs(all) do ids[one.id or ""] = true end
    for n = 1, 15 do assert.is_true(ids["T" .. n], "T" .. n) end
  end)

  it("has a spec for every strategy", function()
    local lfs = require "lfs"
    local here = { fixed = true, logit = true, otsu = true, argmax = true, quantile = true, top_k = true,
      largest_component = true, smallest_component = true }
    for _, name in ipairs(t.names()) do
      assert.is_truthy(here[name] or lfs.attributes("tests/spec/threshold/" .. name .. "_spec.lua"), name)
    end
  end)
end)

describe("signed targets of functions", function()
  local u = s.map { { 0.2, 0.8 } }

  it("are the terms of the second result", function()
    local function mine(v) return v:gt(0), { value = 0.1, detail = { a = 1 }, mean = true,
      terms = { { weights = v - 0.5 } } } end
    local target = s.target(mine, u, { class = 3 })
    assert.are.equal("signed", target.record.kind)
    assert.are.equal(3, target.terms[1].class)
    assert.are.equal(1, target.record.detail.a)
    assert.is_true(target.mean and target.record.anonymous)
  end)

  it("are refused when wrong, by name", function()
    local function refuses(info, words)
      local strategy = { name = "mine", select = function(v) return v, info end }
      assert.error_matches(function() s.target(strategy, u) end, words)
    end
    refuses({ terms = {} }, "'mine' returned terms that are not a list")
    refuses({ terms = { {} } }, "'mine' returned nothing instead of a tensor %(term 1%)")
    refuses({ terms = { { weights = fovea.zeros { 3 } } } }, "a tensor 3 for a map 1x2")
    refuses({ terms = { { weights = u / 0 } } }, "NaN or an infinity")
    refuses({ terms = { { weights = u, class = 0 } } }, "term 1 of class 0")
    refuses({ terms = { { weights = u, against = "all" } } }, "known: others")
  end)
end)
