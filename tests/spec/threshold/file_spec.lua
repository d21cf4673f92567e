local s = require "support.strategy"
local fovea = require "fovea"
local scratch = require "support.scratch"
local t = fovea.threshold

describe("file", function()
  local dir
  local u = s.map { { 0.1, 0.4, 0.8 } }
  setup(function() dir = scratch.new() end)
  teardown(function() dir:remove() end)

  it("runs a function", function()
    local path = dir:write("mine.lua", "return function(u, context) return u:gt(0.3), 0.3 end")
    local mask, record = s.select("file:" .. path, u)
    assert.same({ { 0, 1, 1 } }, mask)
    assert.are.equal(0.3, record.value)
    assert.are.equal("file:" .. path, record.spec)
    assert.are.equal(32, #record.detail.hash)
    assert.is_falsy(record.anonymous)
    assert.same(mask, (s.select(t.file(path), u)))
    assert.same(mask, (s.select({ name = "file", path = path }, u)))
  end)

  it("is read anew each time", function()
    local path = dir:write("edited.lua", "return function(u) return u:gt(0.3) end")
    assert.are.equal(2, t.apply("file:" .. path, u):sum())
    dir:write("edited.lua", "return function(u) return u:gt(0.5) end")
    assert.are.equal(1, t.apply("file:" .. path, u):sum())
  end)

  it("takes a strategy, and definitions with parameters", function()
    local path = dir:write("combined.lua", 'local t = require "fovea.threshold"\nreturn t.fixed(0.3) - t.fixed(0.7)')
    assert.same({ { 0, 1, 0 } }, (s.select("file:" .. path, u)))
    path = dir:write("defined.lua", [[
      return { parameters = { { name = "k", default = 2 }, { name = "invert", default = false } },
        select = function(u, p) local m = u:top_k(p.k); return p.invert and 1 - m or m end }]])
    assert.same({ { 0, 1, 1 } }, (s.select("file:" .. path, u)))
    local mask, record = s.select("file:" .. path .. ",k=1,invert", u)
    assert.same({ { 1, 1, 0 } }, mask)
    assert.are.equal(1, record.parameters.k)
    assert.are.equal(record.spec, t.parse(record.spec).spec)
    assert.same(mask, (s.select(t.file { path = path, k = 1, invert = true }, u)))
    assert.error_matches(function() t.parse("file:" .. path .. ",j=1") end, "unknown option 'j'")
  end)

  it("expands and combines", function()
    local path = dir:write("each.lua", 'return require("fovea.threshold").parse "component(0.3):each"')
    assert.are.equal(1, #t.targets("file:" .. path .. " & 0.5", u))
    assert.are.equal(2, #t.targets("file:" .. path, s.map { { 0.4, 0, 0.4 } }))
  end)

  it("says what is wrong with a file", function()
    local function bad(text, words)
      local path = dir:write("bad.lua", text)
      assert.error_matches(function() s.select("file:" .. path, u) end, words)
    end
    bad("return function(", "bad.lua:1:")
    bad("error 'oops'", "does not run.*oops")
    bad("return nil", "returns nothing instead of a function or a strategy")
    bad("return 3", "returns a number instead")
    bad("return function(u) return u:flatten():slice(1, 1, 2) end", "file:.*bad.lua' returned a tensor 2 for a map 1x3")
    bad("return function(u) return u - 1 end", "negative weight")
    bad("return function(u) return u / 0 * 0 end", "NaN")
    bad("return function(u) return u:nonsense() end", "bad.lua:1:.*nonsense")
    assert.error_matches(function() t.parse "file:nowhere.lua" end, "nowhere.lua: no such file")
    assert.error_matches(function() t.parse "file" end, "needs a path")
  end)
end)
