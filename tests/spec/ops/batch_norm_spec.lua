local core = require "fovea.core"
local fovea = require "fovea"
local near = require "support.near"
local norm = require "support.norm_reference"
local op_check = require "support.op_check"

local function running_reference(arrays, attrs)
  return norm.apply(arrays[1], norm.channel, arrays[4].data, arrays[5].data, attrs.epsilon or 1e-5, norm.channel,
    arrays[2], arrays[3])
end

local function batch_reference(arrays, attrs)
  local mean, variance = norm.statistics(arrays[1], norm.channel)
  return norm.apply(arrays[1], norm.channel, mean, variance, attrs.epsilon or 1e-5, norm.channel, arrays[2], arrays[3])
end

local function case(shape, attrs, mode, probes)
  local channels = { shape[2] }
  local train = mode == "train"
  op_check.case {
    op = "batch_norm", attrs = attrs, mode = mode, label = mode, probes = probes,
    reference = train and batch_reference or running_reference,
    sources = {
      { shape = shape }, { shape = channels, param = true }, { shape = channels, param = true },
      { shape = channels, param = true, gradient = not train },
      { shape = channels, param = true, min = 0.5, max = 2, gradient = not train } },
  }
end

local shapes = { { 4, 3 }, { 2, 5, 7 }, { 1, 3, 4, 5 }, { 2, 17, 3, 3 }, { 2, 4, 3, 2, 3 }, { 3, 1, 4, 4 } }

-- A graph with one batch_norm over 3 channels.
local function trained(shape, momentum)
  local graph = core.graph()
  local c = shape[2]
  local running = { mean = fovea.full({ c }, 1), variance = fovea.full({ c }, 2) }
  local x = graph:input(shape)
  local y = graph:batch_norm { x, graph:param(fovea.full({ c }, 1)), graph:param(fovea.full({ c }, 0)),
    graph:constant(running.mean), graph:constant(running.variance), momentum = momentum }
  return graph, x, y, running
end

