-- Layers of networks written in Lua: names, shared weights, and values against plain loops in double precision.
local fovea = require "fovea"
local near = require "support.near"
local nn = require "fovea.nn"


--- A graph with an input and a builder over it.
local function setup(shape, store)
  local graph = fovea.graph()
  local input = fovea.uniform(shape, { seed = 5, min = -1, max = 1 })
  return nn.new(graph, store), graph:input(input, { name = "x" }), input
end

--- Same-padded convolution of N=1 C H W by plain loops, with rows and columns dilated.
local function conv(x, w, bias, dilation)
  local c, h, width = #x, #x[1], #x[1][1]
  local k, out, d = #w[1][1], {}, dilation or 1
  local half = k // 2
  for o = 1, #w do
    out[o] = {}
    for i = 1, h do
      out[o][i] = {}
      for j = 1, width do
        local sum = bias and bias[o] or 0
        for ch = 1, c do
          for a = 1, k do
            for b = 1, k do
              local row = x[ch][i + (a - 1 - half) * d]
              sum = sum + w[o][ch][a][b] * (row and row[j + (b - 1 - half) * d] or 0)
            end
          end
        end
        out[o][i][j] = sum
      end
    end
  end
  return out
end

local function each(f, ...)
  local first, rest = (...), { select(2, ...) }
  if type(first) ~= "table" then return f(...) end
  local out = {}
  for i in ipairs(first) do
    local parts = {}
    for k, t in ipairs(rest) do parts[k] = t[i] end
    out[i] = each(f, first[i], table.unpack(parts))
  end
  return out
end

