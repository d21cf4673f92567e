-- Plans that compute groups of element-wise nodes as one expression give what plans give that do not.
local core = require "fovea.core"
local fovea = require "fovea"

--- Brings a node into channels-last layout: a depthwise convolution by 1.
local function channels_last(g, x)
  local kernel = { x:shape()[2], 1 }
  for i = 3, #x:shape() do kernel[i] = 1 end
  return g:conv { x, g:constant(fovea.full(kernel, 1)), groups = x:shape()[2] }
end

--- Outputs and gradients of build(g, sources...) with and without folding; returns the folded steps by op.
local function compare(shapes, build, last, looked_at)
  local g, inputs, sources = core.graph(), {}, {}
  for i, shape in ipairs(shapes) do
    inputs[i] = g:input(shape)
    sources[i] = last and channels_last(g, inputs[i]) or inputs[i]
  end
  local y, other = build(g, table.unpack(sources))
  local taps = { y, looked_at and other or nil }
  local results, kinds = {}, {}
  for i, fold in ipairs { true, false } do
    local plan = assert(g:plan { mode = "explain", taps = taps, seeds = { y }, gradients = inputs, fold = fold })
    for k, input in ipairs(inputs) do
      plan:set_input(input, fovea.uniform(shapes[k], { seed = k, min = -1.5, max = 1.5 }))
    end
    plan:forward():set_seed(y, fovea.uniform(y:shape(), { seed = 9, min = -1, max = 1 }))
    plan:backward():backward()
    results[i] = {}
    for _, tap in ipairs(taps) do table.insert(results[i], plan:value(tap)) end
    for _, input in ipairs(inputs) do table.insert(results[i], plan:gradient(input)) end
    if fold then
      for _, step in ipairs(plan:steps()) do kinds[step.op] = (kinds[step.op] or 0) + 1 end
    end
  end
  for i, want in ipairs(results[2]) do
    local off = (want - results[1][i]):abs():max() / math.max(want:abs():max(), 1e-3)
    assert.is_true(off < 2e-6, ("result %d is off by %g"):format(i, off))
  end
  return kinds
end

local function part(g, x, k, n) return g:slice { x, axis = 2, first = (k - 1) * n + 1, last = k * n } end

--- One step of a ConvLSTM over its convolved gates; the forget gate is not used when there is no cell.
local function lstm(g, z, cell, n)
  local function gate(k) return g:hard_sigmoid { part(g, z, k, n), alpha = 0.2, beta = 0.5 } end
  local next_cell = g:mul { gate(1), g:tanh { part(g, z, 3, n) } }
  if cell then next_cell = g:add { g:mul { gate(2), cell }, next_cell } end
  return g:mul { gate(4), g:tanh { next_cell } }, next_cell
end

local FUNCTIONS = {
  neg = { "neg" }, relu = { "relu" }, sigmoid = { "sigmoid" }, tanh = { "tanh" },
  clip = { "clip", min = -0.3, max = 0.9 }, hard_sigmoid = { "hard_sigmoid", alpha = 0.3, beta = 0.4 },
}

