local fovea = require "fovea"
local mock_graph = require "support.mock_graph"
local onnx = require "support.onnx_writer"
local onnx_case = require "support.onnx_case"
local onnx_import = require "fovea.import.onnx"

local node, model, weights = onnx.node, onnx_case.model, onnx_case.weights

describe("import.onnx", function()
  local case

  setup(function() case = onnx_case.new() end)
  teardown(function() case:remove() end)

  local function conv(name, x, w, y, options)
    return node("Conv", { x, w }, { y }, { pads = { 1, 1, 1, 1 } }, name, options)
  end

  --- Names of the nodes that are no inputs and weights.
  local function labels(g)
    local list = {}
    for i, n in ipairs(g:ops()) do list[i] = n.label end
    return list
  end

  describe("open", function()
    it("tells what is in the file", function()
      local importer = assert(case:open(model({ "batch", 3, 8, 8 }, conv("/conv/Conv", "x", "conv.weight", "y"), {
        initializers = { weights("conv.weight", { 4, 3, 3, 3 }) }, opset = 17, ir_version = 9, producer = "someone",
      })))
      assert.same({ false, 3, 8, 8 }, importer.inputs[1].dims)
      assert.equal("x", importer.inputs[1].name)
      assert.equal("batch", importer.inputs[1].symbols[1])
      assert.equal("y", importer.outputs[1].name)
      assert.same({ 17, 9, "someone" }, { importer.opset, importer.ir_version, importer.producer })
      assert.same({ 4, 3, 3, 3 }, importer.weights["conv.weight"]:shape())
      assert.same({}, importer.nonfinite)
      assert.matches("convolutions but no normalisation", importer.warnings[1])
      assert.matches("TrainingMode.PRESERVE", importer.warnings[1])
    end)

    it("is quiet about a model with normalisation", function()
      local names = { "s", "b", "m", "v" }
      local initializers = { weights("w", { 3, 3, 3, 3 }) }
      for i, name in ipairs(names) do initializers[i + 1] = weights(name, { 3 }) end
      local importer = assert(case:open(model({ 1, 3, 8, 8 }, {
        conv("", "x", "w", "a"), node("BatchNormalization", { "a", "s", "b", "m", "v" }, { "y" }),
      }, { initializers = initializers })))
      assert.same({}, importer.warnings)
    end)

    it("lists weights that are not finite", function()
      local importer = assert(case:open(model({ 1, 2 }, {
        node("Add", { "x", "bad" }, { "a" }), node("Add", { "a", "mask" }, { "b" }),
        node("MatMul", { "b", "huge" }, { "y" }),
      }, { initializers = {
        onnx.tensor("bad", { 2 }, { 1, 0 / 0 }), onnx.tensor("good", { 1 }, { 1 }),
        onnx.tensor("unused", { 1 }, { 0 / 0 }),
        onnx.tensor("mask", { 2 }, { 0, -math.huge }), onnx.tensor("huge", { 2, 2 }, { 1, 1, 1, math.huge }),
      } })))
      assert.same({ "bad", "huge" }, importer.nonfinite)
    end)

    it("passes on what the reader says", function()
      local importer, message, code = onnx_import.open(case.dir:path "none.onnx")
      assert.is_nil(importer)
      assert.matches("none.onnx: no such file", message)
      assert.equal("io", code)
    end)

    it("refuses options it does not know", function()
      assert.error_matches(function() onnx_import.open("x", { upsample = 1 }) end, "unknown option 'upsample'")
      assert.error_matches(function() onnx_import.open("x", { upsample_coordinates = "centre" }) end, "not 'centre'")
    end)

    it("refuses operator sets that are too old and warns about newer ones", function()
      local relu = node("Relu", { "x" }, { "y" })
      local text, code = case:problem(model({ 1, 1, 2, 2 }, relu, { opset = 6 }))
      assert.equal("operator set 6 is too old; 7 to 21 are supported", text)
      assert.equal("unsupported", code)
      local importer = assert(case:open(model({ 1, 1, 2, 2 }, relu, { opset = 25 })))
      assert.matches("operator set 25 is newer", importer.warnings[1])
    end)

    it("refuses integer inputs", function()
      local text = case:problem { inputs = { { "x", { 1 }, 7 } }, outputs = { { "y" } },
        nodes = { node("Relu", { "x" }, { "y" }) } }
      assert.equal("input 'x' is not of a floating-point type", text)
    end)
  end)

  describe("the node list", function()
    it("may not have a cycle", function()
      local text, code = case:problem(model({ 1, 1, 2, 2 }, {
        node("Add", { "x", "b" }, { "a" }, nil, "first"), node("Relu", { "a" }, { "b" }, nil, "second"),
        node("Relu", { "b" }, { "y" }, nil, "third"),
      }))
      assert.matches("the graph has a cycle: '%a+' <%- '%a+'", text)
      assert.equal("format", code)
    end)

    it("must define every value once", function()
      assert.equal("node 'only' reads 'z', which nothing defines",
        (case:problem(model({ 1, 1 }, node("Relu", { "z" }, { "y" }, nil, "only")))))
      assert.equal("value 'y' is defined twice, the second time by node 'b'", (case:problem(model({ 1, 1 }, {
        node("Relu", { "x" }, { "y" }, nil, "a"), node("Abs", { "x" }, { "y" }, nil, "b"),
      }))))
      assert.equal("output 'y' is made by no node",
        (case:problem(model({ 1, 1 }, node("Relu", { "x" }, { "z" })))))
      assert.equal("initialiser 'w' is defined twice", (case:problem(model({ 1, 1 },
        node("Relu", { "x" }, { "y" }), { initializers = { weights("w", { 1 }), weights("w", { 2 }) } }))))
    end)

    it("is sorted and freed of what no output needs", function()
      local g = case:lower(model({ 1, 1, 2, 2 }, {
        node("Relu", { "a" }, { "y" }, nil, "second"), node("Foo", { "x" }, { "unused" }, nil, "dead"),
        node("Abs", { "x" }, { "a" }, nil, "first"),
      }))
      assert.equal("abs relu", g:text())
    end)

    it("names all unsupported operators at once", function()
      local text, code = case:problem(model({ 1, 1 }, {
        node("Foo", { "x" }, { "a" }, nil, "n1"), node("Bar", { "a" }, { "b" }, nil, "n2"),
        node("Foo", { "b" }, { "c" }, nil, "n3"), node("com.microsoft:Relu", { "c" }, { "d" }, nil, "n4"),
        node("Loop", { "d" }, { "y" }, nil, "n5"),
      }))
      assert.equal("4 unsupported operators: Bar (node 'n2'); Foo (nodes 'n1', 'n3'); Loop (node 'n5'; loops cannot "
        .. "be unrolled here: export without scripting); com.microsoft.Relu (node 'n4')", text)
      assert.equal("unsupported", code)
    end)
  end)

  describe("names", function()
    it("follow the modules of PyTorch's first exporter", function()
      local g, built = case:lower(model({ 1, 3, 8, 8 }, {
        conv("/up4/conv/double_conv/double_conv.0/Conv", "x", "w", "a"),
        node("Relu", { "a" }, { "b" }, nil, "/up4/conv/double_conv/double_conv.2/Relu"),
        node("Relu", { "b" }, { "y" }, nil, "/stages.3/convs/convs.1/all_modules/nonlin/Relu"),
      }, { initializers = { weights("w", { 3, 3, 3, 3 }) } }))
      assert.same({ "up4.conv.double_conv.0.Conv", "up4.conv.double_conv.2.Relu",
        "stages.3.convs.1.all_modules.nonlin.Relu" }, labels(g))
      assert.equal(g:ops()[1], built.nodes["/up4/conv/double_conv/double_conv.0/Conv"])
    end)

    it("follow the metadata of PyTorch's newer exporter", function()
      local metadata = { ["pkg.torch.onnx.name_scopes"] = "['', 'layer1', 'layer1.0', 'conv2d_3']" }
      local g = case:lower(model({ 1, 3, 8, 8 }, {
        conv("node_Conv_3", "x", "w", "a", { metadata = metadata }),
        node("Relu", { "a" }, { "b" }, nil, "node_Relu_1", { metadata = metadata }),
        node("Relu", { "b" }, { "c" }, nil, "node_Relu_2", { metadata = metadata }),
        node("Relu", { "c" }, { "d" }, nil, "node_Relu_3", { metadata = {
          namespace = ": __main__.Net/head: torch.nn.Sequential/head.1: torch.nn.ReLU/relu: aten.relu.default" } }),
        node("Relu", { "d" }, { "y" }, nil, "node_Relu_4", { metadata = {
          ["pkg.torch.onnx.name_scopes"] = "['', 'relu_4']" } }),
      }, { initializers = { weights("w", { 3, 3, 3, 3 }) } }))
      assert.same({ "layer1.0.Conv", "layer1.0.Relu", "layer1.0.Relu_1", "head.1.Relu", "node_Relu_4" }, labels(g))
    end)

    it("come from the weights or the kind where the file has numbers only", function()
      local g = case:lower {
        inputs = { { "0", { 1, 3, 8, 8 } }, { "1", { 3, 3, 3, 3 } } }, outputs = { { "5" } },
        nodes = { conv("", "0", "down.0.weight", "2"), node("Relu", { "2" }, { "3" }), conv("7", "3", "1", "4"),
          node("Relu", { "4" }, { "5" }) },
        initializers = { weights("down.0.weight", { 3, 3, 3, 3 }), weights("1", { 3, 3, 3, 3 }) },
      }
      assert.same({ "down.0", "relu_1", "conv_1", "relu_2" }, labels(g))
      assert.equal("input", g:ops("input")[1].label)
      assert.equal("down.0.weight", g:ops("param")[1].label)
      assert.equal("conv_1.weight", g:ops("param")[2].label)
    end)

    it("are unique", function()
      local g = case:lower(model({ 1, 3, 8, 8 }, {
        node("Relu", { "x" }, { "a" }, nil, "act"), node("Relu", { "a" }, { "b" }, nil, "act"),
        node("Relu", { "b" }, { "y" }, nil, "x"),
      }))
      assert.same({ "act", "act_1", "x_1" }, labels(g))
    end)
  end)

  describe("local functions", function()
    local body = {
      name = "scaled_relu", domain = "pkg.onnxscript.torch_lib", inputs = { "v", "bias" }, outputs = { "r" },
      attributes = { "alpha" },
      nodes = {
        node("LeakyRelu", { "v" }, { "t" }, nil, "leaky", { references = { alpha = "alpha" } }),
        node("Add", { "t", "bias" }, { "r" }, nil, "shift"),
      },
    }

    it("are replaced by their bodies", function()
      local call = "pkg.onnxscript.torch_lib:scaled_relu"
      local g, built = case:lower(model({ 1, 3, 2, 2 }, {
        node(call, { "x", "w" }, { "a" }, { alpha = 0.5 }, "one"),
        node(call, { "a", "w" }, { "y" }, { alpha = 0.25 }, "two"),
      }, { functions = { body }, opset = 18, initializers = { weights("w", { 3, 1, 1 }) } }))
      assert.equal("leaky_relu add leaky_relu add", g:text())
      assert.same({ "one.leaky", "one.shift", "two.leaky", "two.shift" }, labels(g))
      assert.same({ 0.5, 0.25 }, { g:ops "leaky_relu"[1].options.alpha, g:ops "leaky_relu"[2].options.alpha })
      assert.equal(1, #g:ops "param")
      assert.equal("two.shift", built.outputs.y:name())
    end)

    it("may not call each other without end", function()
      local text = case:problem(model({ 1 }, node("d:f", { "x" }, { "y" }), { functions = { {
        name = "f", domain = "d", inputs = { "v" }, outputs = { "r" }, nodes = { node("d:f", { "v" }, { "r" }) },
      } } }))
      assert.equal("local functions call each other without end", text)
    end)
  end)

  describe("If", function()
    local function branches(condition, inputs)
      local function graph(op, name)
        return { nodes = { node(op, { "x" }, { name }) }, outputs = { { name } } }
      end
      return model({ 1, 3, 2, 2 }, {
        node("Shape", { "x" }, { "s" }), node("Gather", { "s", "zero" }, { "n" }), condition,
        node("If", inputs or { "c" }, { "y" }, { then_branch = graph("Relu", "t"), else_branch = graph("Abs", "e") },
          "if"),
      }, { initializers = { onnx.tensor("zero", {}, { 0 }, { type = "int64" }),
        onnx.tensor("one", {}, { 1 }, { type = "int64" }) } })
    end

    it("takes the branch that the shape decides", function()
      local condition = node("Equal", { "n", "one" }, { "c" })
      assert.equal("relu", case:lower(branches(condition)):text())
      assert.equal("abs", case:lower(branches(condition), { { 2, 3, 2, 2 } }):text())
    end)

    it("refuses a condition that depends on activations", function()
      local text = case:problem(branches(node("Abs", { "x" }, { "c" })))
      assert.equal("node 'if' (If): a branch that depends on activations is not supported", text)
    end)
  end)

  describe("build", function()
    it("needs the sizes that the file leaves open", function()
      local importer = assert(case:open(model({ "n", 3, false, 8 }, node("Relu", { "x" }, { "y" }))))
      assert.error_matches(function() importer:build(mock_graph.new()) end, "axis 1 of input 'x' is not fixed")
      assert.error_matches(function() importer:build(mock_graph.new(), { { 1, 3, 8 } }) end, "has 4 dimensions")
      local g = mock_graph.new()
      local built = assert(importer:build(g, { x = { 2, 3, 4, 8 } }))
      assert.same({ 2, 3, 4, 8 }, built.outputs.y:shape())
      built = assert(importer:build(mock_graph.new(), { 1, 3, 5, 8 }))
      assert.same({ 1, 3, 5, 8 }, built.outputs.y:shape())
    end)

    it("shares weights between nodes and between graphs", function()
      local importer = assert(case:open(model({ 1, 3, 8, 8 }, {
        conv("a", "x", "w", "p"), node("Identity", { "w" }, { "alias" }), conv("b", "p", "alias", "y"),
      }, { initializers = { weights("w", { 3, 3, 3, 3 }) } })))
      local g, h = mock_graph.new(), mock_graph.new()
      assert(importer:build(g))
      assert(importer:build(h, { { 1, 3, 16, 16 } }))
      assert.equal(1, #g:ops "param")
      assert.equal(g:ops "param"[1].tensor, h:ops "param"[1].tensor)
      assert.equal(importer.weights.w, g:ops "param"[1].tensor)
    end)

    it("names the node whose shapes do not fit", function()
      local text, code = case:problem(model({ 1, 4, 8, 8 }, conv("c1", "x", "w", "y"),
        { initializers = { weights("w", { 3, 3, 3, 3 }) } }))
      assert.equal("node 'c1' (Conv): 4 channels, weights for 3", text)
      assert.equal("format", code)
    end)

    it("ends before an arg-max or a comparison", function()
      local g, built, importer = case:lower(model({ 1, 3, 2, 2 }, {
        node("Sigmoid", { "x" }, { "p" }), node("ArgMax", { "p" }, { "k" }, { axis = 1 }, "am"),
        node("Cast", { "k" }, { "y" }, { to = 1 }),
      }))
      assert.equal("sigmoid", g:text())
      assert.equal("sigmoid", built.outputs.y:kind())
      assert.matches("output 'y' is an arg%-max or comparison", importer.warnings[1])
      local text = case:problem(model({ 1, 3, 2, 2 }, {
        node("ArgMax", { "x" }, { "k" }), node("Cast", { "k" }, { "f" }, { to = 1 }),
        node("Add", { "f", "x" }, { "y" }, nil, "sum"),
      }))
      assert.matches("node 'sum' %(Add%): its input is an arg%-max", text)
    end)

    it("gives several outputs in the order of the file", function()
      local _, built, importer = case:lower { inputs = { { "x", { 1, 2 } } }, outputs = { { "b" }, { "a" } },
        nodes = { node("Relu", { "x" }, { "a" }), node("Abs", { "x" }, { "b" }) } }
      assert.same({ "b", "a" }, built.order)
      assert.matches("2 outputs %(b, a%)", importer.warnings[1])
      assert.equal("abs", built.outputs.b:kind())
    end)

    it("survives damaged files", function()
      local whole = onnx.model(model({ 1, 4, 8, 8 }, {
        conv("c", "x", "w", "a"), node("Shape", { "a" }, { "s" }), node("Slice", { "s", "from", "to" }, { "hw" }),
        node("Concat", { "nc", "hw" }, { "t" }, { axis = 0 }), node("Resize", { "a", "", "", "t" }, { "b" }),
        node("Reshape", { "b", "flat" }, { "y" }),
      }, { initializers = { weights("w", { 4, 4, 3, 3 }), onnx.ints("from", { 2 }), onnx.ints("to", { 4 }),
        onnx.ints("nc", { 1, 4 }), onnx.ints("flat", { 1, 4, -1 }) } }))
      local state, opened = 1, 0
      local function random(n)
        state = (state * 1103515245 + 12345) % 2147483648
        return state // 65536 % n + 1
      end
      for _ = 1, 400 do
        local at, byte = random(#whole), random(256) - 1
        local path = case.dir:write("damaged.onnx", whole:sub(1, at - 1) .. string.char(byte) .. whole:sub(at + 1))
        local importer, message = onnx_import.open(path, { new_graph = mock_graph.new })
        if importer then
          opened = opened + 1
          local ok, built, text = pcall(importer.build, importer, mock_graph.new(), { { 1, 4, 12, 10 } })
          message = ok and (built and "" or text) or built:match "build: .*" -- the input lost an axis: misuse
        end
        assert.equal("string", type(message))
        assert.is_nil(message:find("attempt to", 1, true), message)
      end
      assert.is_true(opened > 50)
    end)

    it("lowers the real model", function()
      local folder = os.getenv "FOVEA_REAL_DIR" or "../shared/real"
      local importer = onnx_import.open(folder .. "/models/m2unet_chasedb1.onnx", { new_graph = mock_graph.new })
      if not importer then return pending("no real models here") end
      local g = mock_graph.new()
      local built = assert(importer:build(g, { { 1, 3, 480, 512 } }))
      assert.same({ 1, 1, 480, 512 }, built.outputs[built.order[1]]:shape())
      assert.equal(51, #g:ops "conv")
      assert.equal("half_pixel", g:ops "resample"[1].options.coordinates)
      local parameters = 0
      for _, param in ipairs(g:ops "param") do parameters = parameters + fovea.zeros(param:shape()):count() end
      assert.equal(549748, parameters)
    end)
  end)
end)
