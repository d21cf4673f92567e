local near = require "support.near"
local onnx = require "support.onnx_writer"
local onnx_case = require "support.onnx_case"

local node, weights, ints = onnx.node, onnx_case.weights, onnx.ints

-- Channels-last files of TensorFlow: transpositions cancel out and everything is channels first.
describe("import.onnx layouts", function()
  local case

  setup(function() case = onnx_case.new() end)
  teardown(function() case:remove() end)

  local first, last = { perm = { 0, 3, 1, 2 } }, { perm = { 0, 2, 3, 1 } }

  --- Lowers a file whose input is 1 x 8 x 10 x 3 (height, width, channels).
  local function lower(nodes, initializers, shape)
    return case:lower(onnx_case.model({ 1, 8, 10, 3 }, nodes, { producer = "tf2onnx", initializers = initializers }),
      shape)
  end

  local function conv(x, y, channels)
    return node("Conv", { x, "w" .. channels }, { y }, { pads = { 1, 1, 1, 1 } }, "conv_" .. y)
  end

  local w3 = weights("w3", { 3, 3, 3, 3 })

  it("the input becomes channels first, the output too", function()
    local g, built, importer = lower({
      node("Transpose", { "x" }, { "a" }, first), conv("a", "b", 3), node("Transpose", { "b" }, { "y" }, last),
    }, { w3 })
    assert.equal("conv", g:text())
    assert.same({ 1, 3, 8, 10 }, importer.inputs[1].dims)
    assert.equal("NHWC", importer.inputs[1].layout)
    assert.same({ "NHWC", "NHWC" }, { importer.input_layout, importer.output_layout })
    assert.same({ 1, 3, 8, 10 }, g:ops "input"[1]:shape())
    assert.same({ 1, 3, 8, 10 }, built.outputs.y:shape())
  end)

  it("shapes are given channels first", function()
    local _, built = lower({ node("Transpose", { "x" }, { "a" }, first), conv("a", "b", 3),
      node("Transpose", { "b" }, { "y" }, last) }, { w3 }, { { 2, 3, 16, 12 } })
    assert.same({ 2, 3, 16, 12 }, built.outputs.y:shape())
  end)

  it("preprocessing before the transposition is seen through, its constants are turned", function()
    local g = lower({
      node("Mul", { "x", "scale" }, { "s" }), node("Sub", { "s", "mean" }, { "m" }),
      node("Transpose", { "m" }, { "a" }, first), conv("a", "y", 3),
    }, { w3, onnx.tensor("scale", {}, { 0.5 }), onnx.tensor("mean", { 1, 1, 1, 3 }, { 1, 2, 3 }) })
    assert.equal("mul sub conv", g:text())
    local mean = g:ops "sub"[1].sources[2]
    assert.same({ 1, 3, 1, 1 }, mean:shape())
    near.values({ 1, 2, 3 }, mean.tensor)
  end)

  it("an input that is not turned stays as it is", function()
    local _, _, importer = case:lower(onnx_case.model({ 1, 3, 8, 8 }, {
      conv("x", "a", 3), node("Transpose", { "a" }, { "y" }, { perm = { 0, 1, 3, 2 } }),
    }, { initializers = { w3 } }))
    assert.equal("NCHW", importer.input_layout)
  end)

  it("pairs in the middle vanish through activations, biases, sums, pads and concatenations", function()
    local g, built = lower({
      node("Transpose", { "x" }, { "a" }, first), conv("a", "b", 3), node("Transpose", { "b" }, { "c" }, last),
      node("Add", { "c", "bias" }, { "d" }), node("Relu", { "d" }, { "e" }), node("Concat", { "e", "c" }, { "f" },
        { axis = 3 }),
      node("Pad", { "f", "pads" }, { "p" }), node("Softmax", { "p" }, { "q" }, { axis = -1 }),
      node("PRelu", { "q", "slope" }, { "r" }),
      node("Transpose", { "r" }, { "t" }, first), conv("t", "u", 6), node("Transpose", { "u" }, { "y" }, last),
    }, { w3, weights("w6", { 2, 6, 3, 3 }), onnx.tensor("bias", { 3 }, { 1, 2, 3 }), ints("pads",
      { 0, 1, 2, 0, 0, 3, 4, 0 }),
      weights("slope", { 1, 1, 6 }) })
    assert.equal("conv add relu concat pad softmax prelu conv", g:text())
    assert.same({ 1, 3, 1, 1 }, g:ops "add"[1].sources[2]:shape())
    assert.equal(2, g:ops "concat"[1].options.axis)
    assert.same({ { 0, 0, 1, 2 }, { 0, 0, 3, 4 } }, { g:ops "pad"[1].options.before, g:ops "pad"[1].options.after })
    assert.equal(2, g:ops "softmax"[1].options.axis)
    assert.same({ 1, 2, 12, 16 }, built.outputs.y:shape())
  end)

  it("a squeeze-and-excitation block of Keras needs no transposition of the features", function()
    local g, built = lower({
      node("Transpose", { "x" }, { "a" }, first), conv("a", "b", 3), node("Transpose", { "b" }, { "c" }, last),
      node("ReduceMean", { "c" }, { "m" }, { axes = { 1, 2 }, keepdims = 0 }), node("MatMul", { "m", "fc" }, { "n" }),
      node("Sigmoid", { "n" }, { "o" }), node("Reshape", { "o", "shape" }, { "p" }), node("Mul", { "c", "p" }, { "q" }),
      node("Transpose", { "q" }, { "t" }, first), conv("t", "y", 3),
    }, { w3, weights("fc", { 3, 3 }), ints("shape", { -1, 1, 1, 3 }) })
    assert.equal("conv reduce_mean linear sigmoid reshape reshape mul conv", g:text())
    assert.same({ 3, 4 }, g:ops "reduce_mean"[1].options.axes)
    assert.same({ 1, 3, 8, 10 }, g:ops "mul"[1]:shape())
    assert.same({ 1, 3, 8, 10 }, built.outputs.y:shape())
  end)

  it("reductions that keep their axes, slices and gathers keep the layout", function()
    local g = lower({
      node("Transpose", { "x" }, { "a" }, first), conv("a", "b", 3), node("Transpose", { "b" }, { "c" }, last),
      node("ReduceMax", { "c" }, { "m" }, { axes = { 3 } }), node("Mul", { "c", "m" }, { "n" }),
      node("Slice", { "n", "from", "to", "axis" }, { "s" }), node("Transpose", { "s" }, { "y" }, first),
    }, { w3, ints("from", { 1 }), ints("to", { 3 }), ints("axis", { 3 }) })
    assert.equal("conv reduce_max mul slice", g:text())
    assert.same({ 2 }, g:ops "reduce_max"[1].options.axes)
    assert.same({ 1, 1, 8, 10 }, g:ops "reduce_max"[1]:shape())
    assert.equal(2, g:ops "slice"[1].options.axis)
    assert.same({ 1, 2, 8, 10 }, g:ops "slice"[1]:shape())
  end)

  it("volumes are turned too", function()
    local g, built, importer = case:lower(onnx_case.model({ 1, 4, 5, 6, 2 }, {
      node("Transpose", { "x" }, { "a" }, { perm = { 0, 4, 1, 2, 3 } }), node("Relu", { "a" }, { "b" }),
      node("Transpose", { "b" }, { "y" }, { perm = { 0, 2, 3, 4, 1 } }),
    }))
    assert.equal("relu", g:text())
    assert.same({ 1, 2, 4, 5, 6 }, importer.inputs[1].dims)
    assert.same({ 1, 2, 4, 5, 6 }, built.outputs.y:shape())
  end)

  it("other transpositions are carried out where they are needed", function()
    local g = case:lower(onnx_case.model({ 2, 3, 4, 5 }, {
      node("Transpose", { "x" }, { "t" }, { perm = { 0, 2, 1, 3 } }, "swap"), node("Relu", { "t" }, { "r" }),
      node("Reshape", { "r", "s" }, { "y" }),
    }, { initializers = { ints("s", { 2, 12, 5 }) } }))
    assert.equal("transpose relu reshape", g:text())
  end)
end)
