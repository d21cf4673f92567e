local core = require "fovea.core"
local fovea = require "fovea"
local nd = require "support.nd"
local op_check = require "support.op_check"

local function reference(arrays) return nd.new(arrays[1].shape, arrays[1].data) end

describe("identity", function()
  it("passes values and gradients on", function()
    for _, shape in ipairs { { 3 }, { 2, 3 }, { 2, 3, 4, 5 }, { 1, 2, 3, 2, 2 } } do
      for _, mode in ipairs { "explain", "train" } do
        op_check.case { op = "identity", sources = { { shape = shape } }, reference = reference, mode = mode }
      end
    end
  end)

  it("takes no step and no memory", function()
    local graph = core.graph()
    local x = graph:input { 1, 3, 8, 8 }
    local y = graph:identity { graph:identity { x } }
    local plan = assert(graph:plan { mode = "explain", taps = { y }, seeds = { y }, gradients = { x } })
    assert.are.equal(0, #plan:steps())
    assert.are.equal(2 * 4 * 3 * 8 * 8, plan:memory().arena) -- the input and the seed
    local value, seed = fovea.uniform({ 1, 3, 8, 8 }, { seed = 1 }), fovea.uniform({ 1, 3, 8, 8 }, { seed = 2 })
    assert(plan:set_input(x, value))
    assert(plan:forward())
    assert(plan:set_seed(y, seed))
    assert(plan:backward())
    assert.is_true(plan:value(y):equal(value))
    assert.is_true(plan:gradient(x):equal(seed))
  end)

  it("gives the sum of both gradients to a source with two users", function()
    local graph = core.graph()
    local x = graph:input { 2, 3 }
    local a, b = graph:identity { x }, graph:identity { x }
    local plan = assert(graph:plan { mode = "explain", seeds = { a, b }, gradients = { x, a } })
    assert(plan:set_input(x, fovea.full({ 2, 3 }, 1)))
    assert(plan:forward())
    assert(plan:set_seed(a, fovea.full({ 2, 3 }, 2)))
    assert(plan:set_seed(b, fovea.full({ 2, 3 }, 5)))
    assert(plan:backward())
    assert.is_true(plan:gradient(x):equal(fovea.full({ 2, 3 }, 7)))
    assert.is_true(plan:gradient(a):equal(fovea.full({ 2, 3 }, 2)))
  end)

  it("refuses options", function()
    op_check.fails("identity", { { 2, 3 } }, { value = 1 }, "unknown option 'value'")
  end)
end)
