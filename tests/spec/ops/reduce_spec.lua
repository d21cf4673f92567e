local core = require "fovea.core"
local fovea = require "fovea"
local nd = require "support.nd"
local near = require "support.near"
local op_check = require "support.op_check"

--- axes -> set of axes from 1, of `rank`.
local function reduced_axes(axes, rank)
  local set = {}
  if not axes then
    for i = 3, rank do set[i] = true end
  end
  for _, a in ipairs(axes or {}) do set[a < 0 and a + rank + 1 or a] = true end
  return set
end

local function reference(op)
  return function(arrays, attrs)
    local src = arrays[1]
    local reduced = reduced_axes(attrs.axes, #src.shape)
    local kept, shape, count = {}, {}, 1
    for i, d in ipairs(src.shape) do
      kept[i] = reduced[i] and 1 or d
      if reduced[i] then count = count * d end
      if not reduced[i] or attrs.keep_dims ~= false then shape[#shape + 1] = kept[i] end
    end
    local out, at = nd.new(kept), {}
    if op == "reduce_max" then
      for i in ipairs(out.data) do out.data[i] = -math.huge end
    end
    local i = 0
    for index in nd.indices(src.shape) do
      i = i + 1
      for k, v in ipairs(index) do at[k] = reduced[k] and 1 or v end
      if op == "reduce_max" then
        out:set(at, math.max(out:get(at), src.data[i]))
      else
        out:add(at, src.data[i] / (op == "reduce_mean" and count or 1))
      end
    end
    return nd.new(shape, out.data)
  end
end

-- probes 0: values only.
local function case(shape, attrs, probes)
  for _, op in ipairs { "reduce_mean", "reduce_sum", "reduce_max" } do
    op_check.case { op = op, attrs = attrs, sources = { { shape = shape } }, reference = reference(op), probes = probes,
      gradient = probes ~= 0,
      step = op == "reduce_max" and 1e-8 or nil } -- so small that no other element becomes the largest
  end
end

-- One reduction of given values: the result, and the gradient for a seed of ones times its position.
local function run(op, shape, values, attrs)
  local graph = core.graph()
  local x = graph:input(shape)
  attrs[1] = x
  local y = graph[op](graph, attrs)
  local plan = assert(graph:plan { mode = "explain", taps = { y }, seeds = { y }, gradients = { x } })
  assert(plan:set_input(x, fovea.tensor(shape, values)))
  assert(plan:forward())
  local seed = {}
  for i = 1, y:shape()[1] do seed[i] = i end
  assert(plan:set_seed(y, fovea.tensor(y:shape(), seed)))
  assert(plan:backward())
  return plan:value(y), plan:gradient(x)
end

describe("reduce", function()
  it("takes the spatial axes by default", function()
    case({ 2, 3, 5 }, {})
    case({ 2, 5, 4, 3 }, {})
    case({ 1, 17, 3, 2, 4 }, {})
    case({ 2, 3, 4, 5 }, { keep_dims = false })
  end)

  it("takes any axes, kept or dropped", function()
    for _, axes in ipairs { { 1 }, { 2 }, { -1 }, { 3 }, { 1, 3 }, { 1, 2, 4 }, { 2, 3 }, { 1, 2, 3, 4 }, { 4, 2 } } do
      case({ 2, 3, 4, 5 }, { axes = axes }, 1)
      case({ 2, 3, 4, 5 }, { axes = axes, keep_dims = false }, 1)
    end
    case({ 7 }, { axes = { 1 } })
    case({ 4, 3 }, { axes = { -1 }, keep_dims = false })
    case({ 2, 1, 3, 1, 2 }, { axes = { 2, 5 }, keep_dims = false })
    case({ 2, 1, 2, 3, 2, 2 }, { axes = { 3, 6 } })
  end)

  it("agrees with the reference where work is cut into pieces", function()
    case({ 1, 3, 110, 105 }, {}, 0)
    case({ 1, 2, 150, 120 }, { axes = { 1, 2, 3, 4 } }, 0)
    case({ 2, 270, 9, 8 }, { axes = { 1 } }, 0)
    case({ 2, 270, 9, 8 }, { axes = { 1, 3, 4 } }, 0)
    op_check.case { op = "reduce_mean", sources = { { shape = { 1, 3, 110, 105 } } }, probes = 1,
      reference = reference "reduce_mean" }
  end)

  it("shares the gradient of a maximum among equal elements", function()
    local value, gradient = run("reduce_max", { 2, 4 }, { 1, 3, 3, 0, -5, -5, -5, -5 },
      { axes = { 2 }, keep_dims = false })
    near.values({ 3, -5 }, value)
    near.values({ 0, 0.5, 0.5, 0, 0.5, 0.5, 0.5, 0.5 }, gradient)
  end)

  it("gives the same bits for any number of threads", function()
    local before, hashes = core.threads(), {}
    local values = fovea.uniform({ 1, 3, 200, 150 }, { seed = 1 }):values()
    for threads = 1, 3 do
      core.threads(threads)
      hashes[threads] = run("reduce_sum", { 1, 3, 200, 150 }, values, { axes = { 2, 3, 4 } }):hash()
    end
    core.threads(before)
    assert.are.same({ hashes[1], hashes[1], hashes[1] }, hashes)
  end)

  it("takes names of axes", function()
    local graph = core.graph()
    local x = graph:input { 2, 3, 4, 5 }
    assert.are.same({ 2, 1, 4, 1 }, graph:reduce_sum({ x, axes = { "channel", "width" } }):shape())
  end)

  it("passes a NaN on", function()
    local value = run("reduce_max", { 2, 3 }, { 1, 0 / 0, 2, 4, 5, 3 }, { axes = { 2 }, keep_dims = false })
    assert.is_true(value(1) ~= value(1))
    assert.are.equal(5, value(2))
  end)

  it("adds in double", function()
    local values = { 2 ^ 24 }
    for i = 2, 101 do values[i] = 1 end
    local value = run("reduce_sum", { 1, 101 }, values, { axes = { 2 }, keep_dims = false })
    assert.are.equal(2 ^ 24 + 100, value(1))
  end)

  it("names what does not fit", function()
    op_check.fails("reduce_mean", { { 4, 3 } }, {}, "4x3", "no spatial axes")
    op_check.fails("reduce_sum", { { 4, 3 } }, { axes = { 3 } }, "axis 3 does not exist in 2 dimensions")
    op_check.fails("reduce_max", { { 4, 3 } }, { axes = { 1, -2 } }, "axis 1 is given twice")
    op_check.fails("reduce_max", { { 4, 3 } }, { axis = 1 }, "unknown option 'axis'", "axes")
    op_check.fails("reduce_max", { { 4, 3 } }, { axes = { "channels" } }, "channels")
    op_check.fails("reduce_max", { { 4, 3 } }, { axes = { 1 }, keep_dims = 1 }, "keep_dims", "true or false")
  end)
end)
