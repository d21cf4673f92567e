-- Convolutions by Winograd's method: values, gradients, where they are used, what they cost in precision, and `exact`,
-- which switches them off.
local core = require "fovea.core"
local fovea = require "fovea"
local networks = require "support.networks"

local WINOGRAD = "winograd:4x4"

local function count(plan, implementation, phase)
  local found = 0
  for _, step in ipairs(plan:steps()) do
    if step.implementation == implementation and (not phase or step.phase == phase) then found = found + 1 end
  end
  return found
end

--- A graph with one convolution: fields graph, x, y, input, weights, bias. depth: of the kernel, for volumes.
local function convolution(shape, out, attrs, depth)
  local g, kernel = core.graph(), depth and { depth, 3, 3 } or { 3, 3 }
  local c = { graph = g, x = g:input(shape), input = fovea.normal(shape, { seed = 1 }) }
  c.weights = fovea.normal({ out, shape[2], table.unpack(kernel) }, { seed = 2 })
  c.weights = c.weights * (1 / math.sqrt(9 * (depth or 1) * shape[2]))
  c.bias = fovea.normal({ out }, { seed = 3 })
  local arguments = { c.x, g:param(c.weights), g:param(c.bias) }
  for key, value in pairs(attrs or { pad = 1 }) do arguments[key] = value end
  c.y = g:conv(arguments)
  return c
end

--- Runs a plan of it: result, gradient of the input for a seed, the plan.
local function run(c, options)
  local spec = { mode = "explain", taps = { c.y }, seeds = { c.y }, gradients = { c.x } }
  for key, value in pairs(options or {}) do spec[key] = value end
  local plan = assert(c.graph:plan(spec))
  assert(plan:set_input(c.x, c.input))
  assert(plan:forward())
  c.seed = c.seed or fovea.normal(c.y:shape(), { seed = 4 })
  assert(plan:set_seed(c.y, c.seed))
  assert(plan:backward())
  return assert(plan:value(c.y)), assert(plan:gradient(c.x)), plan
end

--- Element (n, o, y, x) of the convolution in double precision.
local function element(c, values, shape, n, o, y, x)
  local sum, taps = c.bias:get(o), values.weights
  for i = 1, shape[2] do
    for u = 0, 2 do
      for v = 0, 2 do
        local row, column = y + u - 1, x + v - 1
        if row >= 1 and row <= shape[3] and column >= 1 and column <= shape[4] then
          sum = sum + values.input[((((n - 1) * shape[2] + i - 1) * shape[3] + row - 1) * shape[4]) + column]
            * taps[((o - 1) * shape[2] + i - 1) * 9 + 3 * u + v + 1]
        end
      end
    end
  end
  return sum
end

local function relative(want, got)
  local off = want - got
  return math.sqrt((off * off):sum() / math.max((want * want):sum(), 1e-30))
end

