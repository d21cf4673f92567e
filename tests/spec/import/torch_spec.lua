-- State dicts in the wrappers that people save them in.
local import = require "fovea.import"
local real = require "support.real"
local scratch = require "support.scratch"
local writer = require "support.pickle_writer"

local dir

local function open(state, options, name)
  return import.weights(dir:write(name or "weights.pth", writer.zip { state = state }), options)
end

local function fails(state, message, options)
  local weights, text, code = open(state, options)
  assert.is_nil(weights)
  assert.equal(dir:path "weights.pth" .. ": " .. message, text)
  assert.equal("format", code)
end

local function net()
  return {
    { "conv.weight", writer.tensor({ 1, 2 }, { 1, 2 }) },
    { "bn.num_batches_tracked", writer.tensor({}, { 100 }, { type = "int64" }) },
    { "conv.bias", writer.tensor({ 1 }, { 0x3c00 }, { type = "float16" }) },
  }
end

local function prefixed(prefix)
  local list = net()
  for _, pair in ipairs(list) do pair[1] = prefix .. pair[1] end
  return list
end

describe("PyTorch weights", function()
  setup(function() dir = scratch.new() end)
  teardown(function() dir:remove() end)

  it("keep the order, names, shapes and types of the state dict", function()
    local weights <close> = assert(open(net()))
    assert.same({ "conv.weight", "bn.num_batches_tracked", "conv.bias" }, weights.names)
    assert.same({ 1, 2 }, weights.shapes["conv.weight"])
    assert.same({}, weights.shapes["bn.num_batches_tracked"])
    assert.equal("float16", weights.dtypes["conv.bias"])
    assert.same({ 1 }, weights:read "conv.bias":values())
    assert.equal("mismatch", (select(3, weights:read "conv")))
    assert.equal("PyTorch", weights.format)
  end)

  it("are found in the usual wrappers", function()
    for _, name in ipairs { "state_dict", "model_state_dict", "model", "net", "network_weights" } do
      local weights <close> = assert(open { { "epoch", 7 }, { name, net() },
        { "optimizer", { { "state", { { 0, { { "exp_avg", writer.tensor({ 1 }, { 1 }) } } } } } } } })
      assert.equal(3, #weights.names, name)
      assert.same({ name }, weights.entries)
    end
    local nested <close> = assert(open { { "model", { { "state_dict", net() } } } })
    assert.same({ "model", "state_dict" }, nested.entries)
    local only <close> = assert(open { { "my_name", net() }, { "epoch", 1 } })
    assert.same({ "my_name" }, only.entries)
  end)

  it("of nnU-Net and Lightning are found beside their other contents", function()
    local scalar = writer.call(writer.global("numpy.core.multiarray", "scalar"), {
      writer.call(writer.global("numpy", "dtype"), { "f8" }), "x" })
    local nnunet <close> = assert(open { { "network_weights", net() }, { "optimizer_state", {} },
      { "grad_scaler_state", nil }, { "_best_ema", scalar }, { "current_epoch", 1000 },
      { "init_args", { { "plans", { { "a", 1 } } },
        { "device", writer.call(writer.global("torch", "device"), { "cuda" }) } } },
      { "trainer_name", "nnUNetTrainer" }, { "inference_allowed_mirroring_axes", writer.tuple { 0, 1 } } })
    assert.equal(3, #nnunet.names)
    local lightning <close> = assert(open { { "epoch", 1 }, { "pytorch-lightning_version", "2.0" },
      { "state_dict", prefixed "net." }, { "hyper_parameters", { { "lr", 0.1 } } } })
    assert.equal("net.conv.weight", lightning.names[1])
  end)

  it("lose what DataParallel and torch.compile put before the names", function()
    for _, prefix in ipairs { "module.", "_orig_mod.", "module._orig_mod.", "module.module." } do
      local weights <close> = assert(open(prefixed(prefix)))
      assert.equal("conv.weight", weights.names[1])
      assert.same({ 1, 2 }, weights:read "conv.weight":values())
    end
    local mixed = prefixed "module."
    mixed[4] = { "other", writer.tensor({ 1 }, { 1 }) }
    local weights <close> = assert(open(mixed))
    assert.equal("module.conv.weight", weights.names[1])
  end)

  it("are named when a checkpoint has several", function()
    local two = { { "generator", net() }, { "critic", net() } }
    fails(two, "several parts could be the weights (generator, critic); name one (entry = ..., --entry NAME)")
    local weights <close> = assert(open(two, { entry = "critic" }))
    assert.same({ "critic" }, weights.entries)
    local deep <close> = assert(open({ { "a", { { "b", two } } } }, { entry = "a/b/generator" }))
    assert.equal(3, #deep.names)
    fails(two, "no entry 'generatr'; did you mean 'generator'? (known: generator, critic)", { entry = "generatr" })
  end)

  it("say what is there when there are no tensors", function()
    fails({ { "epoch", 3 }, { "lr", 0.1 } }, "no tensors by name in it (it has: epoch, lr)")
    fails(writer.list { 1 }, "holds no dictionary of tensors (save model.state_dict())")
    fails({ { "w", writer.tensor({ 1 }, { 1 }) }, { "w", writer.tensor({ 1 }, { 1 }) } }, "tensor 'w' comes twice")
    local loop = writer.raw "}q\1X\5\0\0\0modelh\1s"
    fails(loop, "no tensors by name in it")
  end)

  it("are recognised by content, whatever the suffix", function()
    for _, name in ipairs { "net.pkl", "net.ckpt", "net.pt", "net", "net.onnx" } do
      local weights <close> = assert(open(net(), nil, name))
      assert.equal("PyTorch", weights.format)
    end
    local stream <close> = assert(import.weights(dir:write("net.bin", writer.stream { state = net() })))
    assert.equal("PyTorch", stream.format)
    local other, message, code = import.weights(dir:write("net.pth", "hello"))
    assert.is_nil(other)
    assert.equal(dir:path "net.pth" .. ": not a model or weight file that is known; files of "
      .. table.concat(import.formats "weights", ", ") .. " can be opened", message)
    assert.equal("unsupported", code)
    assert.equal("io", (select(3, import.weights(dir:path "missing.pth"))))
    assert.equal("io", (select(3, import.weights(dir.folder))))
  end)
end)

describe("real PyTorch files", function()
  for _, name in ipairs { "m2unet_chasedb1", "lwnet_wnet_drive" } do
    it(name .. ": stream and archive hold the same bits", function()
      local old <close> = assert(import.weights(real.need("models/" .. name .. ".legacy.pth")))
      local new <close> = assert(import.weights(real.need("models/" .. name .. ".resaved.zip.pth")))
      local compared = 0
      for _, tensor in ipairs(old.names) do
        local a, b = assert(old:read(tensor)), assert(new:read(tensor))
        assert.same(a:shape(), b:shape())
        assert.equal(a:hash(), b:hash(), tensor)
        compared = compared + 1
      end
      assert.is_true(compared >= 240)
      for _, tensor in ipairs(new.names) do
        assert.is_true(old.shapes[tensor] ~= nil or tensor:find "num_batches_tracked$" ~= nil, tensor)
      end
    end)
  end
end)