describe("batch_norm", function()
  it("uses the running statistics outside train mode", function()
    for _, shape in ipairs(shapes) do case(shape, {}, "explain") end
    case({ 2, 3, 4, 4 }, { epsilon = 0.1 }, "explain")
  end)

  it("uses the statistics of the batch in train mode", function()
    for _, shape in ipairs(shapes) do case(shape, {}, "train") end
    case({ 2, 3, 4, 4 }, { epsilon = 0.1 }, "train")
  end)

  it("agrees with the reference where work is cut into pieces", function()
    case({ 1, 3, 100, 110 }, {}, "train", 1)
    case({ 2, 260, 9, 7 }, {}, "train", 1)
  end)

  it("moves the running statistics towards the batch, once per forward pass, with the unbiased variance", function()
    local graph, x, y, running = trained({ 2, 1, 2 }, 0.25)
    local plan = assert(graph:plan { mode = "train", taps = { y } })
    assert(plan:set_input(x, fovea.tensor({ 2, 1, 2 }, { 1, 2, 3, 6 }))) -- mean 3, unbiased variance 14/3
    assert(plan:forward())
    near.values({ 0.75 * 1 + 0.25 * 3 }, running.mean)
    near.values({ 0.75 * 2 + 0.25 * 14 / 3 }, running.variance)
    assert(plan:forward())
    near.values({ 0.75 * 1.5 + 0.25 * 3 }, running.mean)
  end)

  it("leaves the running statistics alone outside train mode", function()
    local graph, x, y, running = trained({ 2, 1, 2 })
    local plan = assert(graph:plan { taps = { y } })
    assert(plan:set_input(x, fovea.full({ 2, 1, 2 }, 7)))
    assert(plan:forward())
    near.values({ 1 }, running.mean)
    near.values({ 2 }, running.variance)
    near.values({ 6 / math.sqrt(2 + 1e-5) }, plan:value(y):slice(1, 1, 1):slice(3, 1, 1))
  end)

  it("keeps its digits when the mean is large", function()
    local graph, x, y = trained({ 1, 1, 1000 })
    local plan = assert(graph:plan { mode = "train", taps = { y } })
    assert(plan:set_input(x, fovea.uniform({ 1, 1, 1000 }, { seed = 3, min = 4095.5, max = 4096.5 })))
    assert(plan:forward())
    local value = plan:value(y)
    assert.is_true(math.abs(value:mean()) < 1e-3)
    assert.is_true(math.abs(value:std() - 1) < 1e-3)
  end)

  it("gives the same bits for any number of threads", function()
    local before, hashes = core.threads(), {}
    for threads = 1, 3 do
      core.threads(threads)
      local graph, x, y = trained({ 2, 20, 60, 50 })
      local plan = assert(graph:plan { mode = "train", taps = { y }, seeds = { y }, gradients = { x, y:sources()[2] } })
      assert(plan:set_input(x, fovea.uniform({ 2, 20, 60, 50 }, { seed = 1 })))
      assert(plan:forward())
      assert(plan:set_seed(y, fovea.uniform({ 2, 20, 60, 50 }, { seed = 2 })))
      assert(plan:backward())
      hashes[threads] = { plan:value(y):hash(), plan:gradient(x):hash(), plan:gradient(y:sources()[2]):hash() }
    end
    core.threads(before)
    assert.are.same({ hashes[1], hashes[1], hashes[1] }, hashes)
  end)

  it("keeps and uses the running statistics in train mode when they are fixed", function()
    local shape = { 2, 3, 4 }
    local graph, x, y, running = trained(shape, 0.5)
    local input, seed = fovea.uniform(shape, { seed = 1 }), fovea.uniform(shape, { seed = 2 })
    local scale = y:sources()[2]
    local function results(spec)
      spec.taps, spec.seeds, spec.gradients = { y }, { y }, { x, scale }
      local plan = assert(graph:plan(spec))
      assert(plan:set_input(x, input))
      assert(plan:forward())
      assert(plan:set_seed(y, seed))
      assert(plan:backward())
      return { plan:value(y):hash(), plan:gradient(x):hash(), plan:gradient(scale):hash() }
    end
    assert.are.same(results { mode = "explain" }, results { mode = "train", statistics = "running" })
    near.values({ 1, 1, 1 }, running.mean)
    near.values({ 2, 2, 2 }, running.variance)
    results { mode = "train" }
    assert.is_true((running.mean - 1):abs():min() > 0)
  end)

  it("has no gradient of the running statistics in train mode", function()
    local graph, x, y = trained({ 2, 3, 4 })
    local statistics = { y:sources()[4], y:sources()[5] }
    local plan = assert(graph:plan { mode = "train", seeds = { y }, gradients = statistics })
    assert(plan:set_input(x, fovea.uniform({ 2, 3, 4 }, { seed = 1 })))
    assert(plan:forward())
    assert(plan:set_seed(y, fovea.uniform({ 2, 3, 4 }, { seed = 2 })))
    assert(plan:backward())
    near.values({ 0, 0, 0 }, plan:gradient(statistics[1]))
    near.values({ 0, 0, 0 }, plan:gradient(statistics[2]))
  end)

  it("names what does not fit", function()
    local c = { 3 }
    op_check.fails("batch_norm", { { 3 }, c, c, c, c }, {}, "2 to 5 dimensions")
    op_check.fails("batch_norm", { { 1, 3, 4, 4 }, c, { 4 }, c, c }, {}, "1x3x4x4", "shift is 4", "3 entries")
    op_check.fails("batch_norm", { { 1, 3, 4, 4 }, c, c }, {}, "5")
    op_check.fails("batch_norm", { { 1, 3, 4, 4 }, c, c, c, c }, { eps = 1 }, "unknown option 'eps'", "epsilon")
    op_check.fails("batch_norm", { { 1, 3, 4, 4 }, c, c, c, c }, { momentum = 2 }, "momentum must be between 0 and 1")
    op_check.fails("batch_norm", { { 1, 3, 4, 4 }, c, c, c, c }, { epsilon = -1 }, "epsilon must be at least 0")
    local graph, _, y = trained({ 1, 3, 1, 1 })
    assert.error_matches(function() graph:plan { mode = "train", taps = { y } } end, "1x3x1x1.*no batch statistics")
  end)
end)
