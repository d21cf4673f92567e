local fovea = require "fovea"

local function numbers(shape)
  local values, n = {}, 1
  for _, d in ipairs(shape) do n = n * d end
  for i = 1, n do values[i] = i end
  return fovea.tensor(shape, values)
end

--- A graph, an input that counts up, and that input's tensor.
local function start(...)
  local graph, value = fovea.graph(), numbers { ... }
  return graph, graph:input(value), value
end

local function refuses(text, method, shape, arguments)
  local graph = fovea.graph()
  arguments[1] = graph:input(shape)
  local ok, message = pcall(graph[method], graph, arguments)
  assert.is_false(ok)
  assert.is_truthy(message:find(method .. ": ", 1, true), message)
  assert.is_truthy(message:find(text, 1, true), message)
end

describe("graph.compose", function()
  it("splits an axis by sizes", function()
    local graph, x, value = start(2, 5, 3)
    local a, b, c = graph:split { x, sizes = { 1, 3, 1 }, name = "part" }
    assert.are.equal("part.2", b:name())
    assert.is_true(a:value():equal(value:slice(2, 1, 1)))
    assert.is_true(b:value():equal(value:slice(2, 2, 4)))
    assert.is_true(c:value():equal(value:slice(2, 5, 5)))
  end)

  it("splits an axis into equal parts", function()
    local graph, x, value = start(2, 5, 6)
    local parts = { graph:split { x, axis = -1, parts = 3 } }
    assert.are.equal(3, #parts)
    assert.is_true(parts[2]:value():equal(value:slice(3, 3, 4)))
    local halves = { graph:split { x, axis = "width", parts = 2 } }
    assert.are.same({ 2, 5, 3 }, halves[1]:shape())
  end)

  it("flattens", function()
    local graph, x, value = start(2, 3, 4, 5)
    assert.are.same({ 2, 60 }, graph:flatten({ x }):shape())
    assert.are.same({ 6, 20 }, graph:flatten({ x, axis = 3 }):shape())
    assert.are.same({ 1, 120 }, graph:flatten({ x, axis = 1 }):shape())
    assert.are.same({ 120, 1 }, graph:flatten({ x, axis = 5 }):shape())
    local y = graph:flatten { x, name = "flat" }
    assert.are.equal("flat", y:name())
    assert.is_true(y:value():equal(value:reshape { 2, 60 }))
  end)

  it("squeezes and unsqueezes", function()
    local graph, x = start(1, 3, 1, 4)
    assert.are.same({ 3, 4 }, graph:squeeze({ x }):shape())
    assert.are.same({ 1, 3, 4 }, graph:squeeze({ x, axes = 3 }):shape())
    assert.are.same({ 3, 4 }, graph:squeeze({ x, axes = { 1, -2 } }):shape())
    local y = graph:squeeze { x }
    assert.are.same({ 1, 3, 4 }, graph:unsqueeze({ y, axes = 1 }):shape())
    assert.are.same({ 1, 3, 4, 1 }, graph:unsqueeze({ y, axes = { 1, 4 } }):shape())
    assert.are.same({ 3, 4, 1 }, graph:unsqueeze({ y, axes = { -1 } }):shape())
    assert.are.same({ 3, 1, 1, 4 }, graph:unsqueeze({ y, axes = { 2, 3 } }):shape())
  end)

  it("tiles", function()
    local graph, x, value = start(1, 2, 3)
    local y = graph:tile { x, repeats = { 2, 1, 2 }, name = "tiled" }
    assert.are.equal("tiled", y:name())
    local wide = fovea.concat({ value, value }, 3)
    assert.is_true(y:value():equal(fovea.concat({ wide, wide }, 1)))
    assert.are.equal(x, graph:tile { x, repeats = { 1, 1, 1 } })
    graph:backward(y)
    assert.is_true(x:grad():equal(fovea.full({ 1, 2, 3 }, 4)))
  end)

  it("takes the largest value of each channel", function()
    local graph, x = start(2, 2, 3, 4)
    local y = graph:global_max_pool { x }
    assert.are.same({ 2, 2, 1, 1 }, y:shape())
    assert.are.same({ 12, 24, 36, 48 }, y:value():values())
    graph:backward(y)
    assert.are.equal(4, x:grad():sum())
    assert.are.equal(1, x:grad()(2, 1, 3, 4))
  end)

  it("names what does not fit", function()
    refuses("1x4x8x8", "split", { 1, 4, 8, 8 }, { parts = 3 })
    refuses("sizes 1,2 do not add up to 4", "split", { 1, 4, 8, 8 }, { sizes = { 1, 2 } })
    refuses("'sizes' and 'parts'", "split", { 1, 4 }, {})
    refuses("positive integers, not 0", "split", { 1, 4 }, { sizes = { 4, 0 } })
    refuses("positive integers, not 1.5", "split", { 1, 4 }, { parts = 1.5 })
    refuses("axis 3 does not exist in 2", "split", { 1, 4 }, { axis = 3, parts = 1 })
    refuses("did you mean 'parts'", "split", { 1, 4 }, { part = 2 })
    refuses("axis 4 does not exist", "flatten", { 1, 4 }, { axis = 4 })
    refuses("1x4: axis 2 is not 1", "squeeze", { 1, 4 }, { axes = 2 })
    refuses("'axes' is required", "unsqueeze", { 1, 4 }, {})
    refuses("named twice", "unsqueeze", { 1, 4 }, { axes = { 1, 1 } })
    refuses("one entry per axis of src, 1x4", "tile", { 1, 4 }, { repeats = { 2 } })
    refuses("positive integers, not 0", "tile", { 1, 4 }, { repeats = { 2, 0 } })
    refuses("1x4: it needs spatial axes", "global_max_pool", { 1, 4 }, {})
    refuses("takes one source, not 2", "flatten", { 1, 4 }, { nil, fovea.graph():input { 1 } })
    local graph = fovea.graph()
    assert.has_error(function() graph:flatten(3) end)
    assert.has_error(function() graph:flatten { 3 } end)
  end)
end)
