local core = require "fovea.core"
local fovea = require "fovea"
local norm = require "support.norm_reference"
local op_check = require "support.op_check"

--- The 1-based first normalised axis.
local function first_axis(attrs, rank)
  local axis = attrs.axis or -1
  return axis < 0 and axis + rank + 1 or axis
end

local function reference(arrays, attrs)
  local shape = arrays[1].shape
  local first = first_axis(attrs, #shape)
  local function flat(index, from, to)
    local at = 0
    for i = from, to do at = at * shape[i] + index[i] - 1 end
    return at + 1
  end
  local function row(index) return flat(index, 1, first - 1) end
  local function place(index) return flat(index, first, #shape) end
  local mean, variance = norm.statistics(arrays[1], row)
  return norm.apply(arrays[1], row, mean, variance, attrs.epsilon or 1e-5, place, arrays[2], arrays[3])
end

local function case(shape, attrs, parameters, options)
  local spec = { op = "layer_norm", attrs = attrs, reference = reference, sources = { { shape = shape } } }
  local row = { table.unpack(shape, first_axis(attrs, #shape)) }
  for i = 1, parameters or 2 do spec.sources[i + 1] = { shape = row, param = true } end
  for k, v in pairs(options or {}) do spec[k] = v end
  op_check.case(spec)
end

describe("layer_norm", function()
  it("normalises the last axis by default", function()
    case({ 4, 7 }, {})
    case({ 2, 3, 17 }, {})
    case({ 2, 3, 4, 5 }, {})
    case({ 2, 2, 3, 2, 33 }, {})
    case({ 6 }, {})
  end)

  it("normalises from an axis to the last", function()
    case({ 2, 3, 4, 5 }, { axis = 2 })
    case({ 2, 3, 4, 5 }, { axis = -2 })
    case({ 2, 3, 4 }, { axis = 1 })
  end)

  it("takes the name of an axis", function()
    local graph = core.graph()
    local x = graph:input { 2, 3, 4, 5 }
    local named, numbered = graph:layer_norm { x, axis = "channel" }, graph:layer_norm { x, axis = 2 }
    local plan = assert(graph:plan { taps = { named, numbered } })
    assert(plan:set_input(x, fovea.uniform({ 2, 3, 4, 5 }, { seed = 1 })))
    assert(plan:forward())
    assert.is_true(plan:value(named):equal(plan:value(numbered)))
  end)

  it("does without scale and shift, takes epsilon, and trains", function()
    case({ 3, 2, 9 }, {}, 0)
    case({ 3, 2, 9 }, {}, 1)
    case({ 3, 2, 9 }, { epsilon = 0.5 })
    case({ 3, 2, 9 }, {}, 2, { mode = "train" })
  end)

  it("agrees with the reference on many rows", function()
    case({ 400, 90 }, {}, 2, { probes = 1 })
  end)

  it("gives the same bits for any number of threads", function()
    local before, hashes = core.threads(), {}
    for threads = 1, 3 do
      core.threads(threads)
      local graph = core.graph()
      local x, scale = graph:input { 900, 50 }, graph:param(fovea.uniform({ 50 }, { seed = 3 }))
      local y = graph:layer_norm { x, scale }
      local plan = assert(graph:plan { mode = "train", taps = { y }, seeds = { y }, gradients = { x, scale } })
      assert(plan:set_input(x, fovea.uniform({ 900, 50 }, { seed = 1 })))
      assert(plan:forward())
      assert(plan:set_seed(y, fovea.uniform({ 900, 50 }, { seed = 2 })))
      assert(plan:backward())
      hashes[threads] = { plan:value(y):hash(), plan:gradient(x):hash(), plan:gradient(scale):hash() }
    end
    core.threads(before)
    assert.are.same({ hashes[1], hashes[1], hashes[1] }, hashes)
  end)

  it("names what does not fit", function()
    op_check.fails("layer_norm", { { 2, 3, 4 } }, { axis = 4 }, "axis 4 does not exist in 3 dimensions")
    op_check.fails("layer_norm", { { 2, 3, 4 }, { 3 } }, {}, "src is 2x3x4, scale is 3", "needs 4")
    op_check.fails("layer_norm", { { 2, 3, 4 }, { 3, 4 }, { 4 } }, { axis = 2 }, "shift is 4", "needs 3x4")
    op_check.fails("layer_norm", { { 2, 3, 4 } }, { epsilon = -1 }, "epsilon must be at least 0")
    op_check.fails("layer_norm", { { 2, 3, 4 } }, { axes = 2 }, "unknown option 'axes'", "axis")
  end)
end)
