local core = require "fovea.core"
local fovea = require "fovea"
local near = require "support.near"
local onnx = require "support.onnx_writer"
local onnx_case = require "support.onnx_case"
local onnx_import = require "fovea.import.onnx"

local node, weights, ints = onnx.node, onnx_case.weights, onnx.ints

-- Lowered files run by the engine, against numbers computed here.
describe("import.onnx numbers", function()
  local case

  setup(function() case = onnx_case.new() end)
  teardown(function() case:remove() end)

  local function floats(name, values, dims) return onnx.tensor(name, dims or { #values }, values) end

  --- Runs a model on x; the value of its first output.
  local function run(model, x, options)
    local importer = assert(onnx_import.open(case:write(model), options))
    local graph = core.graph()
    local built = assert(importer:build(graph, { x:shape() }))
    local out = built.outputs[built.order[1]]
    local plan = assert(graph:plan { mode = "infer", taps = { out } })
    plan:set_input(built.inputs.x, x)
    plan:forward()
    return plan:value(out)
  end

  local function model(shape, nodes, initializers, extra)
    local fields = { initializers = initializers }
    for key, value in pairs(extra or {}) do fields[key] = value end
    return onnx_case.model(shape, nodes, fields)
  end

  it("Conv with an odd pixel at the end", function()
    -- rows 1..4 of a ramp, 3x3 of ones, stride 2, SAME_UPPER: one row and column of zeros at the end
    local x = fovea.tensor({ 1, 1, 4, 4 }, { 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16 })
    local y = run(model({ 1, 1, 4, 4 }, node("Conv", { "x", "w", "b" }, { "y" }, { auto_pad = "SAME_UPPER",
      strides = { 2, 2 } }), { floats("w", { 1, 1, 1, 1, 1, 1, 1, 1, 1 }, { 1, 1, 3, 3 }), floats("b", { 0.5 }) }), x)
    -- rows 1-3,
    -- columns 1-3: 1+2+3+5+6+7+9+10+11 = 54; columns 3-4: 3+4+7+8+11+12 = 45; rows 3-4: 9+10+11+13+14+15 = 72;
    -- the corner: 11+12+15+16 = 54
    near.values({ 54.5, 45.5, 72.5, 54.5 }, y)
  end)

  it("weights of half precision", function()
    local y = run(model({ 1, 2, 1, 1 }, node("Conv", { "x", "w" }, { "y" }), { onnx.tensor("w", { 1, 2, 1, 1 },
      { 0x3e00, 0xc000 }, { type = "float16" }) }), fovea.tensor({ 1, 2, 1, 1 }, { 3, 5 }))
    near.values({ 1.5 * 3 - 2 * 5 }, y)
  end)

  it("BatchNormalization, Clip, PRelu in a row", function()
    local y = run(model({ 1, 2, 1, 2 }, {
      node("BatchNormalization", { "x", "s", "b", "m", "v" }, { "n" }, { epsilon = 1.0 }),
      node("PRelu", { "n", "slope" }, { "p" }), node("Clip", { "p" }, { "y" }, { min = -0.5, max = 6.0 }),
    }, { floats("s", { 2, 3 }), floats("b", { 1, -1 }), floats("m", { 1, 2 }), floats("v", { 3, 8 }),
      floats("slope", { 0.5, 0.125 }, { 2, 1, 1 }) }, { opset = 9 }), fovea.tensor({ 1, 2, 1, 2 }, { 5, -2, 0, 50 }))
    -- channel 1: 2 (x - 1) / 2 + 1 = 5, -2 -> 5, -1 -> 5, -0.5; channel 2: 3 (x - 2) / 3 - 1 = -3, 47 -> -0.375,
    -- 47 -> 6
    near.values({ 5, -0.5, -0.375, 6 }, y)
  end)

  it("Upsample of old files: pixel centres for PyTorch, corners for others", function()
    local function upsampled(producer)
      return run(model({ 1, 1, 1, 2 }, node("Upsample", { "x" }, { "y" }, { scales = { 1.0, 1.0, 1.0, 2.0 },
        mode = "bilinear" }), {}, { opset = 9, producer = producer }), fovea.tensor({ 1, 1, 1, 2 }, { 0, 8 }))
    end
    near.values({ 0, 2, 6, 8 }, upsampled "pytorch")
    near.values({ 0, 4, 8, 8 }, upsampled "tf2onnx")
  end)

  it("Softmax over several axes at once (operator set 11)", function()
    local y = run(model({ 1, 2, 1, 2 }, node("Softmax", { "x" }, { "y" }), {}, { opset = 11 }),
      fovea.tensor({ 1, 2, 1, 2 }, { 0, math.log(2), math.log(3), math.log(4) }))
    near.values({ 0.1, 0.2, 0.3, 0.4 }, y)
  end)

  it("group normalisation in disguise", function()
    local x = fovea.tensor({ 1, 4, 1, 2 }, { 1, 3, 5, 7, 0, 0, 4, 4 })
    local y = run(model({ 1, 4, 1, 2 }, {
      node("Reshape", { "x", "groups" }, { "r" }),
      node("InstanceNormalization", { "r", "s", "b" }, { "i" }, { epsilon = 1e-9 }),
      node("Reshape", { "i", "back" }, { "n" }), node("Mul", { "n", "gamma" }, { "m" }),
      node("Add", { "m", "beta" }, { "y" }),
    }, { ints("groups", { 0, 2, -1 }), ints("back", { 1, 4, 1, 2 }), floats("s", { 1, 1 }), floats("b", { 0, 0 }),
      floats("gamma", { 1, 2, 3, 4 }, { 4, 1, 1 }), floats("beta", { 10, 20, 30, 40 }, { 4, 1, 1 }) }), x)
    -- group 1: mean 4, variance 5; group 2: mean 2, variance 4
    local s = math.sqrt(5)
    near.values({ 10 - 3 / s, 10 - 1 / s, 20 + 2 / s, 20 + 6 / s, 30 - 3, 30 - 3, 40 + 4, 40 + 4 }, y, 1e-5)
  end)

  it("a mask with infinities", function()
    local y = run(model({ 1, 4 }, { node("Where", { "c", "x", "o" }, { "w" }), node("Exp", { "w" }, { "y" }) },
      { onnx.tensor("c", { 1, 4 }, { 1, 0, 1, 0 }, { type = "bool" }), floats("o", { -math.huge }) }),
      fovea.tensor({ 1, 4 }, { 0, 7, math.log(2), 3 }))
    near.values({ 1, 0, 2, 0 }, y)
  end)

  it("Gemm with factors, MatMul with a vector", function()
    local x = fovea.tensor({ 1, 2 }, { 3, 5 })
    local w, b = floats("w", { 1, 2, 3, 4 }, { 2, 2 }), floats("b", { 10, 20 })
    -- 3 5 times (1 2; 3 4) is 18 26
    near.values({ 2 * 18 + 5, 2 * 26 + 10 },
      run(model({ 1, 2 }, node("Gemm", { "x", "w", "b" }, { "y" }, { alpha = 2.0, beta = 0.5 }), { w, b }), x))
    near.values({ 3 * 1 + 5 * 2 + 10, 3 * 3 + 5 * 4 + 20 },
      run(model({ 1, 2 }, node("Gemm", { "x", "w", "b" }, { "y" }, { transB = 1 }), { w, b }), x))
    near.values({ 18, 26 }, run(model({ 1, 2 }, node("MatMul", { "x", "w" }, { "y" }), { w }), x))
    near.values({ 3 * 10 + 5 * 20 }, run(model({ 1, 2 }, node("MatMul", { "x", "b" }, { "y" }), { b }), x))
  end)

  it("Slice backwards, Pad that crops, Gather, Tile, DepthToSpace", function()
    local x = fovea.tensor({ 1, 4, 1, 3 }, { 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12 })
    near.values({ 3, 2, 1, 6, 5, 4, 9, 8, 7, 12, 11, 10 }, run(model({ 1, 4, 1, 3 },
      node("Slice", { "x", "a", "b", "axes", "steps" }, { "y" }),
      { ints("a", { -1 }), ints("b", { math.mininteger }), ints("axes", { 3 }), ints("steps", { -1 }) }), x))
    near.values({ 0, 1, 2, 0, 4, 5, 0, 7, 8, 0, 10, 11 }, run(model({ 1, 4, 1, 3 },
      node("Pad", { "x", "p" }, { "y" }), { ints("p", { 0, 0, 0, 1, 0, 0, 0, -1 }) }), x))
    near.values({ 10, 11, 12, 4, 5, 6 }, run(model({ 1, 4, 1, 3 }, node("Gather", { "x", "i" }, { "y" }, { axis = 1 }),
      { ints("i", { 3, 1 }) }), x))
    near.values({ 1, 4, 2, 5, 3, 6, 7, 10, 8, 11, 9, 12 }, run(model({ 1, 4, 1, 3 },
      node("DepthToSpace", { "x" }, { "y" }, { blocksize = 2 })), x))
    near.values({ 1, 2, 3, 1, 2, 3 }, run(model({ 1, 4, 1, 3 }, { node("Slice", { "x", "z", "o", "o" }, { "s" }),
      node("Tile", { "s", "r" }, { "y" }) }, { ints("z", { 0 }), ints("o", { 1 }), ints("r", { 1, 1, 1, 2 }) }), x))
  end)

  it("a channels-last file gives what its channels-first twin gives", function()
    local first, last = { perm = { 0, 3, 1, 2 } }, { perm = { 0, 2, 3, 1 } }
    local shared = { weights("w3", { 4, 3, 3, 3 }), weights("w4", { 2, 4, 1, 1 }), weights("fc", { 4, 4 }) }
    local function conv(x, w, y, p) return node("Conv", { x, w }, { y }, { pads = { p, p, p, p } }) end
    local function with(...) return { shared[1], shared[2], shared[3], ... } end
    local twin = model({ 1, 3, 5, 6 }, {
      node("Sub", { "x", "mean" }, { "m" }), conv("m", "w3", "b", 1), node("Add", { "b", "bias" }, { "d" }),
      node("GlobalAveragePool", { "d" }, { "g" }), node("Flatten", { "g" }, { "f" }), node("MatMul", { "f", "fc" },
        { "n" }),
      node("Sigmoid", { "n" }, { "o" }), node("Reshape", { "o", "shape" }, { "p" }), node("Mul", { "d", "p" }, { "q" }),
      conv("q", "w4", "y", 0),
    }, with(floats("mean", { 1, 2, 3 }, { 3, 1, 1 }), floats("bias", { 1, 2, 3, 4 }, { 4, 1, 1 }), ints("shape",
      { -1, 4, 1, 1 })))
    local keras = model({ 1, 5, 6, 3 }, {
      node("Sub", { "x", "mean" }, { "m" }), node("Transpose", { "m" }, { "t" }, first), conv("t", "w3", "b", 1),
      node("Transpose", { "b" }, { "c" }, last), node("Add", { "c", "bias" }, { "d" }),
      node("ReduceMean", { "d" }, { "f" }, { axes = { 1, 2 }, keepdims = 0 }), node("MatMul", { "f", "fc" }, { "n" }),
      node("Sigmoid", { "n" }, { "o" }), node("Reshape", { "o", "shape" }, { "p" }), node("Mul", { "d", "p" }, { "q" }),
      node("Transpose", { "q" }, { "r" }, first), conv("r", "w4", "s", 0), node("Transpose", { "s" }, { "y" }, last),
    }, with(floats("mean", { 1, 2, 3 }), floats("bias", { 1, 2, 3, 4 }), ints("shape", { -1, 1, 1, 4 })))
    local x = fovea.uniform({ 1, 3, 5, 6 }, { seed = 5, min = -1, max = 1 })
    local wanted = run(twin, x)
    assert.same({ 1, 2, 5, 6 }, wanted:shape())
    near.values(wanted:values(), run(keras, x), 1e-5)
  end)

  it("attention of two activations", function()
    -- softmax(x x') x with rows 0 and log 3: scores 0 and log(3)^2
    local l = math.log(3)
    local y = run(model({ 1, 2, 1 }, {
      node("Transpose", { "x" }, { "t" }, { perm = { 0, 2, 1 } }), node("MatMul", { "x", "t" }, { "s" }),
      node("Softmax", { "s" }, { "a" }, { axis = -1 }), node("Einsum", { "a", "x" }, { "y" },
        { equation = "bij,bjd->bid" }),
    }), fovea.tensor({ 1, 2, 1 }, { 0, l }))
    local e = math.exp(l * l)
    near.values({ l / 2, l * e / (1 + e) }, y, 1e-5)
  end)

  it("the real model at another size", function()
    local folder = os.getenv "FOVEA_REAL_DIR" or "../shared/real"
    local importer = onnx_import.open(folder .. "/models/m2unet_chasedb1.onnx")
    if not importer then return pending("no real models here") end
    local graph = core.graph()
    local built = assert(importer:build(graph, { { 2, 3, 96, 128 } }))
    local out = built.outputs[built.order[1]]
    local plan = assert(graph:plan { mode = "infer", taps = { out } })
    plan:set_input(built.inputs[importer.inputs[1].name], fovea.uniform({ 2, 3, 96, 128 },
      { seed = 1, min = 0, max = 1 }))
    plan:forward()
    assert.same({ 2, 1, 96, 128 }, plan:value(out):shape())
    assert.is_true(plan:value(out):is_finite())
  end)
end)