describe("expression", function()
  for name, call in pairs(FUNCTIONS) do
    it("computes " .. name, function()
      for _, last in ipairs { false, true } do
        local kinds = compare({ { 2, 5, 6, 7 }, { 2, 5, 6, 7 } }, function(g, a, b)
          local inner = g[call[1]](g, { a, min = call.min, max = call.max, alpha = call.alpha, beta = call.beta })
          return g:sub { g:mul { inner, b }, g:add { a, b } }
        end, last)
        assert.is_truthy(kinds.expression)
        assert.is_nil(kinds[name])
      end
    end)
  end

  it("computes steps of a ConvLSTM from slices that are not built", function()
    for _, shape in ipairs { { 2, 12, 5, 6 }, { 1, 512, 2, 3 }, { 1, 12, 40, 50 }, { 2, 8, 3, 4, 5 }, { 3, 20 } } do
      local n = shape[2] // 4
      local small = { shape[1], n, table.unpack(shape, 3) }
      for _, last in ipairs { false, #shape > 2 } do
        local kinds = compare({ shape, small }, function(g, z, cell) return (lstm(g, z, cell, n)) end, last)
        assert.is_nil(kinds.slice)
        assert.is_nil(kinds.tanh)
        compare({ shape }, function(g, z)
          local h, cell = lstm(g, z, nil, n)
          return g:add { h, g:neg { cell } }
        end, last)
      end
    end
  end)

  it("leaves what somebody looks at", function()
    local function build(g, z, cell) return lstm(g, z, cell, 3) end
    local kinds = compare({ { 1, 12, 4, 4 }, { 1, 3, 4, 4 } }, build, true, true)
    assert.is_nil(kinds.slice)
    compare({ { 1, 12, 4, 4 }, { 1, 3, 4, 4 } }, function(g, z, cell)
      local first = part(g, z, 1, 3)
      return g:mul { g:sigmoid { first }, g:tanh { cell } }, first
    end, false, true)
  end)

  it("lets those that read different parts share a gradient", function()
    local function build(parts)
      return function(g, z)
        local inner = g:mul { g:tanh { part(g, z, 1, 3) }, g:sigmoid { part(g, z, parts[1], 3) } }
        return g:mul { g:tanh { part(g, z, parts[2], 3) }, g:sigmoid { inner } }, inner
      end
    end
    for _, last in ipairs { false, true } do
      local shared = compare({ { 2, 12, 5, 6 } }, build { 3, 4 }, last, true)
      local summed = compare({ { 2, 12, 5, 6 } }, build { 3, 3 }, last, true)
      assert.are.equal(shared.expression, summed.expression)
      assert.is_true((shared.conv or shared.input or 0) < (summed.conv or summed.input or 0)) -- where the sum is
    end
  end)

  it("takes numbers, equal sources and parts that overlap", function()
    compare({ { 2, 3, 4, 5 } }, function(g, x)
      local half = g:constant(fovea.tensor({ 1 }, { 0.5 }))
      return g:mul { g:add { g:mul { x, half }, half }, g:mul { x, x } }
    end)
    compare({ { 2, 6, 4, 5 } }, function(g, x)
      local a, b = g:slice { x, axis = 2, first = 1, last = 4 }, g:slice { x, axis = 2, first = 3, last = 6 }
      return g:mul { g:tanh { a }, g:sigmoid { b } }
    end)
    compare({ { 2, 6, 4, 5 } }, function(g, x)
      local a, b = g:slice { x, axis = 2, first = 2, last = 4 }, g:slice { x, axis = 2, first = 2, last = 4 }
      return g:mul { g:tanh { a }, g:sigmoid { b } }
    end)
    compare({ { 2, 6, 4, 5 }, { 1, 6, 1, 1 } }, function(g, x, w) return g:relu { g:mul { g:tanh { x }, w } } end)
  end)

  it("splits what is longer than it takes", function()
    local kinds = compare({ { 1, 3, 4, 4 } }, function(g, x)
      local y = x
      for i = 1, 40 do y = g:tanh { i % 3 == 0 and g:add { y, x } or g:neg { y } } end
      return y
    end)
    assert.is_true(kinds.expression <= 12) -- in both directions
    compare({ { 1, 3, 4, 4 }, { 1, 3, 4, 4 }, { 1, 3, 4, 4 }, { 1, 3, 4, 4 }, { 1, 3, 4, 4 }, { 1, 3, 4, 4 } },
      function(g, a, ...)
        local y = a
        for i = 1, select("#", ...) do y = g:mul { g:sigmoid { y }, (select(i, ...)) } end
        return y
      end)
  end)

  it("has the same bits for any number of threads", function()
    local before, hashes = core.threads(), {}
    for _, threads in ipairs { 1, 3 } do
      core.threads(threads)
      local g = core.graph()
      local z, c = g:input { 1, 32, 80, 90 }, g:input { 1, 8, 80, 90 }
      local h = lstm(g, channels_last(g, z), channels_last(g, c), 8)
      local plan = assert(g:plan { mode = "explain", taps = { h }, seeds = { h }, gradients = { z, c } })
      plan:set_input(z, fovea.uniform({ 1, 32, 80, 90 }, { seed = 1, min = -2, max = 2 }))
      plan:set_input(c, fovea.uniform({ 1, 8, 80, 90 }, { seed = 2, min = -2, max = 2 }))
      plan:forward():set_seed(h, fovea.uniform(h:shape(), { seed = 3 }))
      plan:backward()
      for _, t in ipairs { plan:value(h), plan:gradient(z), plan:gradient(c) } do table.insert(hashes, t:hash()) end
    end
    core.threads(before)
    for i = 1, 3 do assert.are.equal(hashes[i], hashes[i + 3]) end
  end)
end)
