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
