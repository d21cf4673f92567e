-- Gradients that pass by what doubles a map (a transposed convolution, repeated pixels): together with the 3x3
-- convolution behind it that is one convolution with stride 2.
local core = require "fovea.core"
local fovea = require "fovea"

local SHAPE = { 2, 50, 31, 27 }
local OUT, BETWEEN = 36, 40

local function tensor(shape, seed, scale)
  return fovea.normal(shape, { seed = seed }) * (scale or 1)
end

--- A way to double x: what gives BETWEEN channels, or as many as x has.
local function transposed(c, attrs)
  c.between, c.up = BETWEEN, tensor({ SHAPE[2], BETWEEN, 2, 2 }, 5, 0.15)
  c.up_bias = tensor({ BETWEEN }, 6)
  local arguments = { c.x, c.graph:param(c.up), c.graph:param(c.up_bias), stride = 2 }
  for key, value in pairs(attrs or {}) do arguments[key] = value end
  return c.graph:conv_transpose(arguments)
end

local function repeated(c, attrs)
  local arguments = { c.x, scale = 2, mode = "nearest" }
  for key, value in pairs(attrs or {}) do arguments[key] = value end
  return c.graph:resample(arguments)
end

--- x, doubled, a 3x3 convolution of that and of what `join` gives, and y.
local function network(double, options)
  options = options or {}
  local g = core.graph()
  local c = { graph = g, x = g:input(SHAPE), between = SHAPE[2], input = tensor(SHAPE, 1) }
  c.doubled = double(c, options.double)
  local joined, skips = c.doubled, options.join and options.join(c) or {}
  if #skips > 0 then joined = g:concat(skips) end
  c.weights = tensor({ OUT, joined:shape()[2], 3, 3 }, 2, 0.06)
  local arguments = { joined, g:param(c.weights), g:param(tensor({ OUT }, 3)), pad = 1 }
  for key, value in pairs(options.conv or {}) do arguments[key] = value end
  c.y = g:conv(arguments)
  if options.after then c.y = options.after(c) end
  c.seed = tensor(c.y:shape(), 4)
  return c
end

local function run(c, options)
  local spec = { mode = "explain", taps = { c.y }, seeds = { c.y }, gradients = { c.x, c.skip } }
  for key, value in pairs(options or {}) do spec[key] = value end
  local plan = assert(c.graph:plan(spec))
  assert(plan:set_input(c.x, c.input))
  if c.skip then assert(plan:set_input(c.skip, tensor(c.skip:shape(), 7))) end
  assert(plan:forward())
  assert(plan:set_seed(c.y, c.seed))
  assert(plan:backward())
  return plan
end

local function passes_by(plan)
  for _, step in ipairs(plan:steps()) do
    if step.implementation == "winograd:5x5" then return true end
  end
  return false
end

local function relative(want, got)
  local off = want - got
  return math.sqrt((off * off):sum() / math.max((want * want):sum(), 1e-30))
end

--- Both ways give one gradient; 2e-6: rounding of sums of some thousand terms, in another order.
local function check(c)
  local short, long = run(c), run(c, { exact = true })
  assert.is_true(passes_by(short))
  assert.is_false(passes_by(long))
  assert.is_true(relative(long:gradient(c.x), short:gradient(c.x)) < 2e-6)
  if c.skip then assert.is_true(relative(long:gradient(c.skip), short:gradient(c.skip)) < 2e-6) end
  assert.is_true(relative(long:value(c.y), short:value(c.y)) < 2e-6)
end

local function skip_of(channels)
  return function(c)
    c.skip = c.graph:input { SHAPE[1], channels, 2 * SHAPE[3], 2 * SHAPE[4] }
    return { c.skip, c.doubled }
  end
end

