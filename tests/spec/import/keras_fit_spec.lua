-- Weights of Keras in networks: bit by bit the same model as from other formats.
local arch = require "fovea.arch"
local command = require "support.command"
local fovea = require "fovea"
local import = require "fovea.import"
local maker = require "support.hdf5_maker"
local scratch = require "support.scratch"
local writer = require "support.pickle_writer"

-- All kinds of layers that have a layout of their own.
local net = { name = "net", input = function() return { 1, 1, false, false } end }

function net.build(nn, x)
  local y = nn:relu("relu", nn:batch_norm("bn", nn:conv("stem", x, 4)))
  local up = nn:conv_transpose("up", nn:max_pool("pool", y, { kernel = 2 }), 4)
  local state = nn:conv_lstm("lstm", { up, y }, 3)
  local gate = nn:dense("gate", nn:reshape("flat", nn:global_avg_pool("mean", state), { shape = { 1, 3 } }), 3)
  state = nn:mul("gated", state, nn:reshape("wide", nn:sigmoid("sigmoid", gate), { shape = { 1, 3, 1, 1 } }))
  return nn:conv("head", state, 1, { kernel = 1 })
end

local LAYERS = { "stem", "bn", "up", "lstm", "gate", "head" }
local LEAVES = {
  bn = { "weight", "gamma", "bias", "beta", "running_mean", "moving_mean", "running_var", "moving_variance" },
  lstm = { "input.weight", "kernel", "hidden.weight", "recurrent_kernel", "input.bias", "bias" },
}

describe("Keras weights in a network", function()
  local files, source, input
  setup(function()
    files = scratch.new()
    source = assert(arch.model(net, {}, nil, { seed = 5 }))
    for i, entry in ipairs(source.parameters) do -- biases and statistics that are not all alike
      if #entry.shape == 1 then
        local made = fovea.uniform(entry.shape, { seed = i, min = 0.5, max = 1.5 })
        source.weights[entry.name] = made
      end
    end
    assert(fovea.safetensors.write(files:path "net.safetensors", source.weights))
    source = assert(fovea.load(files:path "net.safetensors", { arch = net }))
    input = fovea.uniform({ 1, 1, 16, 16 }, { seed = 1 })
  end)
  teardown(function() files:remove() end)

  local function check_same(model)
    for _, entry in ipairs(source.parameters) do
      assert.equal(source.weights[entry.name]:hash(), model.weights[entry.name]:hash(), entry.name)
    end
    assert.equal(source:forward(input)[1]:hash(), model:forward(input)[1]:hash())
  end

  --- A parameter as Keras lays it out: H,W,I,O; transposed H,W,O,I; dense I,O.
  local function keras_layout(name)
    local t = source.weights[name]
    if t:rank() == 4 then return t:transpose { 3, 4, 2, 1 } end
    return t:rank() == 2 and t:transpose { 2, 1 } or t
  end

  local function made_file(layout)
    local made, names = maker.new(), {}
    for i, layer in ipairs(LAYERS) do
      local leaves, weights = LEAVES[layer] or { "weight", "kernel", "bias", "bias" }, {}
      names[i] = layer
      made:group("/" .. layer)
      for j = 1, #leaves, 2 do
        local weight = ("%s/%s:0"):format(layer, leaves[j + 1])
        weights[#weights + 1] = weight
        made:data(("/%s/%s"):format(layer, weight), keras_layout(layer .. "." .. leaves[j]), { layout = layout })
      end
      made:texts("/" .. layer, "weight_names", weights)
    end
    return made:texts("/", "layer_names", names):text("/", "keras_version", "2.4.0"):text("/", "backend", "tensorflow")
  end

  it("is the same model from safetensors, a PyTorch archive and HDF5", function()
    local list = {}
    for i, entry in ipairs(source.parameters) do
      list[i] = { entry.name, writer.tensor(entry.shape, source.weights[entry.name]:values()) }
    end
    check_same(assert(fovea.load(files:write("net.pth", writer.zip { state = list }), { arch = net })))
    for _, layout in ipairs { "contiguous", "deflate" } do
      local model = assert(fovea.load(made_file(layout):write(files:path "net.h5"), { arch = net }))
      assert.equal("names", model.match.how)
      assert.same({}, model.warnings)
      check_same(model)
    end
  end)

  it("says what is missing", function()
    local made = made_file "contiguous"
    for i, line in ipairs(made.lines) do made.lines[i] = line:gsub("stem", "start") end
    local model, message, code = fovea.load(made:write(files:path "net.h5"), { arch = net })
    assert.is_nil(model)
    assert.is_truthy(message:find("stem.weight", 1, true), message)
    assert.is_truthy(message:find("start.weight", 1, true), message)
    assert.equal("mismatch", code)
  end)

  it("is known by its content, whatever its suffix", function()
    local path = made_file("contiguous"):write(files:path "weights.dat")
    assert.equal("Keras HDF5", assert(import.format(path)).name)
    local h5 = files:read "weights.dat"
    local archive = writer.archive { { "metadata.json", "{}" }, { "config.json", "{}" }, { "model.weights.h5", h5 } }
    assert.equal("Keras", assert(import.format(files:write("net.zip", archive))).name)
    local _, message, code = fovea.load(path)
    assert.is_truthy(message:find("name its architecture", 1, true), message)
    assert.equal("unsupported", code)
  end)

  it("takes what an old file does not say as an option", function()
    local made = maker.new():group("/head"):texts("/", "layer_names", { "head" })
    made:texts("/head", "weight_names", { "head_W", "head_b" })
    made:data("/head/head_W", { 1, 2, 3, 4, 5, 6, 7, 8, 9 }, { dims = { 1, 1, 3, 3 } })
    local path = made:data("/head/head_b", { 0 }, { dims = { 1 } }):write(files:path "old.h5")
    local tiny = { name = "tiny", input = net.input, build = function(nn, x) return nn:conv("head", x, 1) end }
    local function corner(options)
      local model = assert(fovea.load(path, { arch = tiny, keras = options }))
      return model.weights["head.weight"]:get(1, 1, 1, 1)
    end
    assert.equal(9, corner { dim_ordering = "th" })
    assert.equal(9, corner { dim_ordering = "th", backend = "theano" })
    assert.equal(1, corner { dim_ordering = "th", backend = "tensorflow" })
    local status, out = command.run { "inspect", path, "--keras", "backend=tensorflow", "--keras", "dim_ordering=th" }
    assert.equal(0, status)
    assert.is_truthy(out:find("head.weight", 1, true), out)
    local failed, _, err = command.run { "inspect", path, "--keras", "backend=tensorflw" }
    assert.equal(2, failed)
    assert.is_truthy(err:find("tensorflow", 1, true), err)
  end)

  it("becomes safetensors", function()
    local path = made_file("deflate"):write(files:path "net.h5")
    local status, _, err = command.run { "convert", path, files:path "out.safetensors" }
    assert.equal(0, status, err)
    check_same(assert(fovea.load(files:path "out.safetensors", { arch = net })))
  end)
end)
