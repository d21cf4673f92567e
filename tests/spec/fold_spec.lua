-- Plans that fold normalisation and activations into convolutions give what plans give that do not.
local core = require "fovea.core"
local fovea = require "fovea"

local function weights(g, seed, shape)
  return g:param(fovea.uniform(shape, { seed = seed, min = -0.6, max = 0.6 }))
end

--- Normalisation with statistics that matter.
local function norm(g, x, seed)
  local c = { x:shape()[2] }
  local function vector(k, low, high) return g:param(fovea.uniform(c, { seed = seed + k, min = low, max = high })) end
  return g:batch_norm { x, vector(1, 0.5, 1.5), vector(2, -0.3, 0.3), vector(3, -0.5, 0.5), vector(4, 0.2, 2),
    epsilon = 1e-3 }
end

local ACTIVATIONS = { relu = {}, leaky_relu = { alpha = 0.2 }, elu = { alpha = 0.7 }, clip = { min = 0, max = 0.8 },
  sigmoid = {} }

local function activate(g, x, kind)
  local arguments = { x }
  for key, value in pairs(ACTIVATIONS[kind]) do arguments[key] = value end
  return g[kind](g, arguments)
end

describe("folding", function()
  --- Runs build(g, x) -> output, taps with and without folding and compares everything.
  local function same(shape, build, folds)
    local g = core.graph()
    local x = g:input(shape)
    local y, looked_at = build(g, x)
    local input = fovea.uniform(shape, { seed = 3, min = -1, max = 1 })
    local seed = fovea.uniform(y:shape(), { seed = 4, min = -1, max = 1 })
    local results, steps = {}, {}
    for i, fold in ipairs { true, false } do
      local taps, gradients = { y, table.unpack(looked_at or {}) }, { x, table.unpack(looked_at or {}) }
      local plan = assert(g:plan { mode = "explain", taps = taps, seeds = { y }, gradients = gradients, fold = fold })
      plan:set_input(x, input)
      plan:forward():set_seed(y, seed)
      plan:backward()
      results[i], steps[i] = {}, #plan:steps()
      for _, node in ipairs(taps) do table.insert(results[i], plan:value(node)) end
      for _, node in ipairs(gradients) do table.insert(results[i], plan:gradient(node)) end
    end
    for i, want in ipairs(results[2]) do
      local off = (want - results[1][i]):abs():max() / math.max(want:abs():max(), 1e-3)
      assert.is_true(off < 1e-5, ("result %d is off by %g"):format(i, off))
    end
    if folds == false then
      assert.are.equal(steps[2], steps[1])
    elseif folds ~= "any" then
      assert.is_true(steps[1] < steps[2])
    end
  end

  for kind in pairs(ACTIVATIONS) do
    it("takes normalisation and " .. kind .. " into convolutions", function()
      same({ 2, 5, 6, 7 }, function(g, x)
        local c = g:conv { x, weights(g, 1, { 6, 5, 3, 3 }), weights(g, 2, { 6 }), pad = 1 }
        local a = activate(g, norm(g, c, 10), kind)
        return activate(g, norm(g, g:conv { a, weights(g, 5, { 4, 6, 1, 1 }) }, 20), kind)
      end)
    end)
  end

  it("takes groups, transposed convolutions and volumes", function()
    same({ 1, 4, 5, 5 }, function(g, x)
      local a = g:relu { norm(g, g:conv { x, weights(g, 1, { 6, 2, 3, 3 }), groups = 2, pad = 1 }, 10) }
      local b = g:relu { norm(g, g:conv_transpose { a, weights(g, 2, { 6, 2, 2, 2 }), stride = 2, groups = 3 }, 20) }
      return norm(g, g:conv { b, weights(g, 3, { 6, 1, 3, 3 }), groups = 6 }, 30)
    end)
    same({ 1, 2, 3, 4, 5 }, function(g, x)
      return g:relu { norm(g, g:conv { x, weights(g, 1, { 3, 2, 3, 3, 3 }), pad = 1 }, 10) }
    end)
    same({ 1, 3, 4, 4 }, function(g, x)
      local c = g:conv_transpose { x, weights(g, 2, { 3, 5, 2, 2 }), weights(g, 3, { 5 }), stride = 2 }
      return g:relu { norm(g, c, 20) }
    end)
  end)

  it("does the activations that convolutions were given before what follows them", function()
    same({ 1, 4, 5, 6 }, function(g, x)
      local up = g:conv_transpose { x, weights(g, 1, { 4, 6, 2, 2 }), stride = 2, activation = "relu" }
      local parameters = { weights(g, 2, { 6, 6, 3, 3 }), weights(g, 3, { 6 }) }
      local y = g:conv { up, parameters[1], parameters[2], pad = 1, activation = "clip", beta = 1 }
      return g:sigmoid { norm(g, g:add { y, up }, 10) }
    end, "any")
  end)

  it("computes transposed convolutions without overlap as products and a move", function()
    same({ 2, 4, 3, 5 }, function(g, x)
      local up = g:relu { norm(g, g:conv_transpose { x, weights(g, 1, { 4, 6, 2, 2 }), stride = 2 }, 10) }
      return g:conv_transpose { up, weights(g, 2, { 6, 3, 3, 2 }), weights(g, 3, { 3 }), stride = { 3, 2 } }, { up }
    end, "any")
    same({ 1, 3, 2, 3, 4 }, function(g, x)
      return norm(g, g:conv_transpose { x, weights(g, 1, { 3, 4, 1, 2, 2 }), stride = { 1, 2, 2 } }, 10)
    end, "any")
    same({ 1, 3, 5, 4 }, function(g, x) -- these overlap, or leave something out
      local a = g:conv_transpose { x, weights(g, 1, { 3, 4, 3, 3 }), stride = 2, pad = 1, output_pad = 1 }
      return g:conv_transpose { a, weights(g, 2, { 4, 2, 2, 2 }), stride = 2, pad = 1 }
    end, "any")
  end)

  it("does residual sums and activations after them in the convolution", function()
    local function residual(kind, first)
      return function(g, x)
        local w = weights(g, 1, { 4, 4, 3, 3 })
        local c = norm(g, g:conv { x, w, pad = 1 }, 10)
        local s = g:add(first and { x, c } or { c, x })
        return kind and activate(g, s, kind) or s
      end
    end
    for _, kind in ipairs { "relu", "clip", false } do
      same({ 2, 4, 6, 5 }, residual(kind, true))
      same({ 2, 4, 6, 5 }, residual(kind, false))
    end
    same({ 1, 4, 6, 6 }, function(g, x) -- both are convolutions, as in a ResNet's block that changes its channels
      local a = norm(g, g:conv { x, weights(g, 1, { 6, 4, 3, 3 }), pad = 1, stride = 2 }, 10)
      local b = norm(g, g:conv { x, weights(g, 2, { 6, 4, 1, 1 }), stride = 2 }, 20)
      return g:relu { g:add { a, b } }
    end)
    same({ 1, 4, 6, 6 }, function(g, x) -- a sum with a vector is none of a convolution
      local y = norm(g, g:conv { x, weights(g, 1, { 4, 4, 1, 1 }) }, 10)
      return g:relu { g:add { y, weights(g, 2, { 1, 4, 1, 1 }) } }
    end)
  end)

  it("does not build concatenations that only convolutions read", function()
    local function joined(looked_at)
      return function(g, x)
        local a, b = g:conv { x, weights(g, 1, { 5, 3, 3, 3 }), pad = 1 }, g:sigmoid { x }
        local inner = g:concat { a, b }
        local c = g:concat { x, inner }
        local y = g:relu { norm(g, g:conv { c, weights(g, 2, { 6, 11, 3, 3 }), pad = 1 }, 10) }
        local z = g:add { y, g:conv { c, weights(g, 3, { 6, 11, 1, 1 }), weights(g, 4, { 6 }) } }
        return z, looked_at == "inner" and { inner } or looked_at == "outer" and { c } or { a }
      end
    end
    same({ 2, 3, 6, 5 }, joined(), "any")
    same({ 2, 3, 6, 5 }, joined "inner", "any")
    same({ 2, 3, 6, 5 }, joined "outer", "any")
    same({ 1, 3, 4, 5 }, function(g, x) -- the rows are joined, or something else reads it
      local c = g:concat { x, x, axis = 3 }
      return norm(g, g:conv { c, weights(g, 1, { 4, 3, 3, 3 }) }, 10)
    end)
    same({ 1, 3, 4, 5 }, function(g, x)
      local c = g:concat { x, g:relu { x } }
      return g:add { norm(g, g:conv { c, weights(g, 1, { 6, 6, 1, 1 }) }, 10), c }
    end)
  end)

  it("computes no channels that no slice reads", function()
    local function build(g, x)
      local z = g:conv { x, weights(g, 1, { 10, 3, 3, 3 }), weights(g, 2, { 10 }), pad = 1 }
      local a, b = g:slice { z, axis = 2, first = 2, last = 4 }, g:slice { z, axis = 2, first = 7, last = 9 }
      return g:mul { g:softmax { a }, g:tanh { b } }, { a }
    end
    same({ 2, 3, 6, 5 }, build, "any")
    local g = core.graph()
    local x = g:input { 1, 3, 8, 8 }
    local y = build(g, x)
    local plan = assert(g:plan { taps = { y } })
    for _, step in ipairs(plan:steps()) do
      if step.op == "conv" and step.phase == "forward" then assert.are.equal(6, step.shape[2]) end
    end
  end)

  it("computes no gradient of a joined source that leads nowhere", function()
    local g = core.graph()
    local x, skip = g:input { 1, 16, 8, 8 }, g:input { 1, 16, 8, 8 }
    local y = g:conv { g:concat { skip, g:relu { x } }, weights(g, 1, { 16, 32, 3, 3 }), pad = 1 }
    local function backward_steps(gradients)
      local plan = assert(g:plan { mode = "explain", taps = { y }, seeds = { y }, gradients = gradients })
      local count = 0
      for _, step in ipairs(plan:steps()) do
        assert.are_not.equal("concat", step.op)
        if step.phase == "backward" and step.op == "conv_sum" and step.node == y:name() then count = count + 1 end
      end
      return count
    end
    assert.are.equal(backward_steps { x, skip } - 1, backward_steps { x })
  end)

  it("keeps what somebody looks at, and what has other users", function()
    same({ 1, 3, 5, 5 }, function(g, x)
      local c = g:conv { x, weights(g, 1, { 4, 3, 3, 3 }), pad = 1 }
      local n = norm(g, c, 10)
      return g:relu { n }, { c, n }
    end, false)
    same({ 1, 3, 5, 5 }, function(g, x)
      local c = g:conv { x, weights(g, 1, { 3, 3, 3, 3 }), pad = 1 }
      return g:add { g:relu { norm(g, c, 10) }, c }
    end, "any")
    same({ 1, 3, 5, 5 }, function(g, x)
      local n = norm(g, g:conv { x, weights(g, 1, { 3, 3, 3, 3 }), pad = 1 }, 10)
      return g:relu { n }, { n }
    end)
  end)

  it("folds shared weights once", function()
    same({ 1, 4, 6, 6 }, function(g, x)
      local w, shared = weights(g, 1, { 4, 4, 3, 3 }), {}
      for k, range in ipairs { { 0.5, 1.5 }, { -0.3, 0.3 }, { -0.5, 0.5 }, { 0.2, 2 } } do
        shared[k] = g:param(fovea.uniform({ 4 }, { seed = k, min = range[1], max = range[2] }))
      end
      local y = x
      for _ = 1, 3 do
        y = g:relu { g:batch_norm { g:conv { y, w, pad = 1 }, table.unpack(shared) } }
      end
      return y
    end)
  end)

  it("leaves plans that train, or that give gradients of parameters, alone", function()
    local g = core.graph()
    local x, w = g:input { 1, 2, 4, 4 }, weights(g, 1, { 3, 2, 3, 3 })
    local y = g:relu { norm(g, g:conv { x, w }, 10) }
    local function count(options)
      options.taps, options.seeds = { y }, { y }
      return #assert(g:plan(options)):steps()
    end
    assert.are.equal(count { mode = "explain", gradients = { x, w }, fold = false },
      count { mode = "explain", gradients = { x, w } })
    assert.is_true(count { mode = "explain", gradients = { x } } < count { mode = "train", gradients = { x } })
  end)
end)
