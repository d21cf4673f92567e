-- fovea.reload: edited files and modules without leaving.
local fovea = require "fovea"
local scratch = require("support.scratch").new()

describe("reload", function()
  local path

  setup(function()
    path = package.path
    package.path = scratch.folder .. "/?.lua;" .. path
  end)

  teardown(function()
    package.path = path
    package.loaded.reload_mine = nil
    scratch:remove()
  end)

  it("runs a file again", function()
    local file = scratch:write("strategy.lua", "return function(u) return u:gt(0.5) end")
    local u = fovea.tensor { 0.2, 0.6, 0.9 }
    assert.are.equal(2, fovea.reload(file)(u):sum())
    scratch:write("strategy.lua", "return function(u) return u:gt(0.8) end")
    assert.are.equal(1, fovea.reload(file)(u):sum())
    assert.is_true(fovea.reload(scratch:write("nothing.lua", "local x = 1")))
  end)

  it("loads a module again; its table stays the same", function()
    scratch:write("reload_mine.lua", "return { a = 1, old = true }")
    local mine = require "reload_mine"
    scratch:write("reload_mine.lua", "return { a = 2 }")
    assert.are.equal(mine, fovea.reload "reload_mine")
    assert.are.same({ a = 2 }, mine)
    assert.are.equal(mine, require "reload_mine")
  end)

  it("changes nothing when the new text is broken", function()
    scratch:write("reload_mine.lua", "return { a = 3 }")
    local mine = fovea.reload "reload_mine"
    scratch:write("reload_mine.lua", "return {")
    local value, message, code = fovea.reload "reload_mine"
    assert.is_nil(value)
    assert.matches("reload_mine%.lua:1:", message)
    assert.are.equal("format", code)
    scratch:write("reload_mine.lua", "error 'on the way'")
    assert.matches("on the way", select(2, fovea.reload "reload_mine"))
    assert.are.same({ a = 3 }, mine)
  end)

  it("says what it cannot find", function()
    local value, message, code = fovea.reload "/no/such/file.lua"
    assert.is_nil(value)
    assert.matches("/no/such/file.lua", message, 1, true)
    assert.are.equal("io", code)
    assert.has_error(function() fovea.reload(12) end, "reload: expected a path or the name of a module, not a number")
  end)

  it("gives strategies of the toolkit a new life", function()
    local strategy = require "fovea.threshold.quantile"
    assert.are.equal(strategy, fovea.reload "fovea.threshold.quantile")
    assert.are.equal(1, fovea.threshold.apply("quantile:0.75", fovea.tensor { 1, 2, 3, 4 }):sum())
  end)
end)
