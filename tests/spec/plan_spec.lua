-- Graphs and plans: fan-out, shared weights, repeated passes, taps, errors, memory.
local core = require "fovea.core"
local fovea = require "fovea"

local function ones(shape) return fovea.full(shape, 1) end

--- Depthwise 1x1 convolution by a factor: y = factor x, channels last.
local function scale(g, x, factor, name)
  local c = x:shape()[2]
  return g:conv { x, g:param(fovea.full({ c, 1, 1, 1 }, factor)), groups = c, name = name }
end

describe("plan", function()
  it("adds the gradients of a node with several users", function()
    local g = core.graph()
    local x = g:input { 1, 2, 3, 4 }
    local a = scale(g, x, 2, "a")
    local y = g:concat { scale(g, a, 3), scale(g, a, 5), a }
    local plan = assert(g:plan { mode = "explain", taps = { y, a }, seeds = { y }, gradients = { x, a } })
    local input = fovea.uniform({ 1, 2, 3, 4 }, { seed = 1 })
    plan:set_input(x, input)
    plan:forward()
    plan:set_seed(y, ones { 1, 6, 3, 4 })
    plan:backward()
    assert.is_true(plan:gradient(a):equal(fovea.full({ 1, 2, 3, 4 }, 9)))
    assert.is_true(plan:gradient(x):equal(fovea.full({ 1, 2, 3, 4 }, 18)))
    assert.is_true(plan:value(a):equal(input * 2))
  end)

  it("shares weights between nodes and adds up their gradients", function()
    local g = core.graph()
    local x = g:input { 1, 1, 1, 2 }
    local w = g:param(fovea.tensor({ 1, 1, 1, 1 }, { 3 }))
    local y = g:conv { g:conv { x, w }, w }
    local plan = assert(g:plan { mode = "explain", taps = { y }, seeds = { y }, gradients = { w, x } })
    plan:set_input(x, fovea.tensor({ 1, 1, 1, 2 }, { 1, 10 }))
    plan:forward():set_seed(y, ones { 1, 1, 1, 2 })
    plan:backward()
    assert.are.same({ 9, 90 }, plan:value(y):values())
    assert.are.same({ 66 }, plan:gradient(w):values()) -- d(w w x)/dw = 2 w sum(x)
    assert.are.same({ 9, 9 }, plan:gradient(x):values())
  end)

  it("runs backward again and again after one forward pass", function()
    local g = core.graph()
    local x = g:input { 1, 3, 8, 8 }
    local nodes = { x }
    for i = 1, 6 do
      local w = g:param(fovea.uniform({ 3, 3, 3, 3 }, { seed = i, min = -0.3, max = 0.3 }))
      nodes[i + 1] = g:conv { nodes[i], w, pad = 1 }
    end
    local y = nodes[7]
    local plan = assert(g:plan { mode = "explain", taps = { y }, seeds = { y }, gradients = { x, nodes[3] } })
    plan:set_input(x, fovea.uniform({ 1, 3, 8, 8 }, { seed = 9 }))
    plan:forward()
    local first
    for seed = 1, 4 do
      plan:set_seed(y, fovea.uniform({ 1, 3, 8, 8 }, { seed = seed % 2, min = -1, max = 1 }))
      plan:backward()
      local hash = plan:gradient(x):hash()
      first = first or hash
      if seed == 3 then assert.are.equal(first, hash) end
    end
    local value = plan:value(y):hash()
    plan:forward()
    assert.are.equal(value, plan:value(y):hash())
  end)

  it("emits no gradient below the deepest wanted layer", function()
    local g = core.graph()
    local x = g:input { 1, 2, 4, 4 }
    local a, b, y = nil, nil, nil
    a = scale(g, x, 2, "a")
    b = scale(g, a, 2, "b")
    y = scale(g, b, 2, "y")
    local plan = assert(g:plan { mode = "explain", taps = { y }, seeds = { y }, gradients = { b } })
    for _, step in ipairs(plan:steps()) do
      if step.phase == "backward" then assert.are.equal("y", step.node) end
    end
  end)

  it("gives zeros where no seed depends on a node", function()
    local g = core.graph()
    local x = g:input { 1, 2, 2, 2 }
    local a, b = scale(g, x, 2), scale(g, x, 3)
    local plan = assert(g:plan { mode = "explain", taps = { a, b }, seeds = { a }, gradients = { b } })
    plan:set_input(x, ones { 1, 2, 2, 2 })
    plan:forward():set_seed(a, ones { 1, 2, 2, 2 })
    plan:backward()
    assert.are.equal(0, plan:gradient(b):abs():max())
  end)

  it("forgets the seeds of the run before", function()
    local g = core.graph()
    local x = g:input { 1, 1, 1, 1 }
    local a = scale(g, x, 2)
    local b = scale(g, a, 3)
    local plan = assert(g:plan { mode = "explain", taps = { b }, seeds = { a, b }, gradients = { x } })
    plan:set_input(x, ones { 1, 1, 1, 1 })
    plan:forward():set_seed(b, ones { 1, 1, 1, 1 })
    plan:backward()
    assert.are.equal(6, plan:gradient(x):item())
    plan:set_seed(a, ones { 1, 1, 1, 1 })
    plan:backward()
    assert.are.equal(8, plan:gradient(x):item())
    plan:forward():backward()
    assert.are.equal(0, plan:gradient(x):item())
  end)

  it("reuses memory: a long chain needs little more than its widest place", function()
    local function arena(depth, mode)
      local g = core.graph()
      local x = g:input { 1, 8, 32, 32 }
      local y = x
      for _ = 1, depth do y = scale(g, y, 1) end
      local explain = mode == "explain" and { y } or nil
      return assert(g:plan { mode = mode, taps = { y }, seeds = explain, gradients = explain and { x } })
        :memory().arena
    end
    local buffer = 8 * 32 * 32 * 4
    assert.is_true(arena(20, "infer") <= 5 * buffer)
    assert.are.equal(arena(20, "infer"), arena(5, "infer"))
  end)

  it("works in place, but never over what is read later", function()
    local g = core.graph()
    local x = g:input { 1, 8, 32, 32 }
    local y = scale(g, x, 1)
    for _ = 1, 6 do y = g:add { g:sigmoid { y }, x } end
    local buffer = 8 * 32 * 32 * 4
    local plan = assert(g:plan { taps = { y } })
    assert.is_true(plan:memory().arena <= 4 * buffer) -- input, its channels-last copy, one that changes
    local input = fovea.uniform({ 1, 8, 32, 32 }, { seed = 1 })
    plan:set_input(x, input)
    local want = input
    for _ = 1, 6 do want = want:sigmoid() + input end
    for _ = 1, 2 do assert.is_true((plan:forward():value(y) - want):abs():max() < 1e-6) end
    local a = g:relu { scale(g, x, 2) }
    local b = g:neg { a }
    local c = g:add { g:exp { b }, a }
    local explain = assert(g:plan { mode = "explain", taps = { c, b }, seeds = { c, b }, gradients = { x, a } })
    explain:set_input(x, input)
    explain:forward():set_seed(c, ones { 1, 8, 32, 32 })
    for _ = 1, 2 do
      explain:backward()
      local slope = 1 - (input * -2):exp()
      assert.is_true((explain:gradient(a) - slope):abs():max() < 1e-6)
      assert.is_true((explain:gradient(x) - slope * 2):abs():max() < 1e-6)
      assert.is_true((explain:value(b) + input * 2):abs():max() < 1e-6)
    end
  end)

  it("keeps working when the graph grows afterwards, and after the graph is closed", function()
    local g = core.graph()
    local x = g:input { 1, 1, 2, 2 }
    local a = scale(g, x, 2)
    local plan = assert(g:plan { taps = { a } })
    local b = scale(g, a, 2, "late")
    plan:set_input(x, ones { 1, 1, 2, 2 })
    assert.are.equal(8, plan:forward():value(a):sum())
    assert.has_error(function() plan:value(b) end, "value: node 'late' is not in the plan's graph")
  end)

  it("says what is wrong", function()
    local g = core.graph()
    local x = g:input({ 1, 1, 2, 2 }, { name = "image" })
    local y = scale(g, x, 2, "y")
    assert.has_error(function() g:plan {} end, "plan: no node to compute")
    assert.has_error(function() g:plan { taps = { y }, mode = "infer", gradients = { x } } end,
      "plan: mode 'infer' has no gradients")
    local plan = g:plan { taps = { y } }
    local ok, message = pcall(plan.set_input, plan, x, fovea.zeros { 1, 1, 2, 3 })
    assert.is_false(ok)
    assert.is_truthy(message:find("1x1x2x2", 1, true) and message:find("1x1x2x3", 1, true))
    assert.is_false(pcall(plan.value, plan, y))
    assert.is_false(pcall(plan.backward, plan))
    local other = core.graph():input { 1 }
    assert.is_false(pcall(plan.set_input, plan, other, fovea.zeros { 1 }))
    assert.is_false(pcall(g.conv, g, { x, other }))
  end)

  it("survives any failing allocation", function()
    local g = core.graph()
    local x = g:input { 1, 2, 4, 4 }
    local y = g:concat { scale(g, x, 2), scale(g, x, 3) }
    local spec = { mode = "explain", taps = { y }, seeds = { y }, gradients = { x } }
    local made
    for n = 0, 400 do
      core.alloc_fail_at(n)
      local plan, _, code = g:plan(spec)
      core.alloc_fail_at(-1)
      if plan then made = n break end
      assert.are.equal("memory", code)
    end
    assert.is_truthy(made and made > 20)
  end)
end)
