local near = require "support.near"
local onnx = require "support.onnx_writer"
local onnx_case = require "support.onnx_case"

local node, ints = onnx.node, onnx.ints

-- Shapes computed by the file, and sizes that the file holds as constants.
describe("import.onnx shapes", function()
  local case

  setup(function() case = onnx_case.new() end)
  teardown(function() case:remove() end)

  local function scalar(name, value) return onnx.tensor(name, {}, { value }, { type = "int64" }) end
  local function float(name, ...) return onnx.tensor(name, { select("#", ...) }, { ... }) end

  --- Runs nodes on the shape of x; the integer list "s" becomes visible as the target of an Expand of a single number.
  local function evaluate(nodes, initializers, shape)
    local all = { node("ReduceMean", { "x" }, { "mean" }, { keepdims = 1 }), table.unpack(nodes) }
    all[#all + 1] = node("Expand", { "mean", "s" }, { "y" })
    local _, built = case:lower(onnx_case.model(shape or { 2, 3, 5, 7 }, all, { initializers = initializers }))
    return built.outputs.y:shape()
  end

  describe("are evaluated when the graph is built:", function()
    it("Shape, Gather, Unsqueeze, Concat", function()
      assert.same({ 5, 7, 4, 1 }, evaluate({
        node("Shape", { "x" }, { "all" }), node("Gather", { "all", "i2" }, { "h" }), node("Gather",
          { "all", "last" }, { "w" }),
        node("Unsqueeze", { "h", "zero" }, { "h1" }), node("Unsqueeze", { "w", "zero" }, { "w1" }),
        node("Concat", { "h1", "w1", "four", "one" }, { "s" }, { axis = 0 }),
      }, { scalar("i2", 2), scalar("last", -1), ints("zero", { 0 }), ints("four", { 4 }), ints("one", { 1 }) }))
    end)

    it("Slice, Mul, Add, Sub, Div towards zero, Mod", function()
      -- (5, 7): times 2 -> 10 14, plus 1 -> 11 15, by 2 -> 5 7, minus 9 -> -4 -2, by 3 -> -1 0, mod 5 -> 4 0,
      -- plus 2 -> 6 2
      assert.same({ 1, 1, 6, 2 }, evaluate({
        node("Shape", { "x" }, { "hw" }, { start = 2 }), node("Mul", { "hw", "two" }, { "a" }), node("Add",
          { "a", "one" }, { "b" }),
        node("Div", { "b", "two" }, { "c" }), node("Sub", { "c", "nine" }, { "d" }), node("Div", { "d", "three" },
          { "e" }),
        node("Mod", { "e", "five" }, { "f" }), node("Add", { "f", "two" }, { "g" }),
        node("Concat", { "ones", "g" }, { "s" }, { axis = 0 }),
      }, { scalar("two", 2), scalar("one", 1), scalar("nine", 9), scalar("three", 3), scalar("five", 5),
        ints("ones", { 1, 1 }) }))
    end)

    it("through floating point: Cast, Mul, Floor", function()
      -- what interpolate(scale_factor = 1.5) exports: floor(5 * 1.5) = 7, floor(7 * 1.5) = 10
      assert.same({ 1, 1, 7, 10 }, evaluate({
        node("Shape", { "x" }, { "all" }), node("Slice", { "all", "from", "to" }, { "hw" }), node("Cast", { "hw" },
          { "f" }, { to = 1 }),
        node("Mul", { "f", "scale" }, { "g" }), node("Floor", { "g" }, { "r" }), node("Cast", { "r" }, { "i" },
          { to = 7 }),
        node("Concat", { "ones", "i" }, { "s" }, { axis = 0 }),
      }, { ints("from", { 2 }), ints("to", { 4 }), float("scale", 1.5), ints("ones", { 1, 1 }) }))
    end)

    it("ConstantOfShape, Range, Equal, Where, NonZero, Not", function()
      -- expand(): -1 entries of the wish keep the old size
      local nodes = {
        node("Shape", { "x" }, { "old" }), node("Shape", { "wish" }, { "n" }),
        node("ConstantOfShape", { "n" }, { "ones" }, { value = onnx.tensor("", { 1 }, { 1 }, { type = "int64" }) }),
        node("Neg", { "ones" }, { "minus" }), node("Equal", { "wish", "minus" }, { "keep" }),
        node("Not", { "keep" }, { "other" }), node("Not", { "other" }, { "again" }),
        node("Where", { "again", "old", "wish" }, { "s" }),
      }
      assert.same({ 2, 3, 9, 7 }, evaluate(nodes, { ints("wish", { -1, -1, 9, -1 }) }))
      assert.same({ 2, 4, 6, 8 }, evaluate({ node("Range", { "a", "b", "c" }, { "s" }) },
        { scalar("a", 2), scalar("b", 9), scalar("c", 2) }))
      assert.same({ 2, 3, 1, 1 }, evaluate({
        node("NonZero", { "mask" }, { "rows" }), node("Squeeze", { "rows", "zero" }, { "at" }),
        node("Gather", { "from", "at" }, { "two" }), node("Concat", { "two", "ones" }, { "s" }, { axis = 0 }),
      }, { onnx.tensor("mask", { 4 }, { 0, 1, 0, 1 }, { type = "bool" }), ints("zero", { 0 }), ints("from",
        { 9, 2, 9, 3 }),
        ints("ones", { 1, 1 }) }))
    end)

    it("Constant in all its forms", function()
      local function from(attributes, shape)
        return evaluate({ node("Constant", {}, { "c" }, attributes), node("Reshape", { "c", "flat" }, { "d" }),
          node("Concat", { "ones", "d" }, { "s" }, { axis = 0 }) }, { ints("flat", { -1 }), ints("ones", shape) })
      end
      assert.same({ 1, 1, 1, 4 }, from({ value_int = 4 }, { 1, 1, 1 }))
      assert.same({ 1, 1, 4, 5 }, from({ value_ints = { 4, 5 } }, { 1, 1 }))
      assert.same({ 1, 1, 4, 5 }, from({ value = ints("", { 4, 5 }) }, { 1, 1 }))
    end)

    it("the pads of the most used U-Net", function()
      -- F.pad with a list: ConstantOfShape, Concat, Reshape, Slice backwards, Transpose, Reshape, Cast
      local g, built = case:lower(onnx_case.model({ 1, 2, 4, 4 }, {
        node("ConstantOfShape", { "four" }, { "rest" }, { value = onnx.tensor("", { 1 }, { 0 }, { type = "int64" }) }),
        node("Concat", { "given", "rest" }, { "all" }, { axis = 0 }), node("Reshape", { "all", "pairs" }, { "two" }),
        node("Slice", { "two", "start", "stop", "axis", "step" }, { "back" }),
        node("Transpose", { "back" }, { "turned" }, { perm = { 1, 0 } }), node("Reshape", { "turned", "flat" },
          { "list" }),
        node("Cast", { "list" }, { "pads" }, { to = 7 }), node("Pad", { "x", "pads" }, { "y" }),
      }, { initializers = { ints("four", { 4 }), ints("given", { 1, 2, 3, 0 }), ints("pairs", { -1, 2 }),
        ints("start", { -1 }),
        ints("stop", { math.mininteger + 1 }), ints("axis", { 0 }), ints("step", { -1 }), ints("flat", { -1 }) } }))
      assert.equal("pad", g:text())
      assert.same({ { 0, 0, 3, 1 }, { 0, 0, 0, 2 } }, { g:ops()[1].options.before, g:ops()[1].options.after })
      assert.same({ 1, 2, 7, 7 }, built.outputs.y:shape())
    end)
  end)

  it("folds expressions of float constants", function()
    local g = case:lower(onnx_case.model({ 1, 2 }, {
      node("Mul", { "a", "b" }, { "c" }), node("Sqrt", { "c" }, { "d" }), node("Transpose", { "d" }, { "e" }),
      node("Concat", { "e", "e" }, { "f" }, { axis = 0 }), node("Add", { "x", "f" }, { "y" }),
    }, { initializers = { onnx.tensor("a", { 2, 1 }, { 2, 3 }), onnx.tensor("b", { 2, 1 }, { 8, 12 }) } }))
    assert.equal("add", g:text())
    near.values({ 4, 6, 4, 6 }, g:ops "constant"[1].tensor)
  end)

  describe("Resize", function()
    local function resize(inputs, attributes, extra, shape)
      local model = onnx_case.model(shape or { 1, 2, 4, 6 }, node(extra.op or "Resize", inputs,
        { "y" }, attributes, "r"), extra)
      local g, built, importer = case:lower(model)
      return g:ops()[1] and g:ops()[1].options, built.outputs.y:shape(), importer
    end

    it("reads scales or sizes", function()
      local o, out = resize({ "x", "", "scales" }, { mode = "linear" },
        { initializers = { float("scales", 1, 1, 1.5, 2) } })
      assert.same({ 1, 2, 6, 12 }, out)
      assert.same({ { 6, 12 }, { 1.5, 2.0 }, "linear", "half_pixel" }, { o.size, o.scale, o.mode, o.coordinates })
      o, out = resize({ "x", "", "", "sizes" }, { mode = "nearest", coordinate_transformation_mode = "asymmetric",
        nearest_mode = "floor" }, { initializers = { ints("sizes", { 1, 2, 8, 3 }) } })
      assert.same({ 1, 2, 8, 3 }, out)
      assert.same({ { 2.0, 0.5 }, "nearest", "asymmetric", "floor" }, { o.scale, o.mode, o.coordinates, o.rounding })
      -- opset 18: only some axes
      local _
      _, out = resize({ "x", "", "", "sizes" }, { mode = "linear", axes = { 2, 3 } },
        { initializers = { ints("sizes", { 5, 5 }) } })
      assert.same({ 1, 2, 5, 5 }, out)
      o = resize({ "x", "", "scales" }, { mode = "nearest" }, { initializers = { float("scales", 1, 1, 2, 2) } })
      assert.equal("round_prefer_floor", o.rounding)
      assert.is_nil((resize({ "x", "", "scales" }, {}, { initializers = { float("scales", 1, 1, 1, 1) } })))
    end)

    it("keeps pixels that a rounded scale would lose", function()
      local _, out = resize({ "x", "", "scales" }, { mode = "linear" },
        { initializers = { float("scales", 1, 1, 0.7, 4 / 3) } },
        { 1, 2, 10, 33 })
      assert.same({ 1, 2, 7, 44 }, out)
    end)

    it("translates coordinate rules", function()
      local function rule(name, ...)
        return (resize({ "x", "", "", "sizes" }, { mode = "linear", coordinate_transformation_mode = name },
          { initializers = { ints("sizes", { 1, 2, ... }) } })).coordinates
      end
      assert.equal("align_corners", rule("align_corners", 8, 12))
      assert.equal("half_pixel", rule("pytorch_half_pixel", 8, 12))
      assert.equal("asymmetric", rule("pytorch_half_pixel", 1, 1))
      assert.equal("half_pixel", rule("half_pixel_symmetric", 8, 12))
    end)

    it("refuses what the engine has not", function()
      local function problem(attributes, sizes)
        return (case:problem(onnx_case.model({ 1, 2, 4, 6 }, node("Resize", { "x", "", "", "sizes" },
          { "y" }, attributes, "r"),
          { initializers = { ints("sizes", sizes or { 1, 2, 8, 12 }) } })))
      end
      assert.equal("node 'r' (Resize): cubic interpolation is not supported", problem { mode = "cubic" })
      assert.matches("'tf_crop_and_resize' is not supported",
        problem { coordinate_transformation_mode = "tf_crop_and_resize" })
      assert.matches("antialias is not supported", problem { antialias = 1 })
      assert.matches("keep_aspect_ratio_policy 'not_larger'", problem { keep_aspect_ratio_policy = "not_larger" })
      assert.matches("batch or channel axis", problem({}, { 1, 4, 8, 12 }))
    end)

    it("of old operator sets states no coordinates: the producer decides", function()
      local function rule(producer, options)
        local importer = assert(case:open(onnx_case.model({ 1, 2, 4, 4 }, node("Upsample", { "x", "s" }, { "y" },
          { mode = "linear" }),
          { opset = 9, producer = producer, initializers = { float("s", 1, 1, 2, 2) } }), options))
        local g = require "support.mock_graph".new()
        assert(importer:build(g))
        return g:ops()[1].options.coordinates, #importer.warnings
      end
      assert.same({ "half_pixel", 1 }, { rule("pytorch") })
      assert.same({ "asymmetric", 1 }, { rule("tf2onnx") })
      assert.same({ "align_corners", 0 }, { rule("pytorch", { upsample_coordinates = "align_corners" }) })
    end)

    it("accepts Upsample and Resize in both forms at any operator set", function()
      for _, opset in ipairs { 7, 9, 11, 13 } do
        local o, out = resize({ "x" }, { scales = { 1.0, 1.0, 2.0, 2.0 }, mode = "bilinear" },
          { op = "Upsample", opset = opset })
        assert.same({ 1, 2, 8, 12 }, out)
        assert.equal("linear", o.mode)
        o = resize({ "x", "s" }, { mode = "nearest" }, { op = "Upsample", opset = opset, initializers = { float("s",
          1, 1, 2, 2) } })
        assert.same({ "nearest", "asymmetric", "floor" }, { o.mode, o.coordinates, o.rounding })
      end
      local o = resize({ "x", "s" }, { mode = "linear" }, { opset = 10, initializers = { float("s", 1, 1, 2, 2) } })
      assert.equal("half_pixel", o.coordinates)
    end)
  end)

  describe("fixed in the file follow another input size:", function()
    local function pool(x, y) return node("MaxPool", { x }, { y }, { kernel_shape = { 2, 2 }, strides = { 2, 2 } }) end

    it("a resize back to the size of the input", function()
      -- 9 -> 4 -> 9: the size of the input, not a multiple of the source's
      local model = onnx_case.model({ 1, 2, 9, 9 }, { pool("x", "a"), node("Resize", { "a", "", "", "s" }, { "y" },
        {}, "r") },
        { initializers = { ints("s", { 1, 2, 9, 9 }) } })
      for _, size in ipairs { 9, 11, 12, 31 } do
        local _, built = case:lower(model, { { 3, 2, size, size + 2 } })
        assert.same({ 3, 2, size, size + 2 }, built.outputs.y:shape())
      end
    end)

    it("a resize of a pooled pixel to the size of the features", function()
      local model = onnx_case.model({ 1, 2, 8, 8 }, {
        pool("x", "f"), node("GlobalAveragePool", { "f" }, { "g" }), node("Resize", { "g", "", "", "s" }, { "u" },
          {}, "r"),
        node("Concat", { "f", "u" }, { "y" }, { axis = 1 }),
      }, { initializers = { ints("s", { 1, 2, 4, 4 }) } })
      local _, built = case:lower(model, { { 1, 2, 12, 20 } })
      assert.same({ 1, 4, 6, 10 }, built.outputs.y:shape())
    end)

    it("a resize by a whole ratio, and one that nothing explains", function()
      local function model(size)
        return onnx_case.model({ 1, 2, 8, 8 }, node("Resize", { "x", "", "", "s" }, { "y" }, {}, "r"),
          { initializers = { ints("s", { 1, 2, size, size }) } })
      end
      local _, built = case:lower(model(16), { { 1, 2, 5, 6 } })
      assert.same({ 1, 2, 10, 12 }, built.outputs.y:shape())
      assert.equal("node 'r' (Resize): the size 11 of axis 3 is fixed in the file and does not follow the input size; "
        .. "export the model with dynamic axes", (case:problem(model(11), { { 1, 2, 5, 6 } })))
    end)

    it("reshapes of axes that scale on their own", function()
      local function reshaped(shape, target, new)
        local g, built = case:lower(onnx_case.model(shape, { node("Relu", { "x" }, { "r" }),
          node("Reshape", { "r", "s" }, { "y" }) }, { initializers = { ints("s", target) } }), { new })
        return built.outputs.y:shape(), g
      end
      assert.same({ 2, 12, 80 }, (reshaped({ 1, 12, 4, 4 }, { 1, 12, 16 }, { 2, 12, 8, 10 })))
      assert.same({ 1, 3, 4, 8, 8 }, (reshaped({ 1, 12, 4, 4 }, { 1, 3, 4, 4, 4 }, { 1, 12, 8, 8 })))
      assert.same({ 2, 4, 48 }, (reshaped({ 1, 12, 2, 2 }, { 1, 4, -1 }, { 2, 12, 4, 4 })))
      local text = case:problem(onnx_case.model({ 1, 12, 4, 4 }, { node("Reshape", { "x", "s" }, { "y" }, {}, "view") },
        { initializers = { ints("s", { 1, 12, 4, 2, 2 }) } }), { { 1, 12, 8, 8 } })
      assert.matches("node 'view' %(Reshape%): its target shape is fixed in the file", text)
    end)

    it("a picture out of flattened pixels", function()
      local model = onnx_case.model({ 1, 4, 3, 5 }, {
        node("Reshape", { "x", "flat" }, { "f" }), node("Exp", { "f" }, { "e" }), node("Reshape", { "e", "back" },
          { "y" }),
      }, { initializers = { ints("flat", { 1, 4, 15 }), ints("back", { 1, 4, 3, 5 }) } })
      local _, built = case:lower(model, { { 2, 4, 6, 7 } })
      assert.same({ 2, 4, 6, 7 }, built.outputs.y:shape())
    end)

    it("slices to the end, but no others", function()
      local function model(stop)
        return onnx_case.model({ 1, 2, 8, 8 }, node("Slice", { "x", "a", "b", "axes", "steps" }, { "y" }, {}, "s"),
          { initializers = { ints("a", { 1 }), ints("b", { stop }), ints("axes", { 2 }), ints("steps", { 2 }) } })
      end
      local _, built = case:lower(model(8), { { 1, 2, 12, 8 } })
      assert.same({ 1, 2, 6, 8 }, built.outputs.y:shape())
      assert.matches("its bounds 1%.%.6 are fixed in the file", (case:problem(model(6), { { 1, 2, 12, 8 } })))
    end)

    it("a pool over everything stays global", function()
      local model = onnx_case.model({ 1, 2, 8, 8 }, node("AveragePool", { "x" }, { "y" }, { kernel_shape = { 8, 8 } }))
      local g = case:lower(model, { { 1, 2, 16, 16 } })
      assert.equal("global_avg_pool", g:text())
      -- the halving of a picture of 2 x 2 is no global pool
      for op, kind in pairs { MaxPool = "max_pool", AveragePool = "avg_pool" } do
        local halving = node(op, { "x" }, { "y" }, { kernel_shape = { 2, 2 }, strides = { 2, 2 } })
        local h, built = case:lower(onnx_case.model({ 1, 2, 2, 2 }, halving), { { 1, 2, 8, 8 } })
        assert.equal(kind, h:text())
        assert.same({ 1, 2, 4, 4 }, built.outputs.y:shape())
      end
    end)

    it("sizes computed from shapes are left alone", function()
      local model = onnx_case.model({ 1, 2, 8, 8 }, {
        node("Shape", { "x" }, { "s" }), node("Mul", { "s", "k" }, { "t" }), node("Resize", { "x", "", "", "t" },
          { "y" }, {}, "r"),
      }, { initializers = { ints("k", { 1, 1, 3, 2 }) } })
      local _, built = case:lower(model, { { 1, 2, 5, 7 } })
      assert.same({ 1, 2, 15, 14 }, built.outputs.y:shape())
    end)

    it("sizes that are partly computed follow with the rest", function()
      -- torchvision's segmentation models: the first two sizes from a Shape, the picture's as constants
      local g, built = case:lower(onnx_case.model({ 1, 2, 9, 9 }, {
        pool("x", "a"), node("Shape", { "a" }, { "s" }), node("Slice", { "s", "zero", "two", "zero" }, { "nc" }),
        node("Cast", { "picture" }, { "hw" }, { to = 7 }), node("Concat", { "nc", "hw" }, { "sizes" }, { axis = 0 }),
        node("Resize", { "a", "", "", "sizes" }, { "y" }, { mode = "linear" }, "r"),
      }, { initializers = { ints("zero", { 0 }), ints("two", { 2 }), ints("picture", { 9, 9 }) } }),
        { { 3, 2, 11, 14 } })
      assert.equal("max_pool resample", g:text())
      assert.same({ 3, 2, 11, 14 }, built.outputs.y:shape())
    end)

    it("reshapes that are partly computed do too", function()
      local function model(...)
        return onnx_case.model({ 1, 4, 3, 5 }, {
          node("Shape", { "x" }, { "s" }), node("Slice", { "s", "zero", "one", "zero" }, { "n" }),
          node("Concat", { "n", "rest" }, { "t" }, { axis = 0 }), node("Reshape", { "x", "t" }, { "y" }),
        }, { initializers = { ints("zero", { 0 }), ints("one", { 1 }), ints("rest", { ... }) } })
      end
      local _, built = case:lower(model(4, 15), { { 2, 4, 6, 7 } })
      assert.same({ 2, 4, 42 }, built.outputs.y:shape())
      _, built = case:lower(model(2, 2, 15), { { 2, 4, 6, 7 } })
      assert.same({ 2, 2, 2, 42 }, built.outputs.y:shape())
      _, built = case:lower(model(-1), { { 2, 4, 6, 7 } })
      assert.same({ 2, 168 }, built.outputs.y:shape())
    end)

    it("a shape that does not fit gives the advice", function()
      local model = onnx_case.model({ 1, 2, 8, 8 }, node("Add", { "x", "position" }, { "y" }, {}, "add"),
        { initializers = { onnx_case.weights("position", { 1, 2, 8, 8 }) } })
      assert.matches("node 'add' %(Add%): shapes .* export it with dynamic axes",
        (case:problem(model, { { 1, 2, 16, 16 } })))
    end)
  end)
end)