local function flat(t, list)
  list = list or {}
  for _, v in ipairs(t) do
    if type(v) == "table" then flat(v, list) else list[#list + 1] = v end
  end
  return list
end

local function relu(v) return math.max(v, 0) end
local function sigmoid(v) return 1 / (1 + math.exp(-v)) end
local function tanh(v) return 1 - 2 / (math.exp(2 * v) + 1) end

describe("nn", function()
  it("names nodes and parameters by scope, and makes what the store lacks", function()
    local store = {}
    local builder, x = setup({ 1, 2, 4, 4 }, store)
    local y = builder:scope("encoder.3"):conv_block(x, 5)
    assert.are.equal("encoder.3.relu2", y:name())
    local names = {}
    for i, entry in ipairs(builder.entries) do names[i] = entry.name end
    assert.are.same({ "encoder.3.conv1.weight", "encoder.3.conv1.bias", "encoder.3.bn1.weight", "encoder.3.bn1.bias",
      "encoder.3.bn1.running_mean", "encoder.3.bn1.running_var", "encoder.3.conv2.weight", "encoder.3.conv2.bias",
      "encoder.3.bn2.weight", "encoder.3.bn2.bias", "encoder.3.bn2.running_mean", "encoder.3.bn2.running_var" }, names)
    assert.is_true(builder.entries[5].statistic)
    assert.are.same({ 5, 2, 3, 3 }, store["encoder.3.conv1.weight"]:shape())
    assert.are.same({ 1, 1, 1, 1, 1 }, store["encoder.3.bn2.running_var"]:values())
    local limit = math.sqrt(6 / 18)
    assert.is_true(store["encoder.3.conv1.weight"]:abs():max() <= limit)
    assert.is_true(store["encoder.3.conv1.weight"]:std() > 0.4 * limit)
  end)

  it("initialises by name and seed, whatever else there is", function()
    local function weight(seed, first)
      local builder, x = setup { 1, 2, 4, 4 }
      builder.seed = seed
      if first then builder:conv("other", x, 7) end
      builder:conv("a", x, 3)
      return builder.store["a.weight"]
    end
    assert.is_true(weight(0):equal(weight(0, true)))
    assert.is_false(weight(0):equal(weight(1)))
  end)

  it("shares weights between graphs of other sizes, and refuses those of another shape", function()
    local store = {}
    local builder, x = setup({ 1, 2, 4, 4 }, store)
    builder:conv("a", x, 3)
    local before = store["a.weight"]
    local other, y = setup({ 1, 2, 6, 8 }, store)
    local node = other:conv("a", y, 3)
    assert.are.equal(before, store["a.weight"])
    assert.are.same({ 1, 3, 6, 8 }, node:shape())
    local bad, z = setup({ 1, 5, 4, 4 }, store)
    local ok, message = pcall(bad.conv, bad, "a", z, 3)
    assert.is_false(ok)
    assert.is_truthy(message:find("'a.weight' is 3x2x3x3 in the weights, the network has 3x5x3x3", 1, true), message)
  end)

  it("refuses unknown options by name", function()
    local builder, x = setup { 1, 2, 4, 4 }
    local ok, message = pcall(builder.conv, builder, "a", x, 3, { kernal = 1 })
    assert.is_false(ok)
    assert.is_truthy(message:find("did you mean 'kernel'", 1, true), message)
  end)

  it("squeezes and excites", function()
    local builder, x, input = setup { 1, 4, 3, 5 }
    local y = builder:squeeze_excite("se", x, { reduction = 2 })
    local w1, w2 = builder.store["se.reduce.weight"]:to_table(), builder.store["se.expand.weight"]:to_table()
    local means, want = input:mean { 3, 4 }:values(), input:to_table()[1]
    local hidden = {}
    for i = 1, 2 do
      hidden[i] = 0
      for c = 1, 4 do hidden[i] = hidden[i] + w1[i][c] * means[c] end
      hidden[i] = relu(hidden[i])
    end
    for c = 1, 4 do
      local gate = sigmoid(w2[c][1] * hidden[1] + w2[c][2] * hidden[2])
      want[c] = each(function(v) return v * gate end, want[c])
    end
    near.values(flat(want), y:value())
    assert.are.equal("se", y:name())
  end)

  it("runs a convolutional LSTM: gates i, f, c, o, the decoder map first", function()
    local store = { ["lstm.input.bias"] = fovea.uniform({ 12 }, { seed = 2, min = -0.5, max = 0.5 }) }
    local graph = fovea.graph()
    local a, b = fovea.uniform({ 1, 2, 3, 4 }, { seed = 1 }), fovea.uniform({ 1, 2, 3, 4 }, { seed = 4, min = -1 })
    local builder = nn.new(graph, store)
    local y = builder:conv_lstm("lstm", { graph:input(a), graph:input(b) }, 3)
    local wx, wh = store["lstm.input.weight"]:to_table(), store["lstm.hidden.weight"]:to_table()
    local bias = store["lstm.input.bias"]:values()
    local function hard(v) return math.min(math.max(0.2 * v + 0.5, 0), 1) end
    local h, c
    for _, x in ipairs { a, b } do
      local z = conv(x:to_table()[1], wx, bias)
      if h then z = each(function(p, q) return p + q end, z, conv(h, wh)) end
      local i, f = { z[1], z[2], z[3] }, { z[4], z[5], z[6] }
      local g, o = { z[7], z[8], z[9] }, { z[10], z[11], z[12] }
      c = c and each(function(zi, zf, zg, old) return hard(zf) * old + hard(zi) * tanh(zg) end, i, f, g, c)
        or each(function(zi, zg) return hard(zi) * tanh(zg) end, i, g)
      h = each(function(zo, cell) return hard(zo) * tanh(cell) end, o, c)
    end
    near.values(flat(h), y:value(), 1e-5)
    assert.are.equal("lstm", y:name())
    assert.is_truthy(graph:node "lstm.step1")
    assert.is_truthy(graph:node "lstm.step2")
    local zeros = nn.new(fovea.graph(), store)
    local same = zeros:conv_lstm("lstm", { zeros.graph:input(a), zeros.graph:input(b) }, 3, { zero_state = true })
    near.values(flat(h), same:value(), 1e-5)
  end)

  it("begins with a forget gate that is open, and reads both ways when asked", function()
    local builder, x = setup { 1, 2, 3, 4 }
    local y = builder:conv_lstm("lstm", { x, x }, 3, { directions = 2, gate = "sigmoid" })
    assert.are.same({ 0, 0, 0, 1, 1, 1, 0, 0, 0, 0, 0, 0 }, builder.store["lstm.forward.input.bias"]:values())
    assert.are.equal("tanh", y:kind())
    assert.is_truthy(builder.graph:node "lstm.backward.step2")
  end)

  it("repeats a recurrent convolution over shared weights, or with separate kernels", function()
    local function norm(v) return relu(v / math.sqrt(1 + 1e-5)) end
    for _, separate in ipairs { false, true } do
      local builder, x, input = setup { 1, 3, 4, 5 }
      local y = builder:recurrent_conv("unit", x, { steps = 2, separate = separate })
      local store, image, h = builder.store, input:to_table()[1], nil
      local forward = store[separate and "unit.forward.weight" or "unit.conv.weight"]:to_table()
      for _ = 0, 2 do
        local z
        if separate then
          z = conv(image, forward)
          if h then
            z = each(function(p, q) return p + q end, z, conv(h, store["unit.recurrent.weight"]:to_table()))
          end
        else
          z = conv(h and each(function(p, q) return p + q end, image, h) or image, forward)
        end
        h = each(norm, z)
      end
      near.values(flat(h), y:value(), 1e-5)
      assert.are.equal("unit.step2", y:name())
      local parameters = 0
      for _, entry in ipairs(builder.entries) do
        if not entry.statistic then parameters = parameters + 1 end
      end
      assert.are.equal(separate and 5 or 4, parameters)
    end
  end)

  it("gates a skip", function()
    local builder, x, input = setup { 1, 2, 3, 4 }
    local y = builder:attention_gate("gate", x, x, 2)
    local s, image = builder.store, input:to_table()[1]
    local scale = 1 / math.sqrt(1 + 1e-5)
    local function pointwise(t, name) return conv(t, s[name .. ".conv.weight"]:to_table()) end
    local sum = each(function(p, q) return relu((p + q) * scale) end, pointwise(image, "gate.gating"),
      pointwise(image, "gate.skip"))
    local psi = each(function(v) return sigmoid(v * scale) end, pointwise(sum, "gate.psi"))[1]
    local want = {}
    for c = 1, 2 do want[c] = each(function(v, gate) return v * gate end, image[c], psi) end
    near.values(flat(want), y:value(), 1e-5)
  end)

  it("makes a pyramid of pooled and dilated branches in the order of the paper", function()
    local builder, x, input = setup { 1, 2, 8, 8 }
    local y = builder:aspp("aspp", x, 2, { rates = { 2 }, pooled = 1 })
    local s, image, scale = builder.store, input:to_table()[1], 1 / math.sqrt(1 + 1e-5)
    local function unit(t, name, dilation)
      return each(function(v) return relu(v * scale) end, conv(t, s[name .. ".conv.weight"]:to_table(), nil, dilation))
    end
    local means = input:mean { 3, 4 }:values()
    local pooled = unit({ { { means[1] } }, { { means[2] } } }, "aspp.pool")
    local branches = {}
    for c = 1, 2 do branches[c] = each(function() return pooled[c][1][1] end, image[c]) end
    for _, branch in ipairs { { "aspp.rate1", 1 }, { "aspp.rate2", 2 } } do
      local out = unit(image, branch[1], branch[2])
      branches[#branches + 1], branches[#branches + 2] = out[1], out[2]
    end
    near.values(flat(unit(branches, "aspp.project")), y:value(), 1e-5)
    assert.are.equal("aspp", y:name())
  end)

  it("goes up by repetition, by lines, and by learnt kernels", function()
    local builder, x, input = setup { 1, 1, 2, 2 }
    local v = input:values()
    assert.are.same({ v[1], v[1], v[2], v[2], v[1], v[1], v[2], v[2], v[3], v[3], v[4], v[4], v[3], v[3], v[4], v[4] },
      builder:up("near", x, { mode = "nearest" }):value():values())
    local line = builder:up("line", x):value():values()
    assert.are.near(0.75 * v[1] + 0.25 * v[2], line[2], 1e-6)
    local corners = builder:up("corners", x, { coordinates = "align_corners" }):value():values()
    assert.are.near((2 * v[1] + v[2]) / 3, corners[2], 1e-6)
    assert.are.same({ 1, 3, 4, 4 }, builder:up("learnt", x, { mode = "transposed", channels = 3 }):shape())
  end)

  it("works on volumes", function()
    local builder, x = setup { 1, 2, 4, 6, 8 }
    local y = builder:scope("a"):conv_block(x, 4, { norm = "instance", activation = "leaky_relu", slope = 0.01,
      kernel = { 1, 3, 3 }, stride = { 1, 2, 2 } }, 1)
    assert.are.same({ 1, 4, 4, 3, 4 }, y:shape())
    y = builder:squeeze_excite("se", builder:up("up", y), { reduction = 2 })
    assert.are.same({ 1, 4, 8, 6, 8 }, y:shape())
    assert.is_true(y:value():is_finite())
  end)
end)
