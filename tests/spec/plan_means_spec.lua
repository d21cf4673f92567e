--- Means of gradients, and maps of many questions, from a plan: against those of the gradient and the activation.
local core = require "fovea.core"
local fovea = require "fovea"
local cam = core.cam

local function normal(dims, seed) return fovea.normal(dims, { seed = seed }) end

--- Two images through convolutions, a pool and a transposition, where axis 1 is not the batch.
local function network(size, channels)
  local g = core.graph()
  local x = g:input { 2, 3, size, size }
  local a = g:conv { x, g:param(normal({ channels, 3, 3, 3 }, 1)), pad = 1, name = "a" }
  local b = g:relu { a, name = "b" }
  local c = g:conv { g:max_pool { b, kernel = 2, stride = 2 }, g:param(normal({ channels, channels, 1, 1 }, 2)),
    name = "c" }
  local d = g:transpose { g:sigmoid { c }, permutation = { 3, 2, 1, 4 }, name = "d" }
  return g, x, { a, b, c, d }, g:mul { d, d }
end

local function plans(size, channels)
  local g, x, nodes, y = network(size, channels)
  local means = assert(g:plan { mode = "explain", taps = nodes, seeds = { y }, means = nodes })
  local whole = assert(g:plan { mode = "explain", taps = nodes, seeds = { y }, gradients = nodes })
  for _, plan in ipairs { means, whole } do
    assert(plan:set_input(x, normal({ 2, 3, size, size }, 3)))
    assert(plan:forward())
  end
  return means, whole, nodes, y
end

describe("means of gradients", function()
  it("are those of the gradients, to the bit", function()
    for _, size in ipairs { 6, 14 } do
      for _, channels in ipairs { 1, 5, 16, 70 } do
        local means, whole, nodes, y = plans(size, channels)
        local seed = normal(y:shape(), 4)
        for _, plan in ipairs { means, whole } do assert(assert(plan:set_seed(y, seed)):backward()) end
        for _, node in ipairs(nodes) do
          local gradient = assert(whole:gradient(node))
          local mean, magnitude = means:gradient_means(node)
          assert.is_true(mean:equal(cam.channel_weights(gradient)))
          assert.is_true(magnitude:equal(cam.channel_weights(gradient:abs())))
        end
      end
    end
  end)

  it("are zero where no seed reaches, and need less memory", function()
    local means, whole, nodes = plans(32, 16)
    assert(means:backward())
    local mean, magnitude = means:gradient_means(nodes[1])
    assert.are.same({ 2, 16, 1, 1 }, mean:shape())
    assert.is_false(mean:any() or magnitude:any())
    assert.is_true(means:memory().peak < whole:memory().peak)
  end)

  it("complain", function()
    local g = core.graph()
    local x = g:input { 2, 3 }
    local y = g:relu { x }
    assert.has_error(function() g:plan { mode = "explain", taps = { y }, seeds = { y }, means = { x } } end)
    local means, _, _, z = plans(6, 3)
    assert.has_error(function() means:gradient_means(z) end)
  end)
end)

--- A map, what follows it (made by `build`), and the means of its gradient with and without the gradient.
local function compare(case, build)
  local g = core.graph()
  local x = g:input { 2, 3, case.height, case.width }
  local a = g:conv { x, g:param(normal({ case.channels, 3, 1, 1 }, 1)), name = "a" }
  local y = build(g, a)
  local results, found = {}, false
  for i, exact in ipairs { false, true } do
    local means = assert(g:plan { mode = "explain", taps = { y, a }, seeds = { y }, means = { a }, exact = exact })
    local whole = assert(g:plan { mode = "explain", taps = { y, a }, seeds = { y }, gradients = { a }, exact = true })
    for _, plan in ipairs { means, whole } do
      assert(plan:set_input(x, normal(x:shape(), 3)))
      assert(assert(plan:forward()):set_seed(y, normal(y:shape(), 4)))
      assert(plan:backward())
    end
    local gradient = assert(whole:gradient(a))
    local mean, magnitude = means:gradient_means(a)
    local scale = cam.channel_weights(gradient:abs()):max()
    results[i] = (mean - cam.channel_weights(gradient)):abs():max() / scale
    assert.is_true(magnitude:any())
    for _, step in ipairs(means:steps()) do found = found or step.implementation == "sums:own" end
  end
  return math.max(table.unpack(results)), found
end

