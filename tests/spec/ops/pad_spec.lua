local core = require "fovea.core"
local fovea = require "fovea"
local nd = require "support.nd"
local op_check = require "support.op_check"

--- Position of element i (from 1, may be outside) among n; nil: none.
local function source(i, n, mode)
  if i >= 1 and i <= n then return i end
  if mode == "edge" then return i < 1 and 1 or n end
  if mode ~= "reflect" then return nil end
  while i < 1 or i > n do
    if i < 1 then i = 2 - i end
    if i > n then i = 2 * n - i end
    if n == 1 then return 1 end
  end
  return i
end

local function reference(arrays, attrs)
  local src, shape, none = arrays[1], {}, {}
  local before, after = attrs.before or none, attrs.after or none
  for i, n in ipairs(src.shape) do shape[i] = n + (before[i] or 0) + (after[i] or 0) end
  return nd.build(shape, function(at)
    local index = {}
    for i, n in ipairs(src.shape) do
      local low = math.max(0, -(before[i] or 0))
      local kept = n - low - math.max(0, -(after[i] or 0))
      local p = source(at[i] - math.max(0, before[i] or 0), kept, attrs.mode or "constant")
      if not p then return attrs.value or 0 end
      index[i] = low + p
    end
    return src:get(index)
  end)
end

local function case(src, attrs)
  op_check.case { op = "pad", sources = { { shape = src } }, attrs = attrs, reference = reference, probes = 3 }
end

describe("pad", function()
  for _, mode in ipairs { "constant", "reflect", "edge" } do
    it("adds to images, volumes and signals: " .. mode, function()
      case({ 1, 3, 5, 4 }, { before = { 0, 0, 1, 2 }, after = { 0, 0, 2, 3 }, mode = mode })
      case({ 2, 17, 5, 4 }, { before = { 0, 0, 4, 0 }, mode = mode })
      case({ 2, 3, 4, 3, 5 }, { before = { 0, 0, 1, 2, 3 }, after = { 0, 0, 3, 0, 2 }, mode = mode })
      case({ 2, 3, 6 }, { before = { 0, 0, 3 }, after = { 0, 0, 5 }, mode = mode })
      case({ 3, 4 }, { after = { 2, 1 }, mode = mode })
      case({ 2, 3, 5, 4 }, { before = { 1, 2, 0, 0 }, after = { 1, 1, 0, 0 }, mode = mode })
    end)

    it("crops with negative numbers: " .. mode, function()
      case({ 1, 3, 5, 6 }, { before = { 0, 0, -1, -2 }, after = { 0, 0, -2, -1 }, mode = mode })
      case({ 1, 3, 5, 6 }, { before = { 0, -1, -2, 2 }, after = { 0, 1, 1, -1 }, mode = mode })
    end)
  end

  it("fills with a value", function()
    case({ 1, 3, 5, 4 }, { before = { 0, 1, 1, 2 }, after = { 0, 0, 2, 3 }, value = -2.5 })
    case({ 1, 1, 2, 2 }, { before = { 0, 0, 2, 0 }, after = { 0, 0, -2, 0 }, value = 1e30 })
  end)

  it("mirrors again when the padding is longer than the axis", function()
    case({ 1, 2, 3, 2 }, { before = { 0, 0, 7, 5 }, after = { 0, 0, 8, 0 }, mode = "reflect" })
    case({ 1, 2, 1, 2 }, { before = { 0, 0, 2, 0 }, mode = "reflect" })
  end)

  it("does nothing without numbers", function()
    case({ 1, 2, 3, 2 }, {})
  end)

  it("lets no infinity of the source leak into the filling", function()
    local graph = core.graph()
    local x = graph:input { 1, 1, 1, 2 }
    local y = graph:pad { x, before = { 0, 0, 0, 1 }, after = { 0, 0, 1, 0 } }
    local plan = assert(graph:plan { taps = { y } })
    assert(plan:set_input(x, fovea.full({ 1, 1, 1, 2 }, math.huge)))
    assert(plan:forward())
    assert.are.same({ 0, math.huge, math.huge, 0, 0, 0 }, plan:value(y):values())
  end)

  it("names what does not fit", function()
    op_check.fails("pad", { { 1, 3, 8, 8 } }, { before = { 1, 1 } }, "before has 2 entries", "1x3x8x8")
    op_check.fails("pad", { { 1, 3, 8, 8 } }, { after = { 1 } }, "after has 1 entries", "1x3x8x8")
    op_check.fails("pad", { { 1, 3, 8, 8 } }, { before = { 0, 0, -8, 0 } }, "1x3x8x8", "nothing of axis 3")
    op_check.fails("pad", { { 1, 3, 8, 8 } }, { before = { 0, 0, 9, 0 }, after = { 0, 0, -8, 0 }, mode = "edge" },
      "9 before and -8 after")
    op_check.fails("pad", { { 1, 3, 8, 8 } }, { before = { 0, 0, 0, 1 << 40 } }, "no padding by")
    op_check.fails("pad", { { 1, 3, 8, 8 } }, { mode = "wrap" }, "'constant', 'reflect', 'edge'")
    op_check.fails("pad", { { 1, 3, 8, 8 } }, { pads = 1 }, "unknown option 'pads'")
  end)
end)