describe("convolution by Winograd's method", function()
  it("gives the sums of its definition", function()
    for _, case in ipairs { { { 1, 32, 33, 30 }, 48 }, { { 2, 72, 17, 23 }, 70 }, { { 1, 64, 24, 24 }, 96 } } do
      local shape, out = table.unpack(case)
      local c = convolution(shape, out)
      local values = { input = c.input:values(), weights = c.weights:values() }
      local got, _, plan = run(c)
      assert.are.equal(2, count(plan, WINOGRAD))
      for k = 0, 799 do
        local n, o, y, x = k % shape[1] + 1, k * 7 % out + 1, k * 5 % shape[3] + 1, k * 11 % shape[4] + 1
        assert.are.near(element(c, values, shape, n, o, y, x), got:get(n, o, y, x), 1e-5)
      end
    end
  end)

  it("gives the sums of its definition in volumes", function()
    for _, case in ipairs { { 3, { pad = 1 }, { 2, 32, 7, 17, 22 } },
      { 1, { pad = { 0, 1, 1 } }, { 1, 64, 3, 24, 24 } } } do
      local depth, attrs, shape = table.unpack(case)
      local c = convolution(shape, 40, attrs, depth)
      local x, w = c.input, c.weights
      local y, _, plan = run(c)
      assert.are.equal(2, count(plan, WINOGRAD))
      for k = 0, 99 do
        local at = { k % shape[1] + 1, k * 7 % 40 + 1, k * 3 % shape[3] + 1, k * 5 % shape[4] + 1,
          k * 11 % shape[5] + 1 }
        local sum = c.bias:get(at[2])
        for i = 1, shape[2] do
          for tap = 0, 9 * depth - 1 do
            local t, u, v = tap // 9, tap // 3 % 3, tap % 3
            local z, row, column = at[3] + t - depth // 2, at[4] + u - 1, at[5] + v - 1
            if z >= 1 and z <= shape[3] and row >= 1 and row <= shape[4] and column >= 1 and column <= shape[5] then
              sum = sum + x:get(at[1], i, z, row, column) * w:get(at[2], i, t + 1, u + 1, v + 1)
            end
          end
        end
        assert.are.near(sum, y:get(table.unpack(at)), 1e-5)
      end
    end
  end)

  it("has the adjoint as its gradient", function()
    local flat, deep = { 2, 48, 25, 22 }, { 1, 48, 9, 15, 18 }
    for _, case in ipairs { { flat, { pad = 1 } }, { flat, { pad = 0 } },
      { flat, { pad = { 0, 2 }, pad_end = { 1, 0 } } },
      { deep, { pad = 1 }, 3 }, { deep, { pad = { 0, 1, 0 } }, 3 },
      { deep, { pad = { 2, 1, 1 }, pad_end = { 0, 2, 1 } }, 3 },
      { deep, { pad = { 0, 1, 1 } }, 1 } } do
      local shape, attrs, depth = table.unpack(case, 1, 3)
      local c = convolution(shape, 72, attrs, depth)
      local y, gradient, plan = run(c)
      assert.are.equal(2, count(plan, WINOGRAD))
      local without_bias = y - c.bias:reshape(depth and { 1, 72, 1, 1, 1 } or { 1, 72, 1, 1 })
      local left, right = (without_bias * c.seed):sum(), (c.input * gradient):sum()
      assert.are.near(left, right, 1e-5 * math.sqrt((y * y):sum() * (c.seed * c.seed):sum()))
    end
  end)

  it("takes activations and their gradients along", function()
    local constants = { leaky_relu = { 0.1 }, elu = { 0.5 }, clip = { -0.2, 0.6 } }
    for _, kind in ipairs { "none", "relu", "leaky_relu", "elu", "clip", "sigmoid" } do
      local alpha, beta = table.unpack(constants[kind] or {})
      local c = convolution({ 1, 64, 20, 21 }, 56, { pad = 1, activation = kind, alpha = alpha, beta = beta })
      local y, gradient, plan = run(c)
      local want, wanted_gradient, other = run(c, { exact = true })
      assert.are.equal(2, count(plan, WINOGRAD))
      assert.are.equal(0, count(other, WINOGRAD))
      assert.is_true(relative(want, y) < 2e-6, kind)
      assert.is_true(relative(wanted_gradient, gradient) < 2e-3, kind) -- kinks
    end
  end)

  it("gives the same bits for any number of threads", function()
    local before, hashes = fovea.threads(), {}
    for _, case in ipairs { { { 1, 48, 50, 37 }, 40 }, { { 1, 256, 24, 24 }, 272 },
      { { 1, 32, 13, 20, 18 }, 48, { pad = 1 }, 3 }, { { 1, 128, 8, 16, 16 }, 128, { pad = 1 }, 3 } } do
      for _, threads in ipairs { 1, 2, 4 } do
        fovea.threads(threads)
        local y, gradient, plan = run(convolution(table.unpack(case)))
        assert.are.equal(2, count(plan, WINOGRAD))
        local hash = y:hash() .. gradient:hash()
        hashes[case] = hashes[case] or hash
        assert.are.equal(hashes[case], hash)
      end
    end
    fovea.threads(before)
  end)

  it("is for 3x3 kernels that are dense, with enough work", function()
    local function used(shape, out, attrs, options, depth)
      local c = convolution(shape, out, attrs, depth)
      local spec = { mode = "infer", taps = { c.y } }
      for key, value in pairs(options or {}) do spec[key] = value end
      return count(assert(c.graph:plan(spec)), WINOGRAD) > 0
    end
    local big = { 1, 64, 32, 32 }
    assert.is_true(used(big, 64))
    assert.is_false(used(big, 64, { pad = 1, stride = 2 }))
    assert.is_false(used(big, 64, { pad = 2, dilation = 2 }))
    assert.is_false(used(big, 64, { pad = 1 }, { exact = true }))
    assert.is_true(used(big, 64, { pad = 1 }, { mode = "train" }))
    assert.is_false(used(big, 64, { pad = 1 }, { mode = "train", exact = true }))
    assert.is_false(used({ 1, 3, 64, 64 }, 64))
    assert.is_true(used({ 1, 64, 64, 64 }, 1)) -- the direct way computes whole blocks of channels too
    assert.is_false(used({ 1, 256, 4, 4 }, 256))
    assert.is_true(used({ 1, 32, 8, 32, 32 }, 32, { pad = 1 }, {}, 3))
    assert.is_true(used({ 1, 32, 8, 32, 32 }, 32, { pad = { 0, 1, 1 } }, {}, 1))
    assert.is_false(used({ 1, 32, 8, 32, 32 }, 32, { pad = 1, stride = { 2, 1, 1 } }, {}, 3))
  end)
end)

