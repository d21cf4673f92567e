-- Outlines by hand, and against a filling of the path: the inside is the mask again, for any mask.
local fovea = require "fovea"
local outline = require "fovea.report.outline"

--- Pixels inside of a path of h and v steps: those with an odd number of vertical sides at their left.
local function filled(path, height, width)
  local crossings = {}
  for x, y, steps in path:gmatch "M(%d+) (%d+)([hv%-%d]*)z" do
    local cx, cy, fx, fy = tonumber(x), tonumber(y), tonumber(x), tonumber(y)
    local function down(from, to)
      for row = math.min(from, to), math.max(from, to) - 1 do
        crossings[row * (width + 1) + cx] = (crossings[row * (width + 1) + cx] or 0) + 1
      end
    end
    for kind, length in steps:gmatch "([hv])(%-?%d+)" do
      if kind == "h" then cx = cx + length else
        down(cy, cy + length)
        cy = cy + length
      end
    end
    if cx == fx then down(cy, fy) end
    assert.is_true(cx == fx or cy == fy)
  end
  local rows = {}
  for row = 0, height - 1 do
    rows[row + 1] = {}
    local inside = 0
    for column = 0, width - 1 do
      inside = (inside + (crossings[row * (width + 1) + column] or 0)) % 2
      rows[row + 1][column + 1] = inside
    end
  end
  return rows
end

describe("an outline", function()
  local function path(rows) return outline.path(fovea.tensor(rows)) end

  it("runs along the sides of pixels, clockwise, holes the other way", function()
    assert.equal("M1 1h1v1h-1z", path { { 0, 0, 0 }, { 0, 1, 0 }, { 0, 0, 0 } })
    assert.equal("M0 0h3v3h-3zM1 1v1h1v-1z", path { { 1, 1, 1 }, { 1, 0, 1 }, { 1, 1, 1 } })
    assert.equal("M0 0h2v1h-1v1h-1z", path { { 1, 1, 0 }, { 1, 0, 0 } })
    assert.equal("", path { { 0, 0 }, { 0, 0 } })
  end)

  it("keeps pixels apart that touch by a corner", function()
    assert.equal("M0 0h1v1h-1zM1 1h1v1h-1z", path { { 1, 0 }, { 0, 1 } })
    assert.equal("M1 0h1v1h-1zM0 1h1v1h-1z", path { { 0, 1 }, { 1, 0 } })
  end)

  it("encloses the mask and nothing else", function()
    for seed = 1, 20 do
      local mask = fovea.uniform({ 9, 13 }, { seed = seed }):gt(seed / 21)
      assert.same(mask:to_table(), fovea.tensor(filled(outline.path(mask), 9, 13)):to_table())
    end
  end)
end)
