local fovea = require "fovea"

local function matches(text, f, ...)
  local ok, message = pcall(f, ...)
  assert.is_false(ok)
  assert.is_truthy(message:find(text, 1, true), message)
end

describe("graph.session", function()
  it("computes values when asked for", function()
    local graph = fovea.graph()
    local x = graph:input(fovea.tensor { { -1, 2 }, { 3, -4 } }, { name = "x" })
    local y = graph:relu { x }
    assert.are.equal("x", x:name())
    assert.are.same({ 0, 2, 3, 0 }, y:value():values())
    assert.are.same({ -1, 2, 3, -4 }, x:value():values())
  end)

  it("follows a growing graph and new inputs", function()
    local graph = fovea.graph()
    local x = graph:input { 2 }
    x:set_value(fovea.tensor { 1, -2 })
    local y = graph:relu { x }
    assert.are.same({ 1, 0 }, y:value():values())
    local z = graph:add { y, graph:constant(fovea.tensor { 10, 20 }) }
    assert.are.same({ 11, 20 }, z:value():values())
    x:set_value(fovea.tensor { -1, 5 })
    assert.are.same({ 10, 25 }, z:value():values())
  end)

  it("returns the values of several nodes from one pass", function()
    local graph = fovea.graph()
    local x = graph:input(fovea.tensor { 4, 9 })
    local a, b = graph:forward(graph:sqrt { x }, graph:neg { x })
    assert.are.same({ 2, 3 }, a:values())
    assert.are.same({ -4, -9 }, b:values())
  end)

  it("gives gradients of inputs, parameters and inner nodes", function()
    local graph = fovea.graph()
    local x, w = graph:input(fovea.tensor { 2, 3 }), graph:param(fovea.tensor { 5, 7 })
    local product = graph:mul { x, w }
    local y = graph:neg { product }
    local aside = graph:relu { x }
    assert.are.equal(graph, graph:backward(y))
    assert.are.same({ -5, -7 }, x:grad():values())
    assert.are.same({ -2, -3 }, w:grad():values())
    assert.are.same({ -1, -1 }, product:grad():values())
    assert.are.same({ 0, 0 }, aside:grad():values())
  end)

  it("takes a seed, and another node to start from", function()
    local graph = fovea.graph()
    local x = graph:input(fovea.tensor { 2, 3 })
    local y = graph:neg { x }
    local z = graph:mul { y, y }
    graph:backward(z, fovea.tensor { 1, 10 })
    assert.are.same({ 4, 60 }, x:grad():values())
    graph:backward(y, 2)
    assert.are.same({ -2, -2 }, x:grad():values())
    assert.are.same({ 0, 0 }, z:grad():values())
  end)

  it("lets a graph and its session be collected together", function()
    local weak = setmetatable({}, { __mode = "k" })
    do
      local graph = fovea.graph()
      local x = graph:input(fovea.full({ 1000 }, 1))
      graph:backward(graph:relu { x })
      weak[graph] = true
    end
    collectgarbage()
    collectgarbage()
    assert.is_nil(next(weak))
  end)

  it("names what does not fit", function()
    local graph = fovea.graph()
    matches("the graph has no nodes", graph.forward, graph)
    local x = graph:input({ 2 }, { name = "signal" })
    local y = graph:relu { x }
    local constant = graph:constant(fovea.tensor { 1 })
    matches("input 'signal' has no value", y.value, y)
    matches("'signal' is 2, the tensor is 3", x.set_value, x, fovea.zeros { 3 })
    matches("is a relu, not an input", y.set_value, y, fovea.zeros { 2 })
    matches("a tensor is expected, not a number", x.set_value, x, 3)
    x:set_value(fovea.zeros { 2 })
    matches("call graph:backward(node) first", x.grad, x)
    matches("is a constant", constant.grad, constant)
    matches("a node is expected, not a nil", graph.backward, graph)
    matches("the tensor is 3", graph.backward, graph, y, fovea.zeros { 3 })
    graph:backward(y)
    local z = graph:relu { y }
    matches("call graph:backward(node) first", z.grad, z)
  end)
end)
