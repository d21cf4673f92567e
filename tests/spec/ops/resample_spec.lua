local alloc_sweep = require "support.alloc_sweep"
local core = require "fovea.core"
local fovea = require "fovea"
local nd = require "support.nd"
local near = require "support.near"
local op_check = require "support.op_check"

local round = {
  round_prefer_floor = function(s) return math.ceil(s - 0.5) end,
  round_prefer_ceil = function(s) return math.floor(s + 0.5) end,
  floor = math.floor,
  ceil = math.ceil,
}

--- Two source positions (from 0) and the weight of the second.
local function neighbours(d, n, m, scale, attrs)
  local s
  local rule = attrs.coordinates or "half_pixel"
  if rule == "half_pixel" then s = (d + 0.5) / scale - 0.5
  elseif rule == "asymmetric" then s = d / scale
  else s = m > 1 and d * (n - 1) / (m - 1) or 0 end
  if (attrs.mode or "nearest") == "nearest" then
    s = round[attrs.rounding or "round_prefer_floor"](tonumber(("%.9g"):format(s)))
  end
  s = math.max(0, math.min(s, n - 1))
  local low = math.floor(s)
  return low, math.min(low + 1, n - 1), s - low
end

local function per_axis(option, i)
  if type(option) == "table" then return option[i] or option[1] end
  return option
end

local function resize_axis(src, axis, m, scale, attrs)
  local shape, n = { table.unpack(src.shape) }, src.shape[axis]
  shape[axis] = m
  return nd.build(shape, function(at)
    local index = { table.unpack(at) }
    local low, high, weight = neighbours(at[axis] - 1, n, m, scale, attrs)
    index[axis] = low + 1
    local value = src:get(index)
    if weight == 0 then return value end
    index[axis] = high + 1
    return value + weight * (src:get(index) - value)
  end)
end

local function reference(arrays, attrs)
  local out = arrays[1]
  for axis = 3, #arrays[1].shape do
    local scale = per_axis(attrs.scale, axis - 2)
    local m = per_axis(attrs.size, axis - 2) or math.floor(out.shape[axis] * scale)
    out = resize_axis(out, axis, m, scale or m / out.shape[axis], attrs)
  end
  return out
end

local function case(src, attrs)
  op_check.case { op = "resample", sources = { { shape = src } }, attrs = attrs, reference = reference, probes = 4 }
end

