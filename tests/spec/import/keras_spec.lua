local fovea = require "fovea"
local json = require "fovea.json"
local keras = require "fovea.import.keras"
local maker = require "support.hdf5_maker"
local scratch = require "support.scratch"

describe("import/keras", function()
  local files
  setup(function() files = scratch.new() end)
  teardown(function() files:remove() end)

  local function open(made, options) return keras.open(made:write(files:path "x.h5"), options) end

  --- A tensor whose elements tell where they are: all different, exact in half precision.
  local function numbered(...)
    local dims, count, values = { ... }, 1, {}
    for _, size in ipairs(dims) do count = count * size end
    for i = 1, count do values[i] = (i * 37 % 1021) / 4 end
    return assert(fovea.tensor(dims, values))
  end

  --- Raises unless got(o, i, y, x) is want(y, x, i, o) everywhere, or as `index` maps the places.
  local function check_places(got, want, index)
    local shape = got:shape()
    for a = 1, shape[1] do
      for b = 1, shape[2] do
        for y = 1, shape[3] do
          for x = 1, shape[4] do assert.are.equal(want:get(index(a, b, y, x)), got:get(a, b, y, x)) end
        end
      end
    end
  end

  local function hwio(o, i, y, x) return y, x, i, o end

  --- A file as Keras 2 writes weights: layers = { { name, { { weight, tensor } ... } } ... }.
  local function keras2(layers, prefix, options)
    options = options or {}
    local made, names, root = maker.new(), {}, prefix or "/"
    if prefix then made:group(prefix) end
    local base = prefix and prefix .. "/" or "/"
    for i, layer in ipairs(layers) do
      names[i] = layer[1]
      local weights = {}
      made:group(base .. layer[1])
      for j, weight in ipairs(layer[2]) do
        weights[j] = weight[1]
        made:data(base .. layer[1] .. "/" .. weight[1], weight[2], { layout = options.layout })
      end
      made:texts(base .. layer[1], "weight_names", weights)
    end
    if options.split then
      made:texts(root, "layer_names0", { names[1] }):texts(root, "layer_names1", { table.unpack(names, 2) })
    else
      made:texts(root, "layer_names", names)
    end
    made:text(root, "keras_version", options.version or "2.2.4", "fixed")
    return made:text(root, "backend", options.backend or "tensorflow", "fixed")
  end

  local small = {
    { "input_1", {} },
    { "conv2d_1", { { "conv2d_1/kernel:0", numbered(3, 2, 4, 5) }, { "conv2d_1/bias:0", numbered(5) } } },
    { "bn", { { "bn/gamma:0", numbered(5) }, { "bn/beta:0", numbered(5) * 2 }, { "bn/moving_mean:0", numbered(5) * 3 },
      { "bn/moving_variance:0", numbered(5) * 4 } } },
    { "up", { { "up/kernel:0", numbered(2, 2, 6, 5) }, { "up/bias:0", numbered(6) } } },
    { "dense_1", { { "dense_1/kernel:0", numbered(6, 7) }, { "dense_1/bias:0", numbered(7) } } },
  }
  local small_names = { "conv2d_1.weight", "conv2d_1.bias", "bn.weight", "bn.bias", "bn.running_mean",
    "bn.running_var", "up.weight", "up.bias", "dense_1.weight", "dense_1.bias" }

  local function check_small(weights)
    assert.are.same(small_names, weights.names)
    assert.is_true(weights.ordered)
    assert.are.same({ 5, 4, 3, 2 }, weights.shapes["conv2d_1.weight"])
    check_places(weights:read "conv2d_1.weight", small[2][2][1][2], hwio)
    assert.are.same(small[2][2][2][2]:values(), weights:read("conv2d_1.bias"):values())
    for i, name in ipairs { "weight", "bias", "running_mean", "running_var" } do
      assert.are.same((numbered(5) * i):values(), weights:read("bn." .. name):values())
    end
    -- transposed convolutions: H,W,O,I -> I,O,H,W
    assert.are.same({ 5, 6, 2, 2 }, weights.shapes["up.weight"])
    check_places(weights:read "up.weight", small[4][2][1][2], function(i, o, y, x) return y, x, o, i end)
    assert.is_true(weights:read("dense_1.weight"):equal(small[5][2][1][2]:transpose { 2, 1 }))
  end

  describe("Keras 2", function()
    it("weights only, in every layout of data sets", function()
      for _, layout in ipairs { "contiguous", "chunked", "deflate" } do
        local weights = assert(open(keras2(small, nil, { layout = layout })))
        check_small(weights)
        assert.are.equal("2.2.4", weights.metadata.keras_version)
        assert.are.same({}, weights.warnings)
      end
    end)

    it("a list of names that is split", function() check_small(assert(open(keras2(small, nil, { split = true })))) end)

    it("a whole model with its description, without the optimiser", function()
      local made = keras2(small, "/model_weights"):data("/optimizer_weights/m", { 1 }, { dims = { 1 } })
      made:text("/", "model_config", json.encode { class_name = "Model", config = { name = "m", layers = {
        { class_name = "Conv2D", name = "conv2d_1", config = { name = "conv2d_1" } } } } })
      local weights = assert(open(made))
      check_small(weights)
      assert.is_truthy(weights.metadata.model_config:find("Conv2D", 1, true))
    end)

    it("kernels of Theano are turned", function()
      local kernel = numbered(3, 2, 2, 2)
      local weights = assert(open(keras2({ { "c", { { "c/kernel:0", kernel } } } }, nil, { backend = "theano" })))
      check_places(weights:read "c.weight", kernel, function(o, i, y, x) return 4 - y, 3 - x, i, o end)
    end)

    it("depthwise, separable and three-dimensional convolutions", function()
      local depthwise, pointwise, volume = numbered(3, 3, 4, 2), numbered(1, 1, 8, 5), numbered(2, 3, 4, 2, 3)
      local weights = assert(open(keras2 {
        { "depthwise_conv2d", { { "depthwise_conv2d/depthwise_kernel:0", depthwise } } },
        { "sep", { { "sep/depthwise_kernel:0", depthwise }, { "sep/pointwise_kernel:0", pointwise },
          { "sep/bias:0", numbered(5) } } },
        { "conv3d", { { "conv3d/kernel:0", volume } } },
      }))
      assert.are.same({ "depthwise_conv2d.weight", "sep.depthwise.weight", "sep.pointwise.weight", "sep.pointwise.bias",
        "conv3d.weight" }, weights.names)
      local got = weights:read "depthwise_conv2d.weight"
      assert.are.same({ 8, 1, 3, 3 }, got:shape())
      check_places(got, depthwise, function(o, _, y, x) return y, x, (o - 1) // 2 + 1, (o - 1) % 2 + 1 end)
      assert.is_true(weights:read("sep.depthwise.weight"):equal(got))
      check_places(weights:read "sep.pointwise.weight", pointwise, hwio)
      assert.are.same({ 3, 2, 2, 3, 4 }, weights.shapes["conv3d.weight"])
      assert.are.equal(volume:get(2, 1, 4, 2, 3), weights:read("conv3d.weight"):get(3, 2, 2, 1, 4))
    end)

    it("normalisation without scale or shift, slopes of PReLU", function()
      local weights = assert(open(keras2 {
        { "bn", { { "bn/moving_mean:0", numbered(3) }, { "bn/moving_variance:0", numbered(3) } } },
        { "p", { { "p/alpha:0", numbered(1, 1, 3) } } },
      }))
      assert.are.same({ 1, 1, 1 }, weights:read("bn.weight"):values())
      assert.are.same({ 0, 0, 0 }, weights:read("bn.bias"):values())
      assert.are.same({ 3 }, weights.shapes["p.weight"])
    end)

    it("convolutional LSTMs, in one and in two directions", function()
      local kernel, recurrent, bias = numbered(3, 3, 2, 12), numbered(3, 3, 3, 12), numbered(12)
      local function cell(scope)
        return { scope .. "/kernel:0", kernel },
          { scope .. "/recurrent_kernel:0", recurrent }, { scope .. "/bias:0", bias }
      end
      local both = { cell "bi/forward_lstm" }
      for _, item in ipairs { cell "bi/backward_lstm" } do both[#both + 1] = item end
      local weights = assert(open(keras2 { { "lstm", { cell "lstm" } }, { "bi", both } }))
      assert.are.same({ "lstm.input.weight", "lstm.input.bias", "lstm.hidden.weight", "bi.forward.input.weight",
        "bi.forward.input.bias", "bi.forward.hidden.weight", "bi.backward.input.weight", "bi.backward.input.bias",
        "bi.backward.hidden.weight" }, weights.names)
      check_places(weights:read "lstm.input.weight", kernel, hwio)
      check_places(weights:read "bi.backward.hidden.weight", recurrent, hwio)
    end)

    it("a model inside a model", function()
      local weights = assert(open(keras2 { { "vgg19", {
        { "block1_conv1/kernel:0", numbered(3, 3, 1, 2) }, { "block1_conv1/bias:0", numbered(2) },
        { "block1_conv2/kernel:0", numbered(3, 3, 2, 2) }, { "block1_conv2/bias:0", numbered(2) } } } }))
      assert.are.same({ "vgg19.block1_conv1.weight", "vgg19.block1_conv1.bias", "vgg19.block1_conv2.weight",
        "vgg19.block1_conv2.bias" }, weights.names)
    end)

    it("refuses Lambda layers by name, wherever they are", function()
      local inner = { class_name = "Sequential", config = { { class_name = "Lambda", config = { name = "evil" } } } }
      local made = keras2(small, "/model_weights"):text("/", "model_config",
        json.encode { class_name = "Model", config = { name = "m", layers = { inner } } })
      local weights, message, code = open(made)
      assert.is_nil(weights)
      assert.is_truthy(message:find("layer 'evil' is a Lambda layer", 1, true))
      assert.are.equal("unsupported", code)
    end)

    it("refuses names without data and files of others", function()
      local made = maker.new():group("/c"):texts("/", "layer_names", { "c" })
      made:texts("/c", "weight_names", { "c/kernel:0" })
      local _, message, code = open(made)
      assert.is_truthy(message:find("weight 'c/c/kernel:0' of layer 'c' is missing", 1, true), message)
      assert.are.equal("format", code)
      _, message, code = open(maker.new():data("/x", { 1 }, { dims = { 1 } }))
      assert.is_truthy(message:find("without weights of Keras layers", 1, true))
      assert.are.equal("unsupported", code)
      _, message = open(keras2(small):text("/", "model_config", "{ not json"))
      assert.is_truthy(message:find("model_config", 1, true))
    end)
  end)

  describe("Keras 1", function()
    --- As keras2 above, without versions: layers with W and b.
    local function keras1(layers)
      local made, names = maker.new(), {}
      for i, layer in ipairs(layers) do
        names[i] = layer[1]
        local weights = {}
        made:group("/" .. layer[1])
        for j, weight in ipairs(layer[2]) do
          weights[j] = layer[1] .. "_" .. weight[1]
          made:data(("/%s/%s"):format(layer[1], weights[j]), weight[2])
        end
        made:texts("/" .. layer[1], "weight_names", weights)
      end
      return made:texts("/", "layer_names", names)
    end

    it("Theano order: turned, with a warning unless the backend is said", function()
      local kernel = numbered(5, 4, 3, 2)
      local made = keras1 { { "convolution2d_1", { { "W", kernel }, { "b", numbered(5) } } } }
      local weights = assert(open(made))
      assert.are.same({ "convolution2d_1.weight", "convolution2d_1.bias" }, weights.names)
      check_places(weights:read "convolution2d_1.weight", kernel, function(o, i, y, x) return o, i, 4 - y, 3 - x end)
      assert.is_truthy(weights.warnings[1]:find("Theano", 1, true))
      weights = assert(open(made, { backend = "tensorflow" }))
      assert.is_true(weights:read("convolution2d_1.weight"):equal(kernel))
      assert.are.same({}, weights.warnings)
    end)

    it("TensorFlow order", function()
      local kernel = numbered(3, 2, 4, 5)
      local made = keras1 { { "c", { { "W", kernel }, { "b", numbered(5) } } },
        { "bn", { { "gamma", numbered(5) }, { "beta", numbered(5) }, { "running_mean", numbered(5) },
          { "running_std", numbered(5) * 2 } } } }
      local weights = assert(open(made, { backend = "tensorflow" }))
      check_places(weights:read "c.weight", kernel, hwio)
      assert.are.same((numbered(5) * 2):values(), weights:read("bn.running_var"):values())
    end)

    it("an order that is not clear is asked for, or found in the description", function()
      local kernel = numbered(4, 4, 4, 4)
      local made = keras1 { { "c", { { "W", kernel }, { "b", numbered(4) } } } }
      local weights, message, code = open(made)
      assert.is_nil(weights)
      assert.is_truthy(message:find("dim_ordering", 1, true))
      assert.are.equal("unsupported", code)
      assert.is_true(assert(open(made, { dim_ordering = "th", backend = "tensorflow" })):read("c.weight"):equal(kernel))
      local description = files:write("net.json", json.encode { class_name = "Sequential", keras_version = "1.0.5",
        config = { { class_name = "Convolution2D", config = { name = "c", dim_ordering = "tf" } } } })
      weights = assert(open(made, { architecture = description }))
      check_places(weights:read "c.weight", kernel, hwio)
    end)

    it("numbered groups and parameters of the first versions", function()
      local made = maker.new()
      for i, size in ipairs { 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15 } do
        made:data(("/layer_%d/param_0"):format(i - 1), numbered(size, size - 1, 3, 3))
        made:data(("/layer_%d/param_1"):format(i - 1), numbered(size))
      end
      local weights = assert(open(made))
      assert.are.equal(22, #weights.names)
      assert.are.equal("layer_2.weight", weights.names[5])
      assert.are.same({ 15, 14, 3, 3 }, weights.shapes["layer_10.weight"])
    end)

    it("convolutional LSTMs gate by gate", function()
      local weights, parts = {}, {}
      for i, gate in ipairs { "i", "c", "f", "o" } do -- the order of Keras 1
        parts[gate] = numbered(3, 2, 2, 3) + i
        table.insert(weights, { "W_" .. gate, parts[gate] })
        table.insert(weights, { "U_" .. gate, numbered(3, 3, 3, 3) * i })
        table.insert(weights, { "b_" .. gate, numbered(3) * i })
      end
      local made = keras1 { { "l", weights }, { "c", { { "W", numbered(5, 4, 3, 3) }, { "b", numbered(5) } } } }
      local got = assert(open(made, { backend = "tensorflow" }))
      assert.are.same({ 12, 2, 2, 3 }, got.shapes["l.input.weight"])
      for k, gate in ipairs { "i", "f", "c", "o" } do
        local slice = got:read("l.input.weight"):slice(1, 3 * k - 2, 3 * k)
        assert.is_true(slice:equal(parts[gate]), gate)
      end
    end)
  end)

  describe("Keras 3", function()
    local function weights_file(named)
      local made = maker.new()
      local function put(group, name, list)
        made:group(group .. "/vars")
        if named then made:text(group .. "/vars", "name", name) end
        for i, t in ipairs(list) do made:data(("%s/vars/%d"):format(group, i - 1), t) end
      end
      put("/layers/conv2d", "first", { numbered(3, 2, 4, 5), numbered(5) })
      put("/layers/conv2d_10", "last", { numbered(1, 1, 5, 1), numbered(1) })
      put("/layers/conv2d_2", "second", { numbered(3, 3, 5, 5), numbered(5) })
      put("/layers/batch_normalization", "norm", { numbered(5), numbered(5) * 2, numbered(5) * 3, numbered(5) * 4 })
      put("/layers/depthwise_conv2d", "dw", { numbered(3, 3, 5, 1) })
      put("/layers/conv_lstm2d", "lstm", {})
      put("/layers/conv_lstm2d/cell", "cell", { numbered(3, 3, 2, 8), numbered(3, 3, 2, 8), numbered(8) })
      made:data("/layers/dropout/seed_generator/vars/0", { 1, 2 }, { dims = { 2 }, type = "i8" })
      return made:data("/optimizer/vars/0", { 1 }, { dims = { 1 } })
    end

    it(".weights.h5: classes and counts, or the names of the layers", function()
      local weights = assert(open(weights_file(false)))
      assert.are.same({ "batch_normalization.weight", "batch_normalization.bias", "batch_normalization.running_mean",
        "batch_normalization.running_var", "conv2d.weight", "conv2d.bias", "conv2d_2.weight", "conv2d_2.bias",
        "conv2d_10.weight", "conv2d_10.bias", "conv_lstm2d.input.weight", "conv_lstm2d.input.bias",
        "conv_lstm2d.hidden.weight", "depthwise_conv2d.weight" }, weights.names)
      assert.is_false(weights.ordered)
      check_places(weights:read "conv2d.weight", numbered(3, 2, 4, 5), hwio)
      assert.are.same({ 5, 1, 3, 3 }, weights.shapes["depthwise_conv2d.weight"])
      weights = assert(open(weights_file(true)))
      assert.are.equal("norm.weight", weights.names[1])
      assert.are.equal("last.bias", weights.names[10])
      assert.are.equal("lstm.input.weight", weights.names[11])
    end)

    it(".keras: the order, names and settings of the description", function()
      local made = maker.new():data("/layers/conv2d/vars/0", numbered(3, 3, 1, 2))
      made:data("/layers/batch_normalization/vars/0", numbered(2))
      for i = 1, 2 do made:data(("/layers/batch_normalization/vars/%d"):format(i), numbered(2) * (i + 1)) end
      made:data("/layers/conv2d_1/vars/0", numbered(1, 1, 2, 1)):data("/layers/conv2d_1/vars/1", numbered(1))
      local config = json.encode { class_name = "Functional", config = { name = "net", layers = {
        { class_name = "InputLayer", name = "in", config = { name = "in" } },
        { class_name = "Conv2D", name = "stem", config = { name = "stem", use_bias = false } },
        { class_name = "BatchNormalization", name = "bn", config = { name = "bn", scale = false } },
        { class_name = "Conv2D", name = "head", config = { name = "head" } } } } }
      local folder = files:path "archive"
      os.execute(("mkdir -p %s"):format(folder))
      made:write(folder .. "/model.weights.h5")
      for name, text in pairs { ["config.json"] = config, ["metadata.json"] = '{"keras_version": "3.5.0"}' } do
        local file = assert(io.open(folder .. "/" .. name, "w"))
        file:write(text)
        file:close()
      end
      local archive = require("support.pickle_writer").archive
      local function content(name)
        local file = assert(io.open(folder .. "/" .. name, "rb"))
        local bytes = file:read "a"
        file:close()
        return { name, bytes }
      end
      local path = files:write("net.keras", archive { content "metadata.json", content "config.json",
        content "model.weights.h5" })
      os.execute(("rm -r %s"):format(folder))
      local weights = assert(keras.open(path))
      assert.are.same({ "stem.weight", "bn.weight", "bn.bias", "bn.running_mean", "bn.running_var", "head.weight",
        "head.bias" }, weights.names)
      assert.is_true(weights.ordered)
      assert.are.equal("3.5.0", weights.metadata.keras_version)
      assert.are.same({ 1, 1 }, weights:read("bn.weight"):values())
      assert.are.same(numbered(2):values(), weights:read("bn.bias"):values())
      assert.are.same((numbered(2) * 3):values(), weights:read("bn.running_var"):values())
    end)

    it("asks for the description where the variables could mean several things", function()
      local made = maker.new()
      for i = 0, 2 do made:data(("/layers/batch_normalization/vars/%d"):format(i), numbered(2)) end
      local weights, message = open(made)
      assert.is_nil(weights)
      assert.is_truthy(message:find("architecture", 1, true))
    end)
  end)

  it("raises for options it does not know", function()
    assert.has_error(function() keras.open("x.h5", { backnd = "theano" }) end,
      "keras.open: unknown option 'backnd'; did you mean 'backend'? (known: architecture, backend, dim_ordering)")
    assert.has_error(function() keras.open("x.h5", { backend = "numpy" }) end)
  end)
end)