describe("few channels on one side of a convolution", function()
  it("are one way forward and another one backward, with the same results", function()
    for _, case in ipairs { { 3, 64, 0, 1 }, { 64, 1, 1, 0 }, { 48, 3, 1, 0 }, { 3, 40, 0, 1 } } do
      for _, kind in ipairs { "none", "relu", "leaky_relu", "sigmoid" } do
        local from, to, forward, backward = table.unpack(case)
        local alpha = kind == "leaky_relu" and 0.1 or nil
        local c = convolution({ 1, from, 66, 61 }, to, { pad = 1, activation = kind, alpha = alpha })
        local y, gradient, plan = run(c)
        local want, wanted_gradient = run(c, { exact = true })
        assert.are.equal(forward, count(plan, WINOGRAD, "forward"))
        assert.are.equal(backward, count(plan, WINOGRAD, "backward"))
        assert.is_true(relative(want, y) < 2e-6)
        assert.is_true(relative(wanted_gradient, gradient) < (kind:find "relu" and 2e-3 or 2e-6)) -- kinks
      end
    end
  end)
end)

--- Logits, and gradients at the candidate layers, of a plan of a network with random weights.
local function explained(model, shape, options)
  local instance = assert(model:at(shape))
  local logits = model:output(instance).logits
  local spec = { mode = "explain", taps = { logits }, seeds = { logits }, gradients = {} }
  for i, name in ipairs(model:candidate_layers()) do
    spec.gradients[i] = instance.nodes[name]
    spec.taps[i + 1] = instance.nodes[name]
  end
  for key, value in pairs(options) do spec[key] = value end
  local plan = assert(instance.graph:plan(spec))
  assert(plan:set_input(instance.input, fovea.uniform(shape, { seed = 5, min = -1, max = 1 })))
  assert(plan:forward())
  assert(plan:set_seed(logits, fovea.full(logits:shape(), 1)))
  assert(plan:backward())
  local results = {}
  for _, node in ipairs(spec.taps) do results[#results + 1] = assert(plan:value(node)) end
  local values = #results
  for _, node in ipairs(spec.gradients) do results[#results + 1] = assert(plan:gradient(node)) end
  return results, values, plan
end

--- A network whose activations stay in the range where slopes change. Random weights without trained normalisations
--- let some grow to thousands, and rounding errors with them.
local function modest(name, options, shape)
  local factor = 1
  while true do
    local model = assert(fovea.arch.model(name, options, nil, { input_shape = shape, seed = 11 }))
    assert(model:at(shape))
    for _, entry in ipairs(model.parameters) do
      local weights = model.weights[entry.name]
      if #entry.shape > 1 then model.weights[entry.name] = weights * factor end
    end
    model = assert(fovea.arch.model(name, options, model.weights, { input_shape = shape }))
    local results, values = explained(model, shape, { exact = true })
    local most = 0
    for i = 1, values do most = math.max(most, results[i]:abs():max()) end
    if most < 40 then return model end
    factor = factor * 0.9
  end
end

describe("networks #slow", function()
  it("are all here", function()
    local names = {}
    for i, network in ipairs(networks.SMALL) do names[i] = network[1] end
    assert.are.same(fovea.arch.names(), names)
  end)

  for _, network in ipairs(networks.ALL) do
    local name, options, shape = table.unpack(network)

    -- Gradients change where an activation decides otherwise: a few per million elements do, in any single precision.
    it("stay near to plain sums: " .. networks.title(network), function()
      local model = assert(fovea.arch.model(name, options, nil, { input_shape = shape, seed = 11 }))
      local got, values, plan = explained(model, shape, {})
      local want = explained(model, shape, { exact = true })
      local slow = explained(model, shape, { exact = true, fold = false })
      for i = 1, #want do
        local limit = i <= values and 2e-5 or 2e-2
        assert.is_true(relative(want[i], got[i]) <= limit,
          ("result %d: %g from plain sums"):format(i, relative(want[i], got[i])))
        limit = i <= values and 1e-5 or 1e-2
        assert.is_true(relative(slow[i], want[i]) <= limit,
          ("result %d: %g from the slow path"):format(i, relative(slow[i], want[i])))
      end
      for _, step in ipairs(plan:steps()) do
        assert.is_falsy(step.macs > 1e6 and step.implementation:find "ref",
          ("%s %s runs on %s"):format(step.op, step.node, step.implementation))
      end
      if os.getenv "FOVEA_SHOW" then
        local text = ("%-24s winograd %2d forward %2d backward;"):format(networks.title(network),
          count(plan, WINOGRAD, "forward"), count(plan, WINOGRAD, "backward"))
        for i = 1, #want do
          text = text .. (" %.1e/%.1e"):format(relative(want[i], got[i]), relative(slow[i], want[i]))
        end
        print(text)
      end
    end)

    it("stay near to plain sums, gradients too, when nothing decides: " .. networks.title(network), function()
      networks.smoothly(function()
        local model = modest(name, options, shape)
        local got = explained(model, shape, {})
        local want = explained(model, shape, { exact = true })
        local slow = explained(model, shape, { exact = true, fold = false })
        for i = 1, #want do
          local off, own = relative(slow[i], want[i]), relative(want[i], got[i])
          if os.getenv "FOVEA_SHOW" then print(networks.title(network), i, off, own) end
          assert.is_true(off <= 1e-5, ("result %d: %g from the slow path"):format(i, off))
          assert.is_true(own <= 1e-4, ("result %d: %g from plain sums"):format(i, own))
        end
      end)
    end)
  end
end)

describe("exact", function()
  local model, image
  setup(function()
    model = assert(fovea.arch.model("unet", { width = 32, depth = 2 }, nil,
      { input_shape = { 1, 3, 48, 48 }, seed = 2 }))
    image = fovea.uniform({ 1, 3, 48, 48 }, { seed = 9 })
  end)

  it("is an option of explain, kept in the record", function()
    local fast, exact = assert(fovea.explain(model, image)), assert(fovea.explain(model, image, { exact = true }))
    assert.is_nil(fast:record().exact)
    assert.is_true(exact:record().exact)
    assert.are_not.equal(fast.raw:hash(), exact.raw:hash())
    assert.is_true(relative(exact.raw, fast.raw) < 1e-3)
    assert.is_true(require("fovea.replay").options(exact:record()).exact)
  end)

  it("is a property of a model", function()
    local exact = assert(fovea.explain(model, image, { exact = true }))
    model.exact = true
    local same = assert(fovea.explain(model, image))
    model.exact = nil
    assert.are.equal(exact.raw:hash(), same.raw:hash())
  end)
end)

--- Gradients of all parameters of a network in training, by name.
local function parameter_gradients(model, shape, exact)
  local instance, nodes, found = assert(model:at(shape)), {}, {}
  for _, entry in ipairs(model.parameters) do
    if not entry.statistic then nodes[#nodes + 1] = instance.graph:node(entry.name) end
  end
  local logits = model:output(instance).logits
  local plan = assert(instance.graph:plan { mode = "train", taps = { logits }, seeds = { logits }, gradients = nodes,
    statistics = "batch", exact = exact })
  assert(plan:set_input(instance.input, fovea.uniform(shape, { seed = 5, min = -1, max = 1 })))
  assert(plan:forward())
  assert(plan:set_seed(logits, fovea.uniform(logits:shape(), { seed = 6, min = -1, max = 1 })))
  assert(plan:backward())
  for _, node in ipairs(nodes) do found[node:name()] = assert(plan:gradient(node)) end
  return found, plan
end

describe("training #slow", function()
  for _, network in ipairs(networks.ALL) do
    local name, options, shape = table.unpack(network)
    it(("of %s has the gradients of plain sums"):format(networks.title(network)), function()
      local got, plan, want, other
      networks.smoothly(function()
        local model = assert(fovea.arch.model(name, options, nil, { input_shape = shape, seed = 5 }))
        local batch = { 2, table.unpack(shape, 2) }
        got, plan = parameter_gradients(model, batch)
        want, other = parameter_gradients(model, batch, true)
      end)
      assert.are.equal(0, count(other, WINOGRAD))
      local off, whole = 0, 0 -- of all parameters together: biases before a normalisation have none but rounding errors
      for parameter, gradient in pairs(want) do
        off = off + ((gradient - got[parameter]) ^ 2):sum()
        whole = whole + (gradient ^ 2):sum()
      end
      assert.is_true(count(plan, WINOGRAD) > 0 or name == "m2unet")
      local most = name == "deeplabv3_resnet50" and 2e-3 or 5e-5 -- it normalises two values
      assert.is_true(math.sqrt(off / whole) < most)
    end)
  end
end)