--- Values of one row after resampling.
local function row(values, attrs)
  local graph = core.graph()
  local x = graph:input { 1, 1, #values }
  attrs[1] = x
  local y = graph:resample(attrs)
  local plan = assert(graph:plan { taps = { y } })
  assert(plan:set_input(x, fovea.tensor({ 1, 1, #values }, values)))
  assert(plan:forward())
  return plan:value(y)
end

describe("resample", function()
  for _, mode in ipairs { "linear", "nearest" } do
    for _, coordinates in ipairs { "half_pixel", "align_corners", "asymmetric" } do
      it(("does %s, %s, up and down"):format(mode, coordinates), function()
        local function both(src, size) case(src, { size = size, mode = mode, coordinates = coordinates }) end
        both({ 1, 3, 4, 5 }, { 8, 10 })
        both({ 2, 5, 7, 6 }, { 5, 11 })
        both({ 1, 17, 6, 8 }, { 3, 4 })
        both({ 2, 3, 5 }, 12)
        both({ 1, 2, 3, 4, 2 }, { 6, 2, 5 })
        both({ 1, 2, 5, 4 }, { 1, 1 })
        both({ 1, 3, 1, 1 }, { 6, 20 })
      end)
    end
  end

  it("rounds to the nearest in four ways", function()
    for rounding in pairs(round) do
      for _, coordinates in ipairs { "half_pixel", "align_corners", "asymmetric" } do
        case({ 1, 2, 6, 9 }, { size = { 3, 4 }, rounding = rounding, coordinates = coordinates })
      end
    end
    local values = { 1, 2, 3, 4 } -- positions 0.5 and 2.5
    assert.are.same({ 1, 3 }, row(values, { size = 2 }):values())
    assert.are.same({ 2, 4 }, row(values, { size = 2, rounding = "round_prefer_ceil" }):values())
    assert.are.same({ 1, 3 }, row(values, { size = 2, rounding = "floor" }):values())
    assert.are.same({ 2, 4 }, row(values, { size = 2, rounding = "ceil" }):values())
  end)

  it("takes positions from a given scale", function()
    case({ 1, 3, 5, 7 }, { size = { 9, 13 }, scale = { 1.9, 1.9 }, mode = "linear" })
    case({ 1, 3, 5, 7 }, { size = { 9, 13 }, scale = { 1.9, 1.9 }, coordinates = "asymmetric", mode = "linear" })
    case({ 1, 3, 6, 7 }, { scale = { 2, 0.6 } })
    case({ 1, 3, 6, 7 }, { scale = 0.6, mode = "linear" })
  end)

  it("agrees with examples of the ONNX specification", function()
    near.values({ 1, 1.25, 1.75, 2.25, 2.75, 3.25, 3.75, 4 }, row({ 1, 2, 3, 4 }, { scale = 2, mode = "linear" }))
    near.values({ 1, 1.5, 2, 2.5, 3, 3.5, 4, 4 },
      row({ 1, 2, 3, 4 }, { scale = 2, mode = "linear", coordinates = "asymmetric" }))
    near.values({ 1, 1.42857143, 1.85714286, 2.28571429, 2.71428571, 3.14285714, 3.57142857, 4 },
      row({ 1, 2, 3, 4 }, { size = 8, mode = "linear", coordinates = "align_corners" }))
    near.values({ 1.5, 3.5 }, row({ 1, 2, 3, 4 }, { size = 2, mode = "linear" }))
    near.values({ 1, 1, 2, 2, 3, 3, 4, 4 },
      row({ 1, 2, 3, 4 }, { scale = 2, coordinates = "asymmetric", rounding = "floor" }))
  end)

  it("does not lose a pixel to a scale stored as float", function()
    -- 1/3 in float is a little more than 1/3: position 1 / scale is a little less than 3
    near.values({ 1, 4, 7 }, row({ 1, 2, 3, 4, 5, 6, 7, 8, 9 },
      { size = 3, scale = 0.3333333432674408, coordinates = "asymmetric", rounding = "floor" }))
    -- 2 / 0.4 is 5
    near.values({ 1, 3, 6, 8 }, row({ 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12 },
      { size = 4, scale = 0.4000000059604645, coordinates = "asymmetric", rounding = "floor" }))
  end)

  it("sums long columns of gradients in double", function()
    local graph = core.graph()
    local x = graph:input { 1, 2, 1, 1 }
    local y = graph:resample { x, size = 300, mode = "linear" }
    local plan = assert(graph:plan { mode = "explain", taps = { y }, seeds = { y }, gradients = { x } })
    assert(plan:set_input(x, fovea.zeros { 1, 2, 1, 1 }))
    assert(plan:forward())
    assert(plan:set_seed(y, fovea.full({ 1, 2, 300, 300 }, 0.1)))
    assert(plan:backward())
    near.values({ 9000, 9000 }, plan:gradient(x), 1e-6)
  end)

  it("gives the same bits for any number of threads, in the values of the tensor's resize", function()
    local value, seed = fovea.uniform({ 1, 8, 48, 40 }, { seed = 1 }), fovea.uniform({ 1, 8, 96, 90 }, { seed = 2 })
    local threads, seen = fovea.threads(), nil
    for _, n in ipairs { 1, 2, 3 } do
      fovea.threads(n)
      local graph = core.graph()
      local x = graph:input(value:shape())
      local y = graph:resample { x, size = { 96, 90 }, mode = "linear" }
      local plan = assert(graph:plan { mode = "explain", taps = { y }, seeds = { y }, gradients = { x } })
      assert(plan:set_input(x, value))
      assert(plan:forward())
      assert(plan:set_seed(y, seed))
      assert(plan:backward())
      local bits = plan:value(y):hash() .. plan:gradient(x):hash()
      assert.are.equal(seen or bits, bits)
      seen = bits
      near.values(value:resize({ 96, 90 }):values(), plan:value(y), 1e-6)
    end
    fovea.threads(threads)
  end)

  it("survives a lack of memory", function()
    local graph = core.graph()
    local x = graph:input { 1, 2, 3, 4 }
    local y = graph:resample { x, size = 7, mode = "linear" }
    alloc_sweep(function()
      return graph:plan { mode = "explain", taps = { y }, seeds = { y }, gradients = { x } }
    end)
  end)

  it("names what does not fit", function()
    op_check.fails("resample", { { 3, 8 } }, { size = 2 }, "3x8", "3 to 5 dimensions")
    op_check.fails("resample", { { 1, 3, 8, 8 } }, {}, "'size' or 'scale' is required")
    op_check.fails("resample", { { 1, 3, 8, 8 } }, { size = { 1, 2, 3 } }, "size has 3 entries")
    op_check.fails("resample", { { 1, 3, 8, 8 } }, { scale = { 1, 2, 3 } }, "scale has 3 entries")
    op_check.fails("resample", { { 1, 3, 8, 8 } }, { size = 0 }, "size must be at least 1")
    op_check.fails("resample", { { 1, 3, 8, 8 } }, { scale = 0.1 }, "1x3x8x8", "axis 3 cannot become 0 long")
    op_check.fails("resample", { { 1, 3, 8, 8 } }, { scale = -1 }, "scale must be positive")
    op_check.fails("resample", { { 1, 3, 8, 8 } }, { size = 2, mode = "cubic" }, "'nearest', 'linear'")
    op_check.fails("resample", { { 1, 3, 8, 8 } }, { size = 2, align = true }, "unknown option 'align'")
  end)
end)