describe("sums of gradients", function()
  local function weights(g, shape, seed) return g:param(normal(shape, seed) * 0.2) end
  local cases = {
    pointwise = function(g, a) return g:conv { a, weights(g, { 7, 20, 1, 1 }, 5) } end,
    winograd = function(g, a) return g:relu { g:conv { a, weights(g, { 40, 20, 3, 3 }, 5), pad = 1 } } end,
    narrow = function(g, a) return g:conv { a, weights(g, { 7, 20, 3, 3 }, 5) } end,
    strided = function(g, a)
      return g:elu { g:conv { a, weights(g, { 7, 20, 5, 3 }, 5), pad = { 2, 0 }, pad_end = { 1, 3 },
        stride = { 2, 3 } } }
    end,
    dilated = function(g, a)
      return g:conv { a, weights(g, { 7, 20, 3, 3 }, 5), pad = 9, dilation = { 6, 9 } }
    end,
    upsampled = function(g, a)
      local up = g:resample { a, scale = 2, mode = "linear" }
      return g:relu { g:conv { up, weights(g, { 32, 20, 3, 3 }, 5), pad = 1 } }
    end,
    nearest = function(g, a)
      local up = g:dropout { g:resample { a, size = { 13, 40 } } }
      return g:conv { up, weights(g, { 7, 20, 3, 3 }, 5) }
    end,
    transposed = function(g, a) return g:conv_transpose { a, weights(g, { 20, 7, 2, 2 }, 5), stride = 2 } end,
    ["two users"] = function(g, a)
      local first = g:conv { a, weights(g, { 24, 20, 3, 3 }, 5), pad = 1 }
      return g:concat { first, g:conv { a, weights(g, { 9, 20, 1, 1 }, 6) } }
    end,
    joined = function(g, a)
      local skip = g:constant(normal({ 2, 16, 11, 14 }, 7))
      return g:relu { g:conv { g:concat { skip, a }, weights(g, { 33, 36, 3, 3 }, 5), pad = 1 } }
    end,
  }
  for name, build in pairs(cases) do
    it("make the means without the gradient: " .. name, function()
      local worst, found = compare({ channels = 20, height = 11, width = 14 }, build)
      assert.is_true(found)
      assert.is_true(worst < 5e-6, tostring(worst))
    end)
  end

  it("do not depend on what else is asked for", function()
    local g = core.graph()
    local x = g:input { 1, 3, 12, 12 }
    local a = g:conv { x, g:param(normal({ 8, 3, 3, 3 }, 1)), name = "a" }
    local b = g:sigmoid { g:conv { a, g:param(normal({ 8, 8, 3, 3 }, 2)) }, name = "b" }
    local sum = g:add { g:conv { b, g:param(normal({ 8, 8, 3, 3 }, 2)), pad = 1 }, b, name = "sum" }
    local c = g:resample { sum, scale = 2, name = "c" }
    local y = g:conv { c, g:param(normal({ 2, 8, 3, 3 }, 3)) }
    local nodes, first = { a, b, c, x }, {}
    for _, wish in ipairs { { a, b, c, x }, { x }, { a }, { b }, { c }, { a, c } } do
      for _, whole in ipairs { {}, { b }, { c, a } } do
        local plan = assert(g:plan { mode = "explain", taps = { y, a, b, c }, seeds = { y }, means = wish,
          gradients = whole })
        assert(plan:set_input(x, normal(x:shape(), 3)))
        assert(assert(plan:forward()):set_seed(y, normal(y:shape(), 4)))
        assert(plan:backward())
        for _, node in ipairs(wish) do
          local mean = assert(plan:gradient_means(node))
          first[node:id()] = first[node:id()] or mean
          assert.is_true(mean:equal(first[node:id()]))
        end
        for _, node in ipairs(whole) do
          local error = cam.channel_weights(plan:gradient(node)) - (first[node:id()] or 0)
          assert.is_true(error:abs():max() < 1e-5)
        end
      end
    end
    assert.are.equal(4, #nodes)
  end)
end)

describe("maps of a tap", function()
  it("are those of its activation, to the bit, for any number of questions", function()
    local means, _, nodes = plans(14, 21)
    for _, node in ipairs(nodes) do
      local activation = assert(means:value(node))
      local shape = activation:shape()
      for _, questions in ipairs { 1, 3, 8, 11 } do
        local weights = normal({ questions * shape[1], shape[2], 1, 1 }, questions)
        local maps = assert(means:maps(node, weights))
        for q = 1, questions do
          local first, last = (q - 1) * shape[1] + 1, q * shape[1]
          local one = cam.combine_channels(activation, weights:slice(1, first, last))
          assert.is_true(maps:slice(1, first, last):equal(one))
        end
      end
    end
    assert.has_error(function() means:maps(nodes[1], normal({ 2, 20, 1, 1 }, 1)) end)
  end)
end)
