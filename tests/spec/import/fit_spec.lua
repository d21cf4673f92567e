-- Weights of all formats in networks: bit by bit the same model, strictness, and what is written beside weights.
local fovea = require "fovea"
local import = require "fovea.import"
local arch = require "fovea.arch"
local onnx = require "support.onnx_writer"
local scratch = require "support.scratch"
local small_net = require "support.small_net"
local tiny = require "support.tiny_onnx"
local writer = require "support.pickle_writer"

describe("weights in a network", function()
  local dir, source, input

  --- The parameters of the source as { name, writer's tensor } under other names.
  local function state(rename)
    local list = {}
    for i, entry in ipairs(source.parameters) do
      list[i] = { rename and rename(entry.name) or entry.name,
        writer.tensor(entry.shape, source.weights[entry.name]:values()) }
    end
    return list
  end

  local function pth(name, list) return dir:write(name, writer.zip { state = list }) end

  local function load(path, options)
    local all = { arch = small_net }
    for key, value in pairs(options or {}) do all[key] = value end
    return fovea.load(path, all)
  end

  local function check_same(model)
    for _, entry in ipairs(source.parameters) do
      assert.equal(source.weights[entry.name]:hash(), model.weights[entry.name]:hash(), entry.name)
    end
    assert.equal(source:forward(input)[1]:hash(), model:forward(input)[1]:hash())
  end

  setup(function()
    dir = scratch.new()
    source = assert(arch.model(small_net, {}, nil, { seed = 5 }))
    input = fovea.uniform({ 1, 1, 16, 16 }, { seed = 1 })
  end)
  teardown(function() dir:remove() end)

  it("is the same model from safetensors, archive, stream and ONNX", function()
    assert(fovea.safetensors.write(dir:path "a.safetensors", source.weights))
    check_same(assert(load(dir:path "a.safetensors")))
    check_same(assert(load(pth("a.pth", state()))))
    check_same(assert(load(dir:write("b.pth", writer.stream { state = { { "model", state() } } }))))
    local initializers = {}
    for i, entry in ipairs(source.parameters) do
      initializers[i] = onnx.tensor(entry.name, entry.shape, source.weights[entry.name]:values())
    end
    check_same(assert(load(dir:write("a.onnx", onnx.model { initializers = initializers, nodes = {},
      inputs = { { "x", { 1, 1, 8, 8 } } }, outputs = { { "x" } } }))))
  end)

  it("knows the names of other code bases, prefixes and orders", function()
    local model = assert(load(pth("o.pth", state(function(name)
      return "net." .. name:gsub("^block%.", "block_"):gsub("^head", "out")
    end))))
    check_same(model)
    assert.equal("map other", model.match.how)
    assert.same({}, model.warnings)
    local path = pth("n.pth", state(function(name) return "l_" .. name:gsub("block", "b") end))
    model = assert(load(path))
    check_same(model)
    assert.same({ "weights of " .. path .. " are assigned by shape and order, not by name: check the output" },
      model.warnings)
    check_same(assert(load(path, { map = function(name) return (name:gsub("^l_", ""):gsub("^b", "block")) end })))
    assert.is_nil(load(path, { map = "names" }))
  end)

  it("fails with a list when something does not fit, unless told otherwise", function()
    local list = state()
    list[1][1], list[#list] = "block.conv.wieght", nil
    local path = pth("s.pth", list)
    local model, message, code = load(path)
    assert.is_nil(model)
    assert.equal("mismatch", code)
    local first, last = source.parameters[1].name, source.parameters[#source.parameters].name
    local count = #source.parameters
    assert.equal(("%s: does not fit small_net: %d of %d parameters found (by names)\n2 missing: %s, %s\n"
      .. "1 unexpected: block.conv.wieght"):format(path, count - 2, count, first, last), message)
    model = assert(load(path, { strict = false }))
    assert.same({ ("2 missing: %s, %s"):format(first, last), "1 unexpected: block.conv.wieght" }, model.warnings)
    assert.equal(source.weights["block.conv.bias"]:hash(), model.weights["block.conv.bias"]:hash())
    assert.is_nil(load(pth("other.pth", { { "x", writer.tensor({ 1 }, { 1 }) } }), { strict = false }))
    local wide, why = load(pth("w.pth", state()), { arch_options = { width = 6 } })
    assert.is_nil(wide)
    assert.is_truthy(why:find("block.conv.weight is 4x1x3x3, the network has 6x1x3x3", 1, true), why)
  end)

  it("refuses numbers that are none", function()
    local list = state()
    list[1][2].storage.values[3] = 0 / 0
    local path = pth("nan.pth", list)
    local model, message, code = load(path)
    assert.is_nil(model)
    assert.equal(("%s: weights with NaN or infinite elements: %s"):format(path, list[1][1]), message)
    assert.equal("mismatch", code)
  end)

  it("needs the name of a network, and raises for unknown names and options", function()
    local path = pth("bare.pth", state())
    local model, message, code = fovea.load(path)
    assert.is_nil(model)
    assert.equal("unsupported", code)
    assert.is_truthy(message:find(path .. ": weights without a network: name its architecture", 1, true), message)
    assert.error_matches(function() fovea.load(path, { arch = "r2unett" }) end, "did you mean 'r2unet'")
    assert.error_matches(function() load(path, { arch_options = { widht = 3 } }) end, "did you mean 'width'")
    assert.error_matches(function() load(path, { map = "othr" }) end, "did you mean 'other'")
    assert.equal("io", (select(3, load(dir:path "missing.pth"))))
  end)

  it("takes a user's file by path, and random weights", function()
    local path = pth("p.pth", state())
    local model = assert(fovea.load(path, { arch = "tests/support/small_net.lua" }))
    check_same(model)
    assert.equal(path, model.path)
    assert.equal("tests/support/small_net.lua", model.load_options.arch)
    local random = assert(load "random:5")
    check_same(random)
    assert.equal("random:5", random.path)
    assert.is_false(random:forward(input)[1]:equal(assert(load "random"):forward(input)[1]))
    assert.is_nil(fovea.load "random")
  end)

  describe("notes beside them", function()
    local function with_yaml(text)
      local path = pth("y.pth", state())
      dir:write("y.yaml", text)
      return path
    end

    it("give preprocessing, over that of the architecture and below that of the caller", function()
      local path = with_yaml "lr: 0.1\nfovea:\n  preprocess: { channels: 1, mean: [0.5], std: 0.25 }\n"
      local model = assert(load(path))
      assert.same({ 0.5 }, model.preprocess.mean)
      assert.same({ 0.25 }, model.preprocess.std)
      assert.is_nil(model.preprocess.scale)
      assert.same({ 2 }, assert(load(path, { preprocess = { mean = 2 } })).preprocess.mean)
      os.remove(dir:path "y.yaml")
      assert.equal(1, assert(load(path)).preprocess.scale)
    end)

    it("name the network and its options", function()
      local path = dir:path "r.pth"
      local small = assert(arch.model("r2unet", { depth = 2, width = 2, t = 1 }, nil,
        { input_shape = { 1, 3, 16, 16 } }))
      assert(fovea.safetensors.write(path, small.weights))
      dir:write("r.yaml", "fovea: { arch: r2unet, arch_options: { depth: 2, width: 2, t: 1 } }")
      local model = assert(fovea.load(path, { input_shape = { 1, 3, 16, 16 } }))
      assert.equal("r2unet", model.architecture.name)
      assert.equal(2, model.options.depth)
      assert(fovea.load(path, { arch = "r2unet", input_shape = { 1, 3, 16, 16 } }))
    end)

    it("live in the metadata of safetensors", function()
      local path = dir:path "meta.safetensors"
      assert(fovea.safetensors.write(path, source.weights, { metadata = {
        ["fovea.preprocess"] = [[{"channels":1,"scale":0.5,"size":{"policy":"pad","multiple":8}}]] } }))
      local model = assert(load(path))
      assert.equal(0.5, model.preprocess.scale)
      assert.equal(8, model.preprocess.size.multiple)
      dir:write("meta.yaml", "fovea:\n  preprocess: { scale: 0.25 }\n")
      assert.equal(0.25, assert(load(path)).preprocess.scale)
    end)

    it("count for models with a graph too", function()
      local path = dir:write("g.onnx", tiny.bytes())
      local own = assert(fovea.load(path)).preprocess
      dir:write("g.yaml", "fovea:\n  preprocess: { channels: 3, std: 4, size: { policy: pad, multiple: 8 } }\n")
      assert.is_nil(own.std)
      assert.same({ 4 }, assert(fovea.load(path)).preprocess.std)
      assert.same({ 5 }, assert(fovea.load(path, { preprocess = { std = 5 } })).preprocess.std)
      local noted = onnx.model { inputs = { { "x", { 1, 1, 8, 8 } } }, outputs = { { "y" } },
        nodes = { onnx.node("Relu", { "x" }, { "y" }) }, metadata = { ["fovea.preprocess"] = [[{"std":6}]] } }
      assert.same({ 6 }, assert(fovea.load(dir:write("m.onnx", noted))).preprocess.std)
    end)

    it("that are wrong are an error, those of others none of our business", function()
      local function fails(text, message)
        local path = with_yaml(text)
        local model, why, code = load(path)
        assert.is_nil(model)
        assert.equal("format", code)
        assert.is_truthy(why:find(dir:path "y.yaml" .. ": ", 1, true), why)
        assert.is_truthy(why:find(message, 1, true), why)
      end
      fails("fovea: { preproces: {} }", "unknown option 'preproces'; did you mean 'preprocess'?")
      fails("fovea: { preprocess: { men: 1 } }", "did you mean 'mean'?")
      fails("fovea: { arch: ./evil.lua }", "arch must be the name of an architecture")
      fails("fovea: { arch: 3 }", "arch must be the name of an architecture")
      fails("fovea: [1", "expected")
      fails("fovea: 3", "not a table")
      for _, text in ipairs { "arch: NestedUNet\nloss: bce\n", "x: [1", "# fovea: {}\n", "a:\n  fovea: 3\n" } do
        assert(load(with_yaml(text)))
      end
      os.remove(dir:path "y.yaml")
    end)
  end)

  it("knows safetensors whatever the length of the header", function()
    for extra = 0, 300, 8 do
      local path = dir:path "length.safetensors"
      assert(fovea.safetensors.write(path, { a = fovea.zeros { 1 } }, { metadata = { note = ("x"):rep(extra) } }))
      assert.equal("safetensors", assert(import.format(path)).name)
    end
  end)

  it("lists formats that can be opened", function()
    assert.same({ "ONNX" }, import.formats "model")
    local names = table.concat(import.formats "weights", " ")
    assert.is_truthy(names:find("PyTorch", 1, true) and names:find("safetensors", 1, true))
  end)
end)
