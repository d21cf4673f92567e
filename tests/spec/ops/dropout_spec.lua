local core = require "fovea.core"
local fovea = require "fovea"
local nd = require "support.nd"
local near = require "support.near"
local op_check = require "support.op_check"

local function reference(arrays) return nd.new(arrays[1].shape, arrays[1].data) end

-- A train plan over one dropout, the fifth node, whose source is channels last when wanted.
local function trained(shape, attrs, channels_last)
  local graph = core.graph()
  local x = graph:input(shape)
  local source = graph:identity { x }
  if channels_last then
    source = graph:conv { x, graph:constant(fovea.full({ shape[2], 1, 1, 1 }, 1)), groups = shape[2] }
  else
    graph:identity { graph:identity { x } }
  end
  attrs[1] = source
  local y = graph:dropout(attrs)
  local plan = assert(graph:plan { mode = "train", taps = { y }, seeds = { y }, gradients = { x } })
  assert(plan:set_input(x, fovea.full(shape, 1)))
  return plan, x, y
end

local function forward(plan, y)
  assert(plan:forward())
  return plan:value(y)
end

describe("dropout", function()
  it("is the identity outside train mode", function()
    for _, mode in ipairs { "infer", "explain" } do
      op_check.case { op = "dropout", attrs = { rate = 0.9 }, sources = { { shape = { 2, 3, 4, 5 } } }, mode = mode,
        reference = reference, gradient = mode ~= "infer" }
    end
  end)

  it("draws by the number of the pass, which can be set", function()
    local shape, attrs = { 1, 2, 5, 5 }, function() return { rate = 0.5, seed = 4 } end
    local plan, _, y = trained(shape, attrs())
    local passes = {}
    for i = 1, 4 do passes[i] = forward(plan, y):hash() end
    local other, _, z = trained(shape, attrs())
    assert.are.equal(other, other:set_run(3))
    assert.are.equal(passes[3], forward(other, z):hash())
    assert.are.equal(passes[4], forward(other, z):hash())
    assert.has_error(function() other:set_run(0) end)
  end)

  it("drops the wanted share and scales the rest", function()
    local plan, _, y = trained({ 2, 10, 40, 50 }, { rate = 0.3 })
    local value = forward(plan, y)
    local kept = value:count_nonzero() / value:count()
    assert.is_true(math.abs(kept - 0.7) < 4 * math.sqrt(0.3 * 0.7 / value:count()))
    near.number(1 / 0.7, value:max())
    near.number(kept / 0.7, value:mean(), 1e-5)
  end)

  it("gives the gradient the mask of the last forward pass", function()
    for _, channels_last in ipairs { false, true } do
      local plan, x, y = trained({ 2, 5, 6, 7 }, { rate = 0.5 }, channels_last)
      forward(plan, y)
      local value = forward(plan, y)
      assert(plan:set_seed(y, fovea.full({ 2, 5, 6, 7 }, 1)))
      assert(plan:backward())
      assert.is_true(plan:gradient(x):equal(value))
    end
  end)

  it("draws another mask at each run, the same ones in the next plan", function()
    local shape = { 1, 4, 16, 16 }
    local plan, _, y = trained(shape, {})
    local first, second = forward(plan, y), forward(plan, y)
    assert.is_false(first:equal(second))
    plan, _, y = trained(shape, {})
    assert.is_true(forward(plan, y):equal(first))
    assert.is_true(forward(plan, y):equal(second))
  end)

  it("draws by seed and node, whatever the layout and the number of threads", function()
    local shape, before = { 2, 20, 32, 30 }, core.threads()
    local plan, _, y = trained(shape, { seed = 7 })
    local value = forward(plan, y)
    for threads = 1, 3 do
      core.threads(threads)
      plan, _, y = trained(shape, { seed = 7 }, true)
      assert.is_true(forward(plan, y):equal(value))
    end
    core.threads(before)
    plan, _, y = trained(shape, { seed = 8 })
    assert.is_false(forward(plan, y):equal(value))
    local graph = core.graph()
    local x = graph:input { 1, 400 }
    local a, b = graph:dropout { x }, graph:dropout { x }
    local two = assert(graph:plan { mode = "train", taps = { a, b } })
    assert(two:set_input(x, fovea.full({ 1, 400 }, 1)))
    assert(two:forward())
    assert.is_false(two:value(a):equal(two:value(b)))
  end)

  it("keeps everything at rate 0", function()
    local plan, _, y = trained({ 1, 2, 3, 4 }, { rate = 0 })
    assert.is_true(forward(plan, y):equal(fovea.full({ 1, 2, 3, 4 }, 1)))
  end)

  it("names what does not fit", function()
    op_check.fails("dropout", { { 2, 3 } }, { rate = 1 }, "rate must be at least 0 and below 1, not 1")
    op_check.fails("dropout", { { 2, 3 } }, { rate = -0.1 }, "rate must be")
    op_check.fails("dropout", { { 2, 3 } }, { seed = 0.5 }, "seed", "an integer")
    op_check.fails("dropout", { { 2, 3 } }, { p = 0.5 }, "unknown option 'p'", "rate")
  end)
end)
