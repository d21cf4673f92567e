-- Plans of which inner values are given: nothing before them is computed, boxes of them can be set.
local core = require "fovea.core"
local fovea = require "fovea"

local function weights(g, seed, shape) return g:param(fovea.uniform(shape, { seed = seed, min = -0.3, max = 0.3 })) end

--- Two convolutions with a skip connection: x -> a -> b -> y, with a added at the end.
local function network()
  local g = core.graph()
  local x = g:input { 2, 3, 9, 7 }
  local a = g:relu { g:conv { x, weights(g, 1, { 8, 3, 3, 3 }), pad = 1, name = "a.conv" }, name = "a" }
  local b = g:relu { g:conv { a, weights(g, 2, { 8, 8, 3, 3 }), pad = 1, name = "b.conv" }, name = "b" }
  local y = g:add { g:conv { b, weights(g, 3, { 8, 8, 3, 3 }), pad = 1 }, a, name = "y" }
  return g, { x = x, a = a, b = b, y = y }
end

local input = fovea.uniform({ 2, 3, 9, 7 }, { seed = 5, min = -1, max = 1 })

local function whole(g, n, options)
  options = options or {}
  local plan = assert(g:plan { mode = options.mode, taps = { n.a, n.b, n.y }, seeds = options.seeds,
    gradients = options.gradients, fold = options.fold })
  plan:set_input(n.x, input)
  plan:forward()
  return plan
end

