local nd = require "support.nd"
local op_check = require "support.op_check"

local function reference(arrays, attrs)
  local axis = attrs.axis or 2
  if axis < 0 then axis = axis + #arrays[1].shape + 1 end
  local shape = { table.unpack(arrays[1].shape) }
  shape[axis] = 0
  for _, a in ipairs(arrays) do shape[axis] = shape[axis] + a.shape[axis] end
  return nd.build(shape, function(at)
    local index, k = { table.unpack(at) }, 1
    while index[axis] > arrays[k].shape[axis] do
      index[axis] = index[axis] - arrays[k].shape[axis]
      k = k + 1
    end
    return arrays[k]:get(index)
  end)
end

local function case(shapes, axis)
  local sources = {}
  for i, shape in ipairs(shapes) do sources[i] = { shape = shape } end
  op_check.case { op = "concat", sources = sources, attrs = { axis = axis }, reference = reference }
end

describe("concat", function()
  it("joins channels of images, volumes and signals", function()
    case({ { 1, 3, 5, 4 }, { 1, 5, 5, 4 } })
    case({ { 2, 16, 3, 3 }, { 2, 1, 3, 3 }, { 2, 17, 3, 3 } })
    case({ { 2, 3, 2, 3, 4 }, { 2, 4, 2, 3, 4 } })
    case({ { 2, 2, 7 }, { 2, 3, 7 } })
    case({ { 3, 2 }, { 3, 5 } })
  end)

  it("joins along any axis", function()
    case({ { 1, 3, 5, 4 }, { 2, 3, 5, 4 } }, 1)
    case({ { 1, 3, 5, 4 }, { 1, 3, 2, 4 } }, 3)
    case({ { 1, 3, 5, 4 }, { 1, 3, 5, 1 }, { 1, 3, 5, 9 } }, -1)
    case({ { 2, 3 } }, 1)
    case({ { 2, 1, 3, 2, 2, 2 }, { 2, 1, 3, 2, 1, 2 } }, 5)
  end)

  it("copies long runs in pieces", function()
    op_check.case { op = "concat", sources = { { shape = { 1, 2, 90, 100 } }, { shape = { 1, 1, 90, 100 } } },
      reference = reference, gradient = false }
  end)

  it("takes one source twice and gives it both gradients", function()
    local core, fovea = require "fovea.core", require "fovea"
    local graph = core.graph()
    local x = graph:input { 1, 2, 2, 2 }
    local y = graph:concat { x, x }
    local plan = assert(graph:plan { mode = "explain", taps = { y }, seeds = { y }, gradients = { x } })
    assert(plan:set_input(x, fovea.full({ 1, 2, 2, 2 }, 3)))
    assert(plan:forward())
    assert(plan:set_seed(y, fovea.concat({ fovea.full({ 1, 2, 2, 2 }, 2), fovea.full({ 1, 2, 2, 2 }, 5) }, 2)))
    assert(plan:backward())
    assert.is_true(plan:gradient(x):equal(fovea.full({ 1, 2, 2, 2 }, 7)))
  end)

  it("names what does not fit", function()
    op_check.fails("concat", { { 1, 3, 8, 8 }, { 1, 3, 8, 7 } }, {}, "1x3x8x8", "1x3x8x7", "axis 2")
    op_check.fails("concat", { { 1, 3, 8, 8 }, { 1, 3, 8 } }, {}, "source 2", "1x3x8:")
    op_check.fails("concat", { { 3, 8 }, { 3, 8 } }, { axis = 3 }, "axis 3 does not exist in 2")
    op_check.fails("concat", {}, {}, "at least 1")
    op_check.fails("concat", { { 3, 8 } }, { dim = 3 }, "unknown option 'dim'")
  end)
end)
