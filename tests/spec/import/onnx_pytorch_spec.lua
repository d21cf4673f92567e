local core = require "fovea.core"
local fovea = require "fovea"
local near = require "support.near"
local onnx = require "support.onnx_writer"
local onnx_case = require "support.onnx_case"
local onnx_import = require "fovea.import.onnx"

local node, ints = onnx.node, onnx.ints

-- What PyTorch's exporter writes when the input size is fixed, run at another size; blocks that work channels last.
describe("import.onnx files of PyTorch", function()
  local case

  setup(function() case = onnx_case.new() end)
  teardown(function() case:remove() end)

  local function floats(name, values, dims) return onnx.tensor(name, dims or { #values }, values) end

  --- A model for inputs of a shape.
  local function model(shape, nodes, initializers, opset)
    return onnx_case.model(shape, nodes, { initializers = initializers, producer = "pytorch", opset = opset })
  end

  --- Runs a model on x; the value of its output, the built graph and the importer.
  local function run(file, x)
    local importer = assert(onnx_import.open(case:write(file)))
    local graph = core.graph()
    local built = assert(importer:build(graph, { x:shape() }))
    local plan = assert(graph:plan { mode = "infer", taps = { built.outputs.y } })
    plan:set_input(built.inputs.x, x)
    plan:forward()
    return plan:value(built.outputs.y), built, importer
  end

  --- 0, 1, 2, ... in a shape.
  local function ramp(...)
    local dims, values, n = { ... }, {}, 1
    for _, d in ipairs(dims) do n = n * d end
    for i = 1, n do values[i] = i - 1 end
    return fovea.tensor(dims, values)
  end

  it("Celu and Softsign", function()
    local x = fovea.tensor({ 1, 4 }, { -2, -0.5, 0, 3 })
    near.values({ 2 * (math.exp(-1) - 1), 2 * (math.exp(-0.25) - 1), 0, 3 },
      (run(model({ 1, 4 }, node("Celu", { "x" }, { "y" }, { alpha = 2.0 })), x)))
    near.values({ math.exp(-2) - 1, math.exp(-0.5) - 1, 0, 3 },
      (run(model({ 1, 4 }, node("Celu", { "x" }, { "y" })), x)))
    near.values({ -2 / 3, -1 / 3, 0, 3 / 4 }, (run(model({ 1, 4 }, node("Softsign", { "x" }, { "y" })), x)))
  end)

  it("ReduceLogSumExp", function()
    local x = fovea.tensor({ 1, 2, 2 }, { 1000, 0, 1000, math.log(3) })
    local file = model({ 1, 2, 2 }, node("ReduceLogSumExp", { "x" }, { "y" }, { axes = { 1 }, keepdims = 0 }), {}, 13)
    local y = run(file, x)
    assert.same({ 1, 2 }, y:shape())
    near.values({ 1000 + math.log(2), math.log(4) }, y)
  end)

  it("an adaptive max pool to one pixel stays global", function()
    local file = model({ 1, 1, 4, 4 }, node("MaxPool", { "x" }, { "y" },
      { kernel_shape = { 4, 4 }, strides = { 4, 4 } }))
    local y = run(file, ramp(1, 1, 8, 6))
    assert.same({ 1, 1, 1, 1 }, y:shape())
    near.values({ 47 }, y)
  end)

  it("an adaptive average pool keeps its size, with a warning", function()
    local file = model({ 1, 1, 8, 8 }, node("AveragePool", { "x" }, { "y" },
      { kernel_shape = { 4, 4 }, strides = { 4, 4 } }, "/pyramid/AveragePool"))
    local y, _, importer = run(file, ramp(1, 1, 12, 6))
    -- windows of 6 x 3: rows 0-5 have the mean 15 of 0, 6 ... 30, columns 0-2 the mean 1
    assert.same({ 1, 1, 2, 2 }, y:shape())
    near.values({ 15 + 1, 15 + 4, 51 + 1, 51 + 4 }, y)
    assert.matches("'pyramid.AveragePool' pools windows of 4x4: .* adaptive pool to 2x2", importer.warnings[1])
    y, _, importer = run(file, ramp(1, 1, 8, 8))
    near.values({ 12 + 1.5, 12 + 5.5, 44 + 1.5, 44 + 5.5 }, y)
    assert.same({}, importer.warnings)
  end)

  it("ordinary average pools follow the size", function()
    local file = model({ 1, 1, 8, 8 }, node("AveragePool", { "x" }, { "y" },
      { kernel_shape = { 2, 2 }, strides = { 2, 2 } }))
    local y, _, importer = run(file, ramp(1, 1, 4, 2))
    near.values({ 1.5, 5.5 }, y)
    assert.same({}, importer.warnings)
  end)

  it("scales divided out of a fixed size (operator set 9)", function()
    local file = model({ 1, 1, 4, 4 }, {
      node("MaxPool", { "x" }, { "p" }, { kernel_shape = { 2, 2 }, strides = { 2, 2 } }),
      node("Shape", { "p" }, { "s" }), node("Slice", { "s" }, { "hw" }, { axes = { 0 }, starts = { 2 },
        ends = { math.maxinteger } }),
      node("Cast", { "hw" }, { "f" }, { to = 1 }), node("Div", { "size", "f" }, { "d" }),
      node("Concat", { "ones", "d" }, { "scales" }, { axis = 0 }),
      node("Upsample", { "p", "scales" }, { "u" }, { mode = "nearest" }), node("Add", { "x", "u" }, { "y" }),
    }, { floats("size", { 4, 4 }), floats("ones", { 1, 1 }) }, 9)
    near.values({ 0 + 3, 1 + 3, 2 + 3, 3 + 3 }, (run(model({ 1, 1, 2, 2 }, file.nodes, {
      floats("size", { 2, 2 }), floats("ones", { 1, 1 }) }, 9), ramp(1, 1, 2, 2))))
    local y = run(file, ramp(1, 1, 2, 6))
    -- 0 1 2 3 4 5 / 6 ... 11: the windows have the maxima 7, 9, 11
    near.values({ 7, 8, 11, 12, 15, 16, 13, 14, 17, 18, 21, 22 }, y)
  end)

  it("PixelUnshuffle", function()
    local file = model({ 1, 1, 4, 8 }, {
      node("Reshape", { "x", "cut" }, { "c" }), node("Transpose", { "c" }, { "t" }, { perm = { 0, 1, 3, 5, 2, 4 } }),
      node("Reshape", { "t", "back" }, { "y" }),
    }, { ints("cut", { -1, 1, 2, 2, 4, 2 }), ints("back", { -1, 4, 2, 4 }) })
    local y = run(file, ramp(1, 1, 2, 6))
    assert.same({ 1, 4, 1, 3 }, y:shape())
    near.values({ 0, 2, 4, 1, 3, 5, 6, 8, 10, 7, 9, 11 }, y)
  end)

  it("a softmax over the channels (operator set 11) is the end of the model", function()
    local swap = { perm = { 0, 3, 2, 1 } }
    local ends = { node("Transpose", { "z" }, { "a" }, swap), node("Softmax", { "a" }, { "b" }, { axis = 3 }),
      node("Transpose", { "b" }, { "y" }, swap) }
    local z = fovea.tensor({ 1, 2, 1, 2 }, { 0, 0, math.log(3), math.log(4) })
    local file = model({ 1, 2, 1, 2 }, { node("Identity", { "x" }, { "z" }), table.unpack(ends) }, {}, 11)
    local y, built = run(file, z)
    near.values({ 1 / 4, 1 / 5, 3 / 4, 4 / 5 }, y)
    assert.equal("softmax", built.outputs.y:kind())
    -- behind a layer that works channels last
    local first, last = { perm = { 0, 3, 1, 2 } }, { perm = { 0, 2, 3, 1 } }
    file = model({ 1, 2, 1, 2 }, { node("Transpose", { "x" }, { "t" }, last), node("MatMul", { "t", "w" }, { "m" }),
      node("Transpose", { "m" }, { "z" }, first), table.unpack(ends) }, { floats("w", { 0, 1, 1, 0 }, { 2, 2 }) }, 11)
    y, built = run(file, z)
    near.values({ 3 / 4, 4 / 5, 1 / 4, 1 / 5 }, y)
    assert.equal("softmax", built.outputs.y:kind())
    assert.same({ 1, 2, 1, 2 }, built.outputs.y:shape())
  end)

  it("instance normalisation as batch normalisation in training mode", function()
    local file = model({ 2, 1, 1, 4 }, {
      node("Reshape", { "x", "flat" }, { "f" }),
      node("BatchNormalization", { "f", "s", "b", "m", "v" }, { "n", "m2", "v2" },
        { epsilon = 4.0, training_mode = 1 }),
      node("Reshape", { "n", "back" }, { "y" }),
    }, { ints("flat", { 1, 2, 1, 4 }), ints("back", { 2, 1, 1, 4 }), floats("s", { 1, 3 }), floats("b", { 0, 10 }),
      floats("m", { 0, 0 }), floats("v", { 1, 1 }) })
    -- means 4 and 0, variances 5 and 0, plus 4
    near.values({ -1, -1 / 3, 1 / 3, 1, 10, 10, 10, 10 }, (run(file, fovea.tensor({ 2, 1, 1, 4 },
      { 1, 3, 5, 7, 0, 0, 0, 0 }))))
  end)

  it("split, chunk and unbind through sequences", function()
    local x = ramp(1, 3, 1, 2)
    local function parts(sequence, initializers, ...)
      local nodes = { node(table.unpack(sequence)) }
      for k, at in ipairs { ... } do nodes[k + 1] = node("SequenceAt", { "s", "i" .. at }, { "p" .. k }) end
      nodes[#nodes + 1] = node("Concat", { "p1", "p2" }, { "y" }, { axis = 1 })
      for at = -1, 2 do initializers[#initializers + 1] = onnx.tensor("i" .. at, {}, { at }, { type = "int64" }) end
      return (run(model({ 1, 3, 1, 2 }, nodes, initializers), x))
    end
    near.values({ 4, 5, 0, 1, 2, 3 }, parts({ "SplitToSequence", { "x", "n" }, { "s" }, { axis = 1 } },
      { ints("n", { 2, 1 }) }, 1, 0))
    near.values({ 4, 5, 0, 1, 2, 3 }, parts({ "SplitToSequence", { "x", "n" }, { "s" }, { axis = 1 } },
      { onnx.tensor("n", {}, { 2 }, { type = "int64" }) }, -1, 0))
    local y = parts({ "SplitToSequence", { "x" }, { "s" }, { axis = 1, keepdims = 0 } }, {}, 2, 0)
    assert.same({ 1, 2, 2 }, y:shape())
    near.values({ 4, 5, 0, 1 }, y)
    near.values({ 0, 1, 2, 3, 4, 5, 0, 1, 2, 3, 4, 5 }, parts({ "SequenceConstruct", { "x", "x" }, { "s" } }, {}, 0, 1))
    assert.matches("element 2 of a sequence of 2", (case:problem(model({ 1, 3, 1, 2 }, {
      node("SequenceConstruct", { "x", "x" }, { "s" }), node("SequenceAt", { "s", "i" }, { "y" }),
    }, { onnx.tensor("i", {}, { 2 }, { type = "int64" }) }))))
  end)

  it("a centre crop keeps its margins", function()
    local function crop(first, stop)
      return model({ 1, 1, 8, 8 }, node("Slice", { "x", "a", "b", "axes" }, { "y" }, {}, "crop"),
        { ints("a", { first, first }), ints("b", { stop, stop }), ints("axes", { 2, 3 }) })
    end
    local y = run(crop(2, 6), ramp(1, 1, 5, 6))
    assert.same({ 1, 1, 1, 2 }, y:shape())
    near.values({ 14, 15 }, y)
    assert.same({ 1, 1, 2, 3 }, (run(crop(1, 6), ramp(1, 1, 5, 6))):shape())
    assert.matches("its bounds 1%.%.5 are fixed in the file", (case:problem(crop(1, 5), { { 1, 1, 5, 6 } })))
  end)

  it("the first state of a recurrent layer", function()
    local zero = {}
    for i = 1, 2 * 4 * 4 do zero[i] = 0.25 end
    local file = model({ 1, 1, 4, 4 }, node("Concat", { "x", "h" }, { "y" }, { axis = 1 }),
      { floats("h", zero, { 1, 2, 4, 4 }) })
    local y = run(file, ramp(2, 1, 1, 2))
    assert.same({ 2, 3, 1, 2 }, y:shape())
    near.values({ 0, 1, 0.25, 0.25, 0.25, 0.25, 2, 3, 0.25, 0.25, 0.25, 0.25 }, y)
  end)

  describe("with channels-last blocks", function()
    local first, last = { perm = { 0, 3, 1, 2 } }, { perm = { 0, 2, 3, 1 } }
    local weights = floats("w", { 1, 10, 0, 100, 1, 0 }, { 3, 2 }) -- rows: inputs, columns: outputs
    local square = floats("w", { 1, 10, 100, 1 }, { 2, 2 })

    it("the sum with the skip connection has its channels first", function()
      local x = ramp(1, 2, 1, 2)
      local y, built = run(model({ 1, 2, 1, 2 }, {
        node("Transpose", { "x" }, { "t" }, last), node("MatMul", { "t", "w" }, { "m" }),
        node("Transpose", { "m" }, { "b" }, first), node("Add", { "x", "b" }, { "y" }, {}, "sum"),
      }, { square }), x)
      assert.same({ 1, 2, 1, 2 }, built.nodes.sum:shape())
      -- pixels (0, 2) and (1, 3) become (0 + 200, 0 + 2) and (1 + 300, 10 + 3)
      near.values({ 0 + 200, 1 + 301, 2 + 2, 3 + 13 }, y)
    end)

    it("activations, pads, resizes and concatenations after it too", function()
      local x = ramp(1, 3, 1, 1)
      local y, built = run(model({ 1, 3, 1, 1 }, {
        node("Transpose", { "x" }, { "t" }, last), node("MatMul", { "t", "w" }, { "m" }),
        node("Transpose", { "m" }, { "b" }, first), node("Neg", { "b" }, { "n" }, {}, "neg"),
        node("Resize", { "n", "", "scales" }, { "r" }, { mode = "nearest" }, "up"),
        node("Concat", { "r", "b2" }, { "y" }, { axis = 1 }, "join"),
      }, { weights, floats("scales", { 1, 1, 1, 2 }), floats("b2", { 7, 8 }, { 1, 1, 1, 2 }) }), x)
      -- 0 1 2 -> 1 * 0 + 2 * 1, 1 * 100 + 0
      assert.same({ 1, 2, 1, 1 }, built.nodes.neg:shape())
      assert.same({ 1, 2, 1, 2 }, built.nodes.up:shape())
      assert.same({ 1, 3, 1, 2 }, built.nodes.join:shape())
      near.values({ -2, -2, -100, -100, 7, 8 }, y)
    end)
  end)
end)
