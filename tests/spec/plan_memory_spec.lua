-- Memory of plans: known before anything runs, and kept within a budget.
local core = require "fovea.core"
local fovea = require "fovea"

--- A network with its plan for gradients of two layers.
local function network(name, options, shape)
  local model = assert(fovea.arch.model(name, options, nil, { input_shape = shape, seed = 3 }))
  local instance = assert(model:at(shape))
  local logits, layers = model:output(instance).logits, model:candidate_layers()
  local nodes = { instance.nodes[layers[1]], instance.nodes[layers[#layers]] }
  return { shape = shape, instance = instance, logits = logits, nodes = nodes, plan = function(memory)
    return instance.graph:plan { mode = "explain", taps = { logits, table.unpack(nodes) }, seeds = { logits },
      gradients = nodes, memory = memory }
  end }
end

--- Hashes of everything a plan gives, for two seeds after one forward pass.
local function results(net, plan)
  local found = {}
  assert(plan:set_input(net.instance.input, fovea.uniform(net.shape, { seed = 1, min = -1, max = 1 })))
  assert(plan:forward())
  for seed = 1, 2 do
    assert(plan:set_seed(net.logits, fovea.uniform(net.logits:shape(), { seed = seed, min = -1, max = 1 })))
    assert(plan:backward())
    for _, node in ipairs(net.nodes) do found[#found + 1] = plan:gradient(node):hash() end
  end
  for _, node in ipairs(net.nodes) do found[#found + 1] = plan:value(node):hash() end
  return found
end

local CASES = {
  { "unet", { width = 8, depth = 4 }, { 1, 3, 96, 96 } },
  { "r2unet", { width = 4, depth = 3 }, { 1, 3, 64, 64 } },
  { "mcgunet", { width = 4 }, { 1, 3, 48, 48 } },
  { "m2unet", {}, { 1, 3, 64, 96 } }, -- clips, and convolutions by channel
  { "unetpp", { width = 8, depth = 4 }, { 1, 3, 64, 64 } },
}

describe("plan memory", function()
  for _, case in ipairs(CASES) do
    it("gets smaller step by step, with the same bits by the same convolutions: " .. case[1], function()
      local net = network(table.unpack(case))
      local plan = assert(net.plan())
      local want, use, tried = results(net, plan), plan:memory(), 0
      while true do
        local less, message, code = net.plan(use.peak - 1)
        if not less then
          assert.are.equal("memory", code)
          local needs = math.tointeger(tonumber(message:match "needs (%d+) MiB"))
          assert.are.equal((use.peak + (1 << 20) - 1) >> 20, needs)
          break
        end
        assert.is_true(less:memory().peak < use.peak)
        use, tried = less:memory(), tried + 1
        local found = results(net, less)
        if not use.exact then assert.are.same(want, found) end
      end
      assert.is_true(tried > 0 or case[1] ~= "mcgunet") -- where bits do not suffice
      assert.are.same(use, assert(net.plan(use.peak)):memory())
    end)
  end

  it("is refused before anything big is allocated", function()
    local net = network("unet", { width = 32 }, { 1, 3, 128, 128 })
    collectgarbage()
    collectgarbage "stop"
    local before = core.memory_in_use()
    local plan, message, code = net.plan(1 << 20)
    assert.are.equal(before, core.memory_in_use())
    collectgarbage "restart"
    assert.is_nil(plan)
    assert.are.equal("memory", code)
    assert.is_truthy(message:find("1 MiB are allowed", 1, true))
  end)

  it("counts weights, packed weights, activations and scratch", function()
    local g = core.graph()
    local x = g:input { 1, 16, 32, 32 }
    local w = g:param(fovea.full({ 16, 16, 3, 3 }, 0.1))
    local y = g:conv { x, w, pad = 1 }
    local use = assert(g:plan { taps = { y } }):memory()
    assert.are.equal(16 * 16 * 9 * 4, use.weights)
    assert.is_true(use.peak >= use.weights + use.packed + use.arena)
    assert.is_true(use.arena >= 2 * 16 * 32 * 32 * 4)
  end)

  it("holds no copies of weights that a normalisation scales", function()
    local g = core.graph()
    local x, weights, norm = g:input { 1, 64, 48, 48 }, fovea.uniform({ 64, 64, 3, 3 }, { seed = 1 }), {}
    for i = 1, 4 do norm[i] = g:param(fovea.uniform({ 64 }, { seed = i, min = 0.5, max = 1 })) end
    local y = g:batch_norm { g:conv { x, g:param(weights), pad = 1 }, table.unpack(norm) }
    local z = g:relu { y }
    local raw = 4 * (weights:count() + 4 * 64)
    for _, exact in ipairs { false, true } do
      collectgarbage()
      local before = core.memory_in_use()
      local plan = assert(g:plan { mode = "explain", taps = { z }, seeds = { z }, gradients = { x }, exact = exact })
      local use = plan:memory()
      assert.are.equal(raw + 4 * 64, use.weights) -- and the bias that folding makes
      assert.are.equal(exact, use.packed > 0)
      plan:set_input(x, fovea.uniform(x:shape(), { seed = 5 }))
      plan:forward():set_seed(z, fovea.full(z:shape(), 1)):backward()
      collectgarbage()
      assert.is_true(core.memory_in_use() - before <= use.peak - raw + 4096)
      plan:close()
    end
  end)

  it("computes nothing that nobody reads", function()
    local g = core.graph()
    local x = g:input { 1, 4, 8, 8 }
    local a = g:conv { x, g:param(fovea.uniform({ 4, 4, 3, 3 }, { seed = 1 })), pad = 1 }
    local b = g:conv { a, g:param(fovea.uniform({ 4, 4, 3, 3 }, { seed = 2 })), pad = 1 }
    local plan = assert(g:plan { mode = "explain", taps = { a }, seeds = { b }, gradients = { a } })
    for _, step in ipairs(plan:steps()) do
      assert.is_false(step.node == b:name() and step.phase == "forward" and step.macs > 0)
    end
    plan:set_input(x, fovea.uniform(x:shape(), { seed = 3 }))
    plan:forward():set_seed(b, fovea.full(b:shape(), 1))
    assert.is_true(plan:backward():gradient(a):abs():max() > 0)
  end)

  it("refuses a budget that is none", function()
    local g = core.graph()
    local x = g:input { 1, 4, 8, 8 }
    assert.has_error(function() g:plan { taps = { g:relu { x } }, memory = -1 } end,
      "plan: option 'memory' must not be negative")
  end)
end)
