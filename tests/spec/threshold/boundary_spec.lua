local s = require "support.strategy"
local fovea = require "fovea"
local t = fovea.threshold

describe("boundary", function()
  local u = s.map { { 0, 0, 0, 0, 0 }, { 0, 1, 1, 1, 0 }, { 0, 1, 1, 1, 0 }, { 0, 1, 1, 1, 0 }, { 0, 0, 0, 0, 0 } }
  local ring = { { 0, 0, 0, 0, 0 }, { 0, 1, 1, 1, 0 }, { 0, 1, 0, 1, 0 }, { 0, 1, 1, 1, 0 }, { 0, 0, 0, 0, 0 } }

  it("of width 0 is the members with a face neighbour outside", function()
    assert.same(ring, (s.select("boundary:0", u)))
  end)

  it("reaches r to both sides, inside or outside", function()
    assert.same({ { 0, 1, 1, 1, 0 }, { 1, 1, 1, 1, 1 }, { 1, 1, 1, 1, 1 }, { 1, 1, 1, 1, 1 }, { 0, 1, 1, 1, 0 } },
      (s.select("boundary:1", u)))
    assert.same(u:to_table(), (s.select("boundary:1,inner", u)))
    assert.same({ { 0, 1, 1, 1, 0 }, { 1, 0, 0, 0, 1 }, { 1, 0, 0, 0, 1 }, { 1, 0, 0, 0, 1 }, { 0, 1, 1, 1, 0 } },
      (s.select("boundary:1,outer", u)))
    assert.are.equal(16, t.apply("boundary:1.5,outer", u):sum()) -- the corners too: sqrt 2
  end)

  it("does not take the edge of the grid for a boundary", function()
    assert.same({ { 0, 1, 0 }, { 0, 1, 0 } }, (s.select("boundary:0", s.map { { 1, 1, 0 }, { 1, 1, 0 } })))
    local _, record = s.select("boundary", fovea.full({ 3, 3 }, 1))
    assert.same({ "EMPTY_TARGET" }, record.flags)
    assert.same({ "EMPTY_TARGET" }, select(2, s.select("boundary", fovea.zeros { 3, 3 })).flags)
  end)

  it("measures in mm", function()
    local line = s.map { { 0, 0, 0, 1, 0, 0, 0 } }
    assert.same({ { 0, 1, 1, 1, 1, 1, 0 } }, (s.select("boundary:1,unit=mm", line, { spacing = { 2, 0.5 } })))
    assert.error_matches(function() s.select("boundary:1,unit=mm", line) end, "need the spacing")
    local volume = fovea.zeros { 3, 1, 1 }:set(2, 1, 1, 1)
    assert.same({ 0, 1, 0 }, t.apply("boundary:1,unit=mm", volume, { spacing = { 2, 1, 1 } }):values())
    assert.same({ 1, 1, 1 }, t.apply("boundary:2,unit=mm", volume, { spacing = { 2, 1, 1 } }):values())
  end)

  it("refuses what cannot be", function()
    assert.error_matches(function() t.parse "boundary:-1" end, "below 0")
    assert.error_matches(function() t.parse "boundary:1,iner" end, "did you mean 'inner'")
  end)
end)
