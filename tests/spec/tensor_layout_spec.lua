local fovea = require "fovea"

--- {1, 2, ..., n} in the given shape.
local function counting(shape)
  local n, list = 1, {}
  for _, size in ipairs(shape) do n = n * size end
  for i = 1, n do list[i] = i end
  return fovea.tensor(shape, list)
end

describe("tensor layout", function()
  local t = counting { 2, 3, 4 }

  it("slices, both ends included", function()
    assert.same({ { { 5, 6, 7, 8 } }, { { 17, 18, 19, 20 } } }, t:slice(2, 2, 2):to_table())
    assert.same({ 2, 3, 2 }, t:slice(3, 1, 4, 2):shape())
    assert.same({ { { 1, 3 }, { 5, 7 }, { 9, 11 } } }, t:slice(1, 1, 1):slice(-1, 1, 3, 2):to_table())
    assert.same({ { { 4 } } }, t:slice("width", -1, -1):slice("height", 1, 1):slice("channel", 1, 1):to_table())
    assert.same({ 1, 4 }, counting({ 4 }):slice(1, 1, 4, 3):values())
    assert.same({ 1 }, counting({ 4 }):slice(1, 1, 4, math.maxinteger):values())
  end)

  it("selects a position and drops the axis", function()
    assert.same({ { 9, 10, 11, 12 }, { 21, 22, 23, 24 } }, t:select(2, 3):to_table())
    assert.same({ 4, 8, 12 }, t:select("width", -1):select("height", 1):values()) -- names follow the new rank
    assert.equal(3, counting({ 5 }):select(1, 3):item())
    assert.same({}, counting({ 5 }):select(1, 3):shape())
  end)

  it("transposes", function()
    local u = t:transpose { 3, 1, 2 }
    assert.same({ 4, 2, 3 }, u:shape())
    for i = 1, 2 do
      for j = 1, 3 do
        for k = 1, 4 do assert.equal(t(i, j, k), u(k, i, j)) end
      end
    end
    assert.is_true(t:transpose({ "width", "height", "channel" }):transpose({ 3, 2, 1 }):equal(t))
    assert.is_true(u:transpose({ 2, 3, 1 }):equal(t))
  end)

  it("expands axes of one, and adds axes in front", function()
    assert.same({ { 1, 2 }, { 1, 2 } }, counting({ 2 }):expand({ 2, 2 }):to_table())
    assert.same({ { 1, 1 }, { 2, 2 } }, counting({ 2, 1 }):expand({ 2, 2 }):to_table())
    assert.same({ 3, 3, 3, 3 }, fovea.tensor(3):expand({ 2, 2 }):values())
    assert.same({ 0, 2 }, counting({ 1, 2 }):expand({ 0, 2 }):shape())
  end)

  it("joins along any axis", function()
    local a, b = counting { 2, 2 }, fovea.tensor { { 9 }, { 8 } }
    assert.same({ { 1, 2, 9 }, { 3, 4, 8 } }, fovea.concat({ a, b }, 2):to_table())
    assert.same({ { 1, 2 }, { 3, 4 }, { 9, 8 } }, fovea.concat({ a, b:transpose { 2, 1 } }, "height"):to_table())
    assert.is_true(fovea.concat({ t:slice(2, 1, 1), t:slice(2, 2, 3) }, 2):equal(t))
    assert.is_true(fovea.concat({ t }, -1):equal(t))
    assert.is_true(fovea.concat({ fovea.zeros { 0, 2 }, a }, 1):equal(a))
  end)

  it("knows the axis names of each rank", function()
    local names = {
      [2] = { "height", "width" }, [3] = { "channel", "height", "width" },
      [4] = { "batch", "channel", "height", "width" }, [5] = { "batch", "channel", "depth", "height", "width" },
    }
    for rank, list in pairs(names) do
      local shape = { table.unpack({ 2, 3, 4, 5, 6 }, 1, rank) }
      local u = fovea.zeros(shape)
      for i, name in ipairs(list) do
        assert.same(u:select(i, 1):shape(), u:select(name, 1):shape())
        assert.same(u:select(i, 1):shape(), u:select(i - rank - 1, 1):shape())
      end
    end
  end)

  it("names what does not fit", function()
    local a, b = counting { 2, 2 }, counting { 3, 3 }
    assert.error_matches(function() t:slice("depth", 1, 1) end, "slice: axis 'depth' does not exist .* shape 2x3x4")
    assert.error_matches(function() t:slice(4, 1, 1) end, "slice: axis '4' does not exist")
    assert.error_matches(function() t:slice(0, 1, 1) end, "slice: axis '0' does not exist")
    assert.error_matches(function() t:slice(1.5, 1, 1) end, "slice: an axis is an integer or a name, not number")
    assert.error_matches(function() t:slice(2, 1, 4) end, "slice: 1 to 4 is not a range on axis 2 of shape 2x3x4")
    assert.error_matches(function() t:slice(2, 3, 2) end, "slice: 3 to 2 is not a range")
    assert.error_matches(function() t:slice(2, 1, 2, 0) end, "step must be at least 1")
    assert.error_matches(function() t:select(1, 3) end, "select: index 3 on axis 1 is outside shape 2x3x4")
    assert.error_matches(function() t:transpose { 1, 2 } end, "transpose: 2 axes for a tensor of shape 2x3x4")
    assert.error_matches(function() t:transpose { 1, 2, 2 } end, "transpose: axis 2 is named twice")
    assert.error_matches(function() a:expand { 3, 2 } end, "expand: shape 2x2 does not stretch to 3x2")
    assert.error_matches(function() a:expand { 2 } end, "expand: shape 2x2 does not stretch to 2")
    assert.error_matches(function() fovea.concat({ a, b }, 1) end, "concat: shapes 2x2 and 3x3 differ outside axis 1")
    assert.error_matches(function() fovea.concat({ a, t }, 1) end, "concat: shapes 2x2 and 2x3x4")
    assert.error_matches(function() fovea.concat({}, 1) end, "must be a list of tensors")
  end)
end)