describe("gradients through what doubles a map", function()
  it("are the sums of their definition", function()
    for _, double in ipairs { transposed, repeated } do
      local c = network(double)
      local plan = run(c)
      assert.is_true(passes_by(plan))
      local gradient = plan:gradient(c.x)
      --- Gradient of the doubled map, in double precision.
      local function behind(n, m, row, column)
        local sum = 0
        for o = 1, OUT do
          for u = 1, 3 do
            for v = 1, 3 do
              local i, k = row - u + 2, column - v + 2
              if i >= 1 and i <= 2 * SHAPE[3] and k >= 1 and k <= 2 * SHAPE[4] then
                sum = sum + c.weights:get(o, m, u, v) * c.seed:get(n, o, i, k)
              end
            end
          end
        end
        return sum
      end
      for k = 0, 11 do
        local n, i = k % SHAPE[1] + 1, k * 7 % SHAPE[2] + 1
        local row, column = k * 3 % SHAPE[3] + 1, k * 9 % SHAPE[4] + 1
        if k == 10 then row, column = SHAPE[3], SHAPE[4] end
        local want = 0
        for u = 0, 1 do
          for v = 0, 1 do
            for m = double == repeated and i or 1, double == repeated and i or BETWEEN do
              local weight = c.up and c.up:get(i, m, u + 1, v + 1) or 1
              want = want + weight * behind(n, m, 2 * row - 1 + u, 2 * column - 1 + v)
            end
          end
        end
        assert.are.near(want, gradient:get(n, i, row, column), 2e-5)
      end
    end
  end)

  it("agree with the long way, whatever is around", function()
    check(network(transposed))
    check(network(repeated))
    check(network(transposed, { join = skip_of(24) }))
    check(network(repeated, { join = skip_of(17) }))
    check(network(transposed, { join = function(c) return { c.doubled, skip_of(24)(c)[1] } end }))
    for _, kind in ipairs { "elu", "sigmoid" } do
      check(network(transposed, { join = skip_of(16), conv = { activation = kind, alpha = 0.5 } }))
    end
    check(network(transposed, { after = function(c) -- a normalisation, which is folded, and a residual sum
      local g, parameters = c.graph, {}
      for k = 1, 4 do parameters[k] = g:param(tensor({ OUT }, 10 + k) ^ 2 + 0.5) end
      c.skip = g:input { SHAPE[1], OUT, 2 * SHAPE[3], 2 * SHAPE[4] }
      return g:add { g:batch_norm { c.y, table.unpack(parameters) }, c.skip }
    end }))
    for _, way in ipairs { { coordinates = "half_pixel", rounding = "round_prefer_ceil" },
      { coordinates = "asymmetric", rounding = "floor" }, { coordinates = "asymmetric" } } do
      check(network(repeated, { double = way }))
    end
  end)

  it("take the long way where it is another function, or somebody looks", function()
    local function is_long(c, options) assert.is_false(passes_by(run(c, options))) end
    is_long(network(repeated, { double = { coordinates = "align_corners" } }))
    is_long(network(repeated, { double = { coordinates = "half_pixel", rounding = "floor" } }))
    is_long(network(repeated, { double = { coordinates = "asymmetric", rounding = "ceil" } }))
    is_long(network(repeated, { double = { mode = "linear" } }))
    is_long(network(repeated, { double = { scale = 3 } }))
    is_long(network(transposed, { double = { activation = "relu" } }))
    is_long(network(transposed, { double = { stride = { 2, 1 } } }))
    is_long(network(transposed, { conv = { pad = 0 } }))
    is_long(network(transposed, { conv = { pad = 2, dilation = 2 } }))
    is_long(network(transposed, { conv = { stride = 2 } }))
    local tapped = network(transposed)
    is_long(tapped, { taps = { tapped.y, tapped.doubled } })
    is_long(tapped, { means = { tapped.doubled } })
    is_long(tapped, { gradients = { tapped.x, tapped.doubled } })
    local twice = network(transposed, { after = function(c)
      return c.graph:add { c.y, c.graph:slice { c.doubled, axis = 2, first = 1, last = OUT } }
    end })
    is_long(twice)
    is_long(network(transposed), { mode = "train" })
  end)

  it("take the long way where the same is written as two nodes, which others may read", function()
    local function shuffled(c)
      local g, many = c.graph, 4 * BETWEEN
      local deep = g:conv { c.x, g:param(tensor({ many, SHAPE[2], 1, 1 }, 5, 0.15)), g:param(tensor({ many }, 6)) }
      local parameters = {}
      for k = 1, 4 do parameters[k] = g:param(tensor({ many }, 10 + k) ^ 2 + 0.5) end
      c.deep, c.between = g:batch_norm { deep, table.unpack(parameters) }, BETWEEN
      return g:depth_to_space { c.deep, block = 2, order = "dcr" }
    end
    local function read_twice(c)
      local g = c.graph
      local more = g:conv { c.deep, g:param(tensor({ OUT, 4 * BETWEEN, 1, 1 }, 8, 0.1)) }
      return g:add { c.y, g:resample { more, scale = 2, mode = "linear" } }
    end
    for _, c in ipairs { network(shuffled), network(shuffled, { after = read_twice }) } do
      local short, long = run(c), run(c, { exact = true })
      assert.is_false(passes_by(short))
      assert.is_true(relative(long:gradient(c.x), short:gradient(c.x)) < 2e-6)
    end
  end)

  it("have the same means whatever else is asked for, and bits for any number of threads", function()
    local c = network(transposed, { join = skip_of(32), conv = { activation = "relu" } })
    local alone = run(c, { gradients = {}, means = { c.x } })
    local means = alone:gradient_means(c.x)
    assert.is_true(passes_by(alone))
    local more = run(c, { gradients = { c.x, c.skip }, means = { c.skip, c.x } })
    assert.are.equal(means:hash(), more:gradient_means(c.x):hash())
    local before = fovea.threads()
    local hash = more:gradient(c.x):hash()
    for threads = 1, 3 do
      fovea.threads(threads)
      assert.are.equal(hash, run(c):gradient(c.x):hash())
    end
    fovea.threads(before)
  end)

  it("refuses shapes that do not fit", function()
    local g = core.graph()
    local x, big = g:input { 1, 4, 6, 6 }, g:input { 1, 8, 12, 12 }
    local function sum(behind, weights, part)
      return function()
        g:conv_sum { big, behind, g:param(fovea.zeros(weights)), g:param(fovea.zeros { 5, 8, 3, 3 }),
          g:param(fovea.zeros { 5 }), pad = 1, behind = part }
      end
    end
    assert.has_no.errors(sum(x, { 80, 4 }, 1))
    assert.has_error(sum(big, { 80, 8 }, 1),
      "conv_sum: source 1 is 1x8x12x12, behind it is 1x8x12x12: not half of it and the result")
    assert.has_error(sum(x, { 80, 5 }, 1), "conv_sum: weights of what is behind are 80x5, not 80x4")
    assert.has_error(sum(x, { 80, 4 }, 2), "conv_sum: behind is 2, of 1 sources")
  end)
end)
