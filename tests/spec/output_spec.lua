local core = require "fovea.core"
local fovea = require "fovea"
local output = require "fovea.output"

describe("output", function()
  local graph, z

  before_each(function()
    graph = core.graph()
    z = graph:input({ 1, 2, 3, 3 }, { name = "z" })
  end)

  it("looks through a sigmoid, a softmax, a log-softmax and identities to the logits", function()
    for op, activation in pairs { sigmoid = "sigmoid", softmax = "softmax", log_softmax = "softmax" } do
      local found = output.find(graph, "mask", graph:identity { graph[op](graph, { z }) })
      assert.equal(z, found.logits)
      assert.equal(activation, found.activation)
      assert.is_true(found.in_graph)
    end
  end)

  it("joins the logits of several heads", function()
    local a, b = graph:identity { z, name = "a" }, graph:identity { z, name = "b" }
    local found = output.find(graph, "masks", graph:concat { graph:sigmoid { a }, graph:sigmoid { b }, axis = 2 })
    assert.equal("concat", found.logits:kind())
    assert.equal("a", found.logits:sources()[1]:name())
    assert.equal("sigmoid", found.activation)
  end)

  it("looks through slices, reshapes and transpositions behind an activation", function()
    local second = graph:slice { graph:sigmoid { z }, axis = 2, first = 2, last = 2 }
    local moved = graph:reshape { second, shape = { 1, 1, 9 } }
    local found = output.find(graph, "mask", moved)
    assert.equal("sigmoid", found.activation)
    assert.same({ 1, 1, 9 }, found.logits:shape())
    local plan = assert(graph:plan { taps = { moved, found.logits } })
    plan:set_input(z, fovea.uniform({ 1, 2, 3, 3 }, { seed = 1, min = -2, max = 2 }))
    plan:forward()
    assert.is_true((plan:value(found.logits):sigmoid() - plan:value(moved)):abs():max() < 1e-6)
    found = output.find(graph, "foreground", graph:slice { graph:softmax { z }, axis = 2, first = 2, last = 2 })
    assert.same({ "softmax", true }, { found.activation, found.in_graph })
    assert.equal(z, found.logits)
  end)

  it("takes other outputs for logits: of a sigmoid with one channel, of a softmax with more", function()
    local found = output.find(graph, "z", z)
    assert.same({ "softmax", false }, { found.activation, found.in_graph })
    assert.equal(z, found.logits)
    found = output.find(graph, "one", graph:slice { z, axis = 2, first = 1, last = 1 })
    assert.equal("sigmoid", found.activation)
  end)

  it("makes probabilities of logits", function()
    local t = fovea.tensor({ 1, 2, 1, 1 }, { 0, math.log(3) })
    assert.near(0.75, output.probabilities(t, "softmax"):get(1, 2, 1, 1), 1e-6)
    assert.near(0.5, output.probabilities(t, "sigmoid"):get(1, 1, 1, 1), 1e-6)
    assert.equal(t, output.probabilities(t, "none"))
    assert.has_error(function() output.activation({ activation = "none" }, "soft") end)
  end)
end)
