local near = require "support.near"
local onnx = require "support.onnx_writer"
local onnx_case = require "support.onnx_case"

local node, weights = onnx.node, onnx_case.weights

-- What each operator of activations becomes.
describe("import.onnx ops", function()
  local case

  setup(function() case = onnx_case.new() end)
  teardown(function() case:remove() end)

  --- Lowers one node that reads x of `shape` and the given initialisers; returns the graph and the output node.
  local function lower(op, shape, attributes, initializers, extra)
    local inputs = { "x" }
    for i, t in ipairs(initializers or {}) do inputs[i + 1] = t and t.name or "" end
    local present = {}
    for _, t in ipairs(initializers or {}) do present[#present + 1] = t or nil end
    local model = onnx_case.model(shape, node(op, inputs, { "y" }, attributes, "n"), { initializers = present })
    for key, value in pairs(extra or {}) do model[key] = value end
    local g, built, importer = case:lower(model)
    return g, built.outputs.y, importer
  end

  --- The only node must be of this kind with these options.
  local function check(op, kind, shape, attributes, options, out, initializers, extra)
    local g, y = lower(op, shape, attributes, initializers, extra)
    assert.equal(kind, g:text())
    assert.equal(kind, y:kind())
    if out then assert.same(out, y:shape()) end
    for key, value in pairs(options or {}) do
      local got = g:ops()[1].options[key]
      if type(value) == "number" then near.number(value, got, 1e-6, key) else assert.same(value, got, key) end
    end
  end

  local function problem(op, shape, attributes, initializers, extra)
    local ok, message = pcall(lower, op, shape, attributes, initializers, extra)
    assert.is_false(ok)
    return tostring(message)
  end

  local function ints(name, values, dims) return onnx.ints(name, values, dims) end
  local function floats(name, values, dims) return onnx.tensor(name, dims or { #values }, values) end

  describe("Conv", function()
    it("passes on its window", function()
      check("Conv", "conv", { 1, 4, 9, 9 }, { pads = { 1, 0, 2, 1 }, strides = { 2, 1 }, dilations = { 1, 2 },
        group = 2, kernel_shape = { 3, 3 } },
        { pad = { 1, 0 }, pad_end = { 2, 1 }, stride = { 2, 1 }, dilation = { 1, 2 }, groups = 2 },
        { 1, 6, 5, 6 }, { weights("w", { 6, 2, 3, 3 }), weights("b", { 6 }) })
      check("Conv", "conv", { 1, 1, 4, 4, 4 }, {}, { pad = { 0, 0, 0 } }, { 1, 2, 2, 2, 2 }, { weights("w",
        { 2, 1, 3, 3, 3 }) })
    end)

    it("pads as auto_pad says: the odd pixel at the end or the start", function()
      local w = { weights("w", { 1, 1, 3, 3 }) }
      check("Conv", "conv", { 1, 1, 8, 7 }, { auto_pad = "SAME_UPPER", strides = { 2, 2 } },
        { pad = { 0, 1 }, pad_end = { 1, 1 } }, { 1, 1, 4, 4 }, w)
      check("Conv", "conv", { 1, 1, 8, 7 }, { auto_pad = "SAME_LOWER", strides = { 2, 2 } },
        { pad = { 1, 1 }, pad_end = { 0, 1 } }, { 1, 1, 4, 4 }, w)
      check("Conv", "conv", { 1, 1, 8, 7 }, { auto_pad = "VALID" }, { pad = { 0, 0 } }, { 1, 1, 6, 5 }, w)
    end)

    it("refuses windows that do not fit the value", function()
      assert.matches("a kernel of 2 axes on a value of 3 dimensions",
        problem("Conv", { 1, 1, 8 }, {}, { weights("w", { 1, 1, 3, 3 }) }))
      assert.matches("strides, dilations and pads must have 2, 2 and 4 entries",
        problem("Conv", { 1, 1, 8, 8 }, { pads = { 1, 1 } }, { weights("w", { 1, 1, 3, 3 }) }))
    end)
  end)

  it("ConvTranspose: padding, output padding, output shape", function()
    local w = { weights("w", { 2, 3, 3, 3 }) }
    check("ConvTranspose", "conv_transpose", { 1, 2, 5, 5 }, { strides = { 2, 2 }, pads = { 1, 1, 1, 1 },
      output_padding = { 1, 1 } }, { output_pad = { 1, 1 }, pad = { 1, 1 } }, { 1, 3, 10, 10 }, w)
    check("ConvTranspose", "conv_transpose", { 1, 2, 5, 5 }, { strides = { 2, 2 }, output_shape = { 10, 10 } },
      { pad = { 1, 1 }, pad_end = { 0, 0 }, output_pad = { 0, 0 } }, { 1, 3, 10, 10 }, w)
    check("ConvTranspose", "conv_transpose", { 1, 2, 5, 5 }, { strides = { 2, 2 }, auto_pad = "SAME_UPPER" },
      { pad = { 0, 0 }, pad_end = { 1, 1 } }, { 1, 3, 10, 10 }, w)
    check("ConvTranspose", "conv_transpose", { 1, 2, 5, 5 }, { strides = { 2, 2 }, output_shape = { 12, 12 } },
      { pad = { 0, 0 }, pad_end = { 0, 0 }, output_pad = { 1, 1 } }, { 1, 3, 12, 12 }, w)
  end)

  it("pooling", function()
    check("MaxPool", "max_pool", { 1, 2, 7, 7 }, { kernel_shape = { 3, 3 }, strides = { 2, 2 }, pads = { 1, 1, 1, 1 },
      ceil_mode = 1 }, { kernel = { 3, 3 }, stride = { 2, 2 }, ceil = true }, { 1, 2, 4, 4 })
    check("MaxPool", "max_pool", { 1, 2, 7, 7 }, { kernel_shape = { 3, 3 } }, { stride = { 1, 1 } }, { 1, 2, 5, 5 })
    check("AveragePool", "avg_pool", { 1, 2, 8, 8 }, { kernel_shape = { 2, 2 }, strides = { 2, 2 },
      count_include_pad = 1 }, { include_pad = true }, { 1, 2, 4, 4 })
    check("AveragePool", "global_avg_pool", { 1, 2, 8, 4 }, { kernel_shape = { 8, 4 } }, {}, { 1, 2, 1, 1 })
    check("GlobalAveragePool", "global_avg_pool", { 1, 2, 8, 4 }, {}, {}, { 1, 2, 1, 1 })
    check("GlobalMaxPool", "reduce_max", { 1, 2, 8, 4 }, {}, { axes = { 3, 4 }, keep_dims = true }, { 1, 2, 1, 1 })
    local text = case:problem { inputs = { { "x", { 1, 1, 4, 4 } } }, outputs = { { "y" }, { "i" } },
      nodes = { node("MaxPool", { "x" }, { "y", "i" }, { kernel_shape = { 2, 2 } }, "p") } }
    assert.matches("the indices of a max pooling", text)
  end)

  describe("normalisation", function()
    local function norms(n)
      return { weights("s", { n }), weights("b", { n }), weights("m", { n }), weights("v", { n }) }
    end

    it("batch", function()
      check("BatchNormalization", "batch_norm", { 1, 3, 4, 4 }, { epsilon = 0.01, momentum = 0.75 },
        { epsilon = 0.01, momentum = 0.25 }, { 1, 3, 4, 4 }, norms(3))
      local _, _, importer = lower("BatchNormalization", { 1, 3, 4, 4 }, { training_mode = 1 }, norms(3))
      assert.matches("exported in training mode", importer.warnings[1])
      assert.matches("spatial = 0", problem("BatchNormalization", { 1, 3, 4, 4 }, { spatial = 0 }, norms(3)))
    end)

    it("instance, group and layer", function()
      local two = { weights("s", { 4 }), weights("b", { 4 }) }
      check("InstanceNormalization", "instance_norm", { 1, 4, 3, 3 }, { epsilon = 0.5 }, { epsilon = 0.5 }, nil, two)
      check("GroupNormalization", "group_norm", { 1, 4, 3, 3 }, { num_groups = 2 }, { groups = 2 }, nil, two,
        { opset = 21 })
      check("LayerNormalization", "layer_norm", { 2, 3, 4 }, { axis = -1 }, { axis = 3 }, nil, two)
      -- opset 18 has one scale per group
      local g = lower("GroupNormalization", { 1, 4, 3, 3 }, { num_groups = 2 },
        { floats("s", { 5, 6 }), floats("b", { 7, 8 }) }, { opset = 18 })
      near.values({ 5, 5, 6, 6 }, g:ops "param"[1].tensor)
      near.values({ 7, 7, 8, 8 }, g:ops "param"[2].tensor)
    end)

    it("group as older operator sets write it", function()
      local function model(shape_back, scale)
        return onnx_case.model({ 2, 6, 4, 4 }, {
          node("Reshape", { "x", "groups" }, { "r" }), node("InstanceNormalization", { "r", "s", "b" }, { "i" },
            {}, "gn"),
          node("Reshape", { "i", "back" }, { "y" }),
        }, { initializers = { ints("groups", { 0, 3, -1 }), ints("back", shape_back), floats("s", scale),
          floats("b", { 0, 0, 0 }) } })
      end
      local g, built = case:lower(model({ 2, 6, 4, 4 }, { 1, 1, 1 }))
      assert.equal("group_norm", g:text())
      assert.equal(3, g:ops()[1].options.groups)
      assert.equal(1, #g:ops()[1].sources)
      assert.same({ 2, 6, 4, 4 }, built.outputs.y:shape())
      g = case:lower(model({ 2, 6, 4, 4 }, { 1, 2, 3 }))
      near.values({ 1, 1, 2, 2, 3, 3 }, g:ops "param"[1].tensor)
    end)
  end)

  it("activations", function()
    local shape = { 1, 2, 3, 3 }
    for op, kind in pairs {
      Relu = "relu", Sigmoid = "sigmoid", Tanh = "tanh", Exp = "exp", Log = "log", Sqrt = "sqrt", Abs = "abs",
      Neg = "neg", Reciprocal = "reciprocal", Erf = "erf", Softplus = "softplus", Mish = "mish",
      HardSwish = "hard_swish",
    } do
      check(op, kind, shape, {}, {}, shape)
    end
    check("LeakyRelu", "leaky_relu", shape, { alpha = 0.25 }, { alpha = 0.25 })
    check("LeakyRelu", "leaky_relu", shape, {}, { alpha = 0.01 })
    check("Elu", "elu", shape, { alpha = 0.5 }, { alpha = 0.5 })
    check("Selu", "selu", shape, {})
    check("HardSigmoid", "hard_sigmoid", shape, {}, { alpha = 0.2, beta = 0.5 })
    check("Gelu", "gelu", shape, { approximate = "tanh" }, { approximate = "tanh" })
    check("PRelu", "prelu", shape, {}, {}, shape, { weights("slope", { 2, 1, 1 }) })
    assert.matches("a slope of 3 values for 2 channels", problem("PRelu", shape, {}, { weights("slope", { 3, 1, 1 }) }))
    check("Softmax", "softmax", shape, { axis = 1 }, { axis = 2 })
    check("Softmax", "softmax", shape, {}, { axis = 4 })
    check("LogSoftmax", "log_softmax", shape, { axis = -1 }, { axis = 4 })
    assert.equal("", (lower("Identity", shape):text()))
    assert.equal("", (lower("Dropout", shape):text()))
  end)

  it("Clip reads its bounds from attributes or inputs", function()
    check("Clip", "clip", { 1, 2 }, { min = 0.0, max = 6.0 }, { min = 0, max = 6 }, nil, nil, { opset = 9 })
    check("Clip", "clip", { 1, 2 }, {}, { min = -1, max = 6 }, nil, { floats("lo", { -1 }, {}), floats("hi", { 6 },
      {}) })
    local g = lower("Clip", { 1, 2 }, {}, { floats("lo", { -1 }, {}) })
    assert.is_nil(g:ops()[1].options.max)
    check("Clip", "relu", { 1, 2 }, {}, {}, nil, { floats("lo", { 0 }, {}) })
  end)

  it("Softmax of old operator sets runs over all axes from its own on", function()
    local g, y = lower("Softmax", { 2, 3, 4, 5 }, {}, nil, { opset = 11 })
    assert.equal("reshape softmax reshape", g:text())
    assert.same({ 2, 60 }, g:ops "softmax"[1]:shape())
    assert.same({ 2, 3, 4, 5 }, y:shape())
    check("Softmax", "softmax", { 2, 3, 1, 1 }, {}, { axis = 2 }, nil, nil, { opset = 11 })
    check("Softmax", "softmax", { 2, 3 }, { axis = 1 }, { axis = 2 }, nil, nil, { opset = 11 })
  end)

  it("arithmetic", function()
    for op, kind in pairs { Add = "add", Sub = "sub", Mul = "mul", Div = "div", Min = "min", Max = "max" } do
      check(op, kind, { 1, 2, 3, 3 }, {}, {}, { 1, 2, 3, 3 }, { weights("w", { 2, 1, 1 }) })
    end
    check("Pow", "pow", { 1, 2 }, {}, { exponent = 2 }, nil, { floats("p", { 2 }, {}) })
    assert.matches("the exponent must be a single number", problem("Pow", { 1, 2 }, {}, { floats("p", { 2, 3 }) }))
    assert.equal("add add", (lower("Sum", { 1, 2 }, {}, { floats("a", { 1 }), floats("b", { 2 }) })):text())
    local g = lower("Mean", { 1, 2 }, {}, { floats("a", { 1 }) })
    assert.equal("add mul", g:text())
    near.values({ 0.5 }, g:ops "constant"[1].tensor)
  end)

  it("reductions take axes from the attribute or the input", function()
    check("ReduceMean", "global_avg_pool", { 1, 2, 4, 4 }, { axes = { 2, 3 } }, {}, { 1, 2, 1, 1 })
    check("ReduceMean", "reduce_mean", { 1, 2, 4, 4 }, { axes = { -1 }, keepdims = 0 },
      { axes = { 4 }, keep_dims = false },
      { 1, 2, 4 })
    check("ReduceSum", "reduce_sum", { 1, 2, 4 }, {}, { axes = { 2 } }, { 1, 1, 4 }, { ints("axes", { 1 }) })
    check("ReduceMax", "reduce_max", { 1, 2, 4 }, {}, { axes = { 1, 2, 3 } }, { 1, 1, 1 })
    assert.equal("neg reduce_max neg", (lower("ReduceMin", { 1, 2 }, { axes = { 1 } })):text())
    assert.equal("pow reduce_sum sqrt", (lower("ReduceL2", { 1, 2 }, { axes = { 1 } })):text())
    assert.equal("", (lower("ReduceSum", { 1, 2 }, { noop_with_empty_axes = 1 })):text())
  end)

  describe("matrix products", function()
    it("with weights are layers", function()
      local g, y = lower("Gemm", { 2, 3 }, { transB = 1 }, { weights("fc.weight", { 4, 3 }), weights("fc.bias",
        { 4 }) })
      assert.equal("linear", g:text())
      assert.same({ 2, 4 }, y:shape())
      g = lower("Gemm", { 2, 3 }, { alpha = 2.0, beta = 0.5 }, { floats("w", { 1, 2, 3, 4, 5, 6 },
        { 3, 2 }), floats("b", { 8, 6 }) })
      near.values({ 2, 6, 10, 4, 8, 12 }, g:ops "param"[1].tensor)
      near.values({ 4, 3 }, g:ops "param"[2].tensor)
      g, y = lower("MatMul", { 5, 2, 3 }, {}, { weights("w", { 3, 4 }) })
      assert.equal("linear", g:text())
      assert.same({ 5, 2, 4 }, y:shape())
      assert.same({ 4, 3 }, g:ops "param"[1]:shape())
    end)

    it("of two activations", function()
      local g, built = case:lower(onnx_case.model({ 2, 3, 4 }, {
        node("Relu", { "x" }, { "a" }), node("Transpose", { "x" }, { "t" }, { perm = { 0, 2, 1 } }, "t"),
        node("MatMul", { "a", "t" }, { "y" }),
      }))
      assert.equal("relu transpose matmul", g:text())
      assert.same({ 2, 3, 3 }, built.outputs.y:shape())
      g, built = case:lower(onnx_case.model({ 2, 3, 4 }, {
        node("Relu", { "x" }, { "a" }), node("Einsum", { "a", "x" }, { "y" }, { equation = "bid,bjd->bij" }),
      }))
      assert.equal("relu matmul", g:text())
      assert.is_true(g:ops "matmul"[1].options.transpose_b)
      assert.same({ 2, 3, 3 }, built.outputs.y:shape())
      assert.matches("not a plain matrix product", problem("Einsum", { 2, 3 }, { equation = "ij->ji" }))
    end)
  end)

  it("moves", function()
    check("Concat", "concat", { 1, 2, 3 }, { axis = -2 }, { axis = 2 }, { 1, 6, 3 }, { weights("w", { 1, 4, 3 }) })
    check("Transpose", "transpose", { 1, 2, 3 }, { perm = { 0, 2, 1 } }, { permutation = { 1, 3, 2 } }, { 1, 3, 2 })
    check("Transpose", "reshape", { 1, 2, 1 }, {}, { shape = { 1, 2, 1 } })
    check("Flatten", "reshape", { 2, 3, 4, 4 }, {}, {}, { 2, 48 })
    check("Squeeze", "reshape", { 1, 3, 1 }, { axes = { 0, 2 } }, {}, { 3 }, nil, { opset = 11 })
    check("Squeeze", "reshape", { 1, 3, 1 }, {}, {}, { 1, 3 }, { ints("axes", { -1 }) })
    check("Unsqueeze", "reshape", { 2, 3 }, { axes = { 0, 3 } }, {}, { 1, 2, 3, 1 }, nil, { opset = 11 })
    check("Reshape", "reshape", { 2, 3, 4 }, {}, {}, { 2, 12 }, { ints("shape", { 0, -1 }) })
    check("Expand", "expand", { 1, 3, 1 }, {}, {}, { 2, 3, 4 }, { ints("shape", { 2, 1, 4 }) })
    check("Tile", "expand", { 1, 3 }, {}, {}, { 4, 3 }, { ints("repeats", { 4, 1 }) })
    check("Tile", "concat", { 2, 3 }, {}, {}, { 2, 6 }, { ints("repeats", { 1, 2 }) })
    check("DepthToSpace", "depth_to_space", { 1, 8, 2, 2 }, { blocksize = 2, mode = "CRD" },
      { block = 2, order = "crd" },
      { 1, 2, 4, 4 })
    check("SpaceToDepth", "space_to_depth", { 1, 2, 4, 4 }, { blocksize = 2 }, {}, { 1, 8, 2, 2 })
    assert.matches("cannot become 5,%-1", problem("Reshape", { 2, 3 }, {}, { ints("shape", { 5, -1 }) }))
  end)

  it("Pad in its forms", function()
    check("Pad", "pad", { 1, 1, 4, 4 }, { pads = { 0, 0, 1, 2, 0, 0, 3, -1 }, value = 2.0 },
      { before = { 0, 0, 1, 2 }, after = { 0, 0, 3, -1 }, mode = "constant", value = 2 }, { 1, 1, 8, 5 }, nil,
        { opset = 9 })
    check("Pad", "pad", { 1, 1, 4, 4 }, { mode = "reflect" }, { mode = "reflect" }, { 1, 1, 6, 4 },
      { ints("pads", { 0, 0, 1, 0, 0, 0, 1, 0 }) })
    check("Pad", "pad", { 1, 1, 4, 4 }, {}, { before = { 0, 0, 0, 1 }, value = 0.5 }, { 1, 1, 4, 7 },
      { ints("pads", { 1, 2 }), floats("value", { 0.5 }, {}), ints("axes", { -1 }) }, { opset = 18 })
    assert.equal("", (lower("Pad", { 1, 1, 4 }, {}, { ints("pads", { 0, 0, 0, 0, 0, 0 }) })):text())
    assert.matches("mode 'wrap' is not supported", problem("Pad", { 4 }, { mode = "wrap" }, { ints("pads", { 1, 1 }) }))
  end)

  it("Slice in its forms", function()
    check("Slice", "slice", { 1, 8, 4 }, { starts = { 2 }, ends = { -1 }, axes = { 1 } },
      { axis = 2, first = 3, last = 7, step = 1 },
      { 1, 5, 4 }, nil, { opset = 9 })
    check("Slice", "slice", { 1, 8, 4 }, {}, { axis = 3, first = 2, last = 4, step = 2 }, { 1, 8, 2 },
      { ints("starts", { 1 }), ints("ends", { math.maxinteger }), ints("axes", { 2 }), ints("steps", { 2 }) })
    check("Slice", "slice", { 1, 8, 4 }, {}, { first = 4, last = 1, step = -1 }, { 1, 8, 4 },
      { ints("starts", { -1 }), ints("ends", { math.mininteger }), ints("axes", { 2 }), ints("steps", { -1 }) })
    assert.equal("", (lower("Slice", { 1, 8 }, {}, { ints("starts", { 0 }), ints("ends", { 100 }) })):text())
    assert.matches("the slice of axis 2 is empty",
      problem("Slice", { 1, 8 }, {}, { ints("starts", { 5 }), ints("ends", { 5 }), ints("axes", { 1 }) }))
  end)

  it("Split and Gather", function()
    local g, built = case:lower { inputs = { { "x", { 1, 7, 2 } } }, outputs = { { "a" }, { "b" } },
      nodes = { node("Split", { "x", "split" }, { "a", "b" }, { axis = 1 }, "s") }, initializers = { ints("split",
        { 3, 4 }) } }
    assert.same({ { 1, 3, 2 }, { 1, 4, 2 } }, { built.outputs.a:shape(), built.outputs.b:shape() })
    assert.same({ 4, 7 }, { g:ops()[2].options.first, g:ops()[2].options.last })
    local _
    _, built = case:lower { inputs = { { "x", { 1, 7, 2 } } }, outputs = { { "a" }, { "b" } }, opset = 18,
      nodes = { node("Split", { "x" }, { "a", "b" }, { axis = 1, num_outputs = 2 }, "s") } }
    assert.same({ { 1, 4, 2 }, { 1, 3, 2 } }, { built.outputs.a:shape(), built.outputs.b:shape() })
    local y
    g, y = lower("Gather", { 2, 5, 3 }, { axis = 1 }, { ints("i", { -1 }, {}) })
    assert.equal("slice reshape", g:text())
    assert.same({ 2, 3 }, y:shape())
    g, y = lower("Gather", { 2, 5 }, { axis = 1 }, { ints("i", { 3, 4, 0 }) })
    assert.equal("slice slice concat", g:text())
    assert.same({ 2, 3 }, y:shape())
    assert.matches("index 5 is outside an axis of 5", problem("Gather", { 2, 5 }, { axis = 1 }, { ints("i", { 5 }) }))
  end)

  it("Where with a constant condition", function()
    local function where(mask, other)
      return case:lower(onnx_case.model({ 1, 2 }, node("Where", { "c", "x", "o" }, { "y" }, {}, "w"), {
        initializers = { onnx.tensor("c", { 1, 2 }, mask, { type = "bool" }), other } }))
    end
    assert.equal("", where({ 1, 1 }, floats("o", { 5 })):text())
    local g = where({ 1, 0 }, floats("o", { -math.huge }))
    assert.equal("mul add", g:text())
    near.values({ 1, 0 }, g:ops "constant"[1].tensor)
    local other = g:ops "constant"[2].tensor:values()
    assert.same({ 0, -math.huge }, other)
  end)
end)