describe("plan with given values", function()
  it("computes what comes after them and nothing else", function()
    local g, n = network()
    local plan = whole(g, n)
    local rest = assert(g:plan { taps = { n.y }, given = { n.a } })
    rest:set_input(n.a, plan:value(n.a))
    assert.is_true(rest:forward():value(n.y):equal(plan:value(n.y)))
    for _, step in ipairs(rest:steps()) do assert.is_nil(step.node:find "^a") end
    assert.has_error(function() rest:set_input(n.x, input) end,
      "set_input: the plan does not use node '" .. n.x:name() .. "'")
    assert.has_error(function() rest:set_input(n.b, plan:value(n.b)) end, "set_input: node 'b' is not an input")
  end)

  it("keep them from run to run, also where a sum could be made in their place", function()
    local g, n = network()
    for _, fold in ipairs { true, false } do
      local plan = whole(g, n, { fold = fold })
      local rest = assert(g:plan { taps = { n.y }, given = { n.a, n.b }, fold = fold })
      rest:set_input(n.a, plan:value(n.a)):set_input(n.b, plan:value(n.b))
      for _ = 1, 3 do assert.is_true(rest:forward():value(n.y):equal(plan:value(n.y))) end
      assert.is_true(rest:value(n.y):equal(plan:value(n.y)))
    end
  end)

  it("can be read, and nothing need be computed", function()
    local g, n = network()
    local rest = assert(g:plan { taps = { n.a }, given = { n.a } })
    local value = fovea.uniform(n.a:shape(), { seed = 6 })
    assert.is_true(rest:set_input(n.a, value):forward():value(n.a):equal(value))
    assert.are.equal(0, #rest:steps())
  end)

  it("end the backward pass", function()
    local g, n = network()
    local options = { mode = "explain", seeds = { n.y }, gradients = { n.a } }
    local plan, seed = whole(g, n, options), fovea.uniform(n.y:shape(), { seed = 7, min = -1, max = 1 })
    plan:set_seed(n.y, seed):backward()
    options.taps, options.given = { n.y }, { n.a }
    local rest = assert(g:plan(options))
    rest:set_input(n.a, plan:value(n.a)):forward():set_seed(n.y, seed):backward()
    assert.is_true((rest:gradient(n.a) - plan:gradient(n.a)):abs():max() < 1e-6)
  end)

  it("can be set in parts", function()
    local g, n = network()
    local plan = whole(g, n)
    local rest = assert(g:plan { taps = { n.a, n.y }, given = { n.a } })
    local patch = fovea.uniform({ 1, 8, 5, 4 }, { seed = 8 })
    local wanted = plan:value(n.a):copy()
    rest:set_input(n.a, wanted)
    rest:set_part(n.a, 2, { 4, 3 }, { 3, 2 }, patch, 1, { 2, 3 })
    for c = 1, 8 do
      for y = 0, 2 do
        for x = 0, 1 do wanted:set(2, c, 4 + y, 3 + x, patch:get(1, c, 2 + y, 3 + x)) end
      end
    end
    local other = assert(g:plan { taps = { n.y }, given = { n.a } })
    other:set_input(n.a, wanted):forward()
    rest:forward()
    assert.is_true(rest:value(n.a):equal(wanted))
    assert.is_true(rest:value(n.y):equal(other:value(n.y)))
  end)

  it("refuse boxes that do not fit", function()
    local g, n = network()
    local rest, patch = assert(g:plan { taps = { n.y }, given = { n.a } }), fovea.zeros { 1, 8, 5, 4 }
    local function refused(pattern, ...)
      local ok, message = pcall(rest.set_part, rest, n.a, ...)
      assert.is_false(ok)
      assert.matches(pattern, message)
    end
    refused("the box does not fit", 3, { 1, 1 }, { 1, 1 }, patch, 1, { 1, 1 })
    refused("the box does not fit", 1, { 8, 1 }, { 3, 1 }, patch, 1, { 1, 1 })
    refused("the box does not fit", 1, { 1, 1 }, { 3, 1 }, patch, 1, { 4, 1 })
    refused("the box does not fit", 1, { 0, 1 }, { 3, 1 }, patch, 1, { 1, 1 })
    refused("2 spatial axes", 1, { 1 }, { 3, 1 }, patch, 1, { 1, 1 })
    refused("the tensor is 1x7x5x4", 1, { 1, 1 }, { 1, 1 }, fovea.zeros { 1, 7, 5, 4 }, 1, { 1, 1 })
  end)

  it("are no parameters", function()
    local g, n = network()
    local w = n.b:sources()[1]:sources()[2]
    assert.has_error(function() g:plan { taps = { n.y }, given = { w } } end)
  end)

  it("serve volumes", function()
    local g = core.graph()
    local x = g:input { 1, 2, 4, 5, 6 }
    local a = g:conv { x, weights(g, 1, { 3, 2, 3, 3, 3 }), pad = 1 }
    local y = g:conv { a, weights(g, 2, { 2, 3, 3, 3, 3 }), pad = 1 }
    local rest = assert(g:plan { taps = { a, y }, given = { a } })
    local patch = fovea.uniform({ 1, 3, 4, 5, 6 }, { seed = 3 })
    rest:set_input(a, fovea.zeros { 1, 3, 4, 5, 6 })
    rest:set_part(a, 1, { 2, 3, 4 }, { 2, 1, 2 }, patch, 1, { 1, 2, 3 })
    rest:forward()
    local value = rest:value(a)
    assert.are.equal(patch:get(1, 2, 2, 2, 4), value:get(1, 2, 3, 3, 5))
    assert.are.equal(0, value:get(1, 2, 1, 3, 5))
    assert.are.equal(3 * 4, value:count_nonzero())
  end)
end)

describe("nodes", function()
  it("tell their options, and are made again on other sources in another graph", function()
    local g = core.graph()
    local x = g:input { 1, 4, 9, 9 }
    local y = g:conv { x, weights(g, 1, { 4, 2, 3, 3 }), stride = { 2, 1 }, pad = 1, groups = 2 }
    local options = y:options()
    assert.are.same({ 2, 1 }, options.stride)
    assert.are.equal(2, options.groups)
    assert.are.equal("none", options.activation)
    assert.are.equal(2, g:concat { x, x, axis = 2 }:options().axis)
    local other = core.graph()
    local again = y:again({ other:input { 2, 4, 5, 6 }, weights(other, 1, { 4, 2, 3, 3 }) }, "again")
    assert.are.same({ 2, 4, 3, 6 }, again:shape())
    assert.are.equal("again", again:name())
  end)
end)

describe("plans beside each other", function()
  it("give what they give alone", function()
    local before, plans, alone = fovea.threads(), {}, {}
    fovea.threads(1)
    for i = 1, 3 do
      local g, n = network()
      local plan = assert(g:plan { taps = { n.y } })
      plan:set_input(n.x, input * i):forward()
      alone[i] = plan:value(n.y)
      plans[i] = { plan = assert(g:plan { taps = { n.y } }), y = n.y }
      plans[i].plan:set_input(n.x, input * i)
    end
    fovea.threads(before)
    for _ = 1, 2 do
      assert.is_true(core.forward_plans { plans[1].plan, plans[2].plan, plans[3].plan })
      for i = 1, 3 do assert.is_true(plans[i].plan:value(plans[i].y):equal(alone[i])) end
    end
    assert.has_error(function() core.forward_plans { plans[1].plan, plans[1].plan } end)
    assert.is_true(core.forward_plans {})
  end)
end)

describe("plans with given values", function()
  it("free what they hold when memory runs out", function()
    local sweep = require "support.alloc_sweep"
    local g, n = network()
    local value = fovea.uniform(n.a:shape(), { seed = 6 })
    assert.is_true(sweep(function() return g:plan { taps = { n.y }, given = { n.a } } end) > 10)
    local plan = assert(g:plan { taps = { n.y }, given = { n.a } })
    local other = assert(g:plan { taps = { n.b }, given = { n.a } })
    plan:set_input(n.a, value):forward()
    other:set_input(n.a, value):forward()
    assert.is_true(sweep(function() return core.forward_plans { plan, other } end) > 0)
  end)
end)
