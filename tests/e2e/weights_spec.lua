-- fovea inspect and fovea convert on weight files, and --arch, as a user runs them.
local command = require "support.command"
local fovea = require "fovea"
local scratch = require "support.scratch"
local writer = require "support.pickle_writer"

describe("weights on the command line", function()
  local dir, pth

  setup(function()
    dir = scratch.new()
    pth = dir:write("w.pth", writer.zip { state = { { "state_dict", {
      { "module.b.weight", writer.tensor({ 2, 1, 1, 1 }, { 1, 2 }) },
      { "module.a.bias", writer.tensor({ 2 }, { 0x3f80, 0x4000 }, { type = "bfloat16" }) },
      { "module.n.num_batches_tracked", writer.tensor({}, { 9 }, { type = "int64" }) },
    } } } })
  end)
  teardown(function() dir:remove() end)

  it("inspect lists names, types and shapes", function()
    local status, out = command.run { "inspect", pth }
    assert.equal(0, status)
    assert.equal(("b.weight               float32   2x1x1x1\na.bias                 bfloat16  2\n"
      .. "n.num_batches_tracked  int64     scalar\n%s: PyTorch weights, 3 tensors, 5 elements\n"):format(pth), out)
    status, out = command.run { "inspect", pth, "--json" }
    assert.equal(0, status)
    local told = assert(fovea.json.decode(out))
    assert.equal("PyTorch", told.format)
    assert.same({ name = "a.bias", dtype = "bfloat16", shape = { 2 } }, told.tensors[2])
    local refused, _, err = command.run { "inspect", pth, "--layer", "b*" }
    assert.equal(2, refused)
    assert.equal(("fovea: %s: weights have no layers; name their network (--arch)\n"):format(pth), err)
  end)

  it("convert writes safetensors with the notes beside the weights, and leaves out counters", function()
    dir:write("w.yaml", "fovea:\n  preprocess: { channels: 1, mean: 0.5 }\n")
    local out = dir:path "w.safetensors"
    assert.equal(0, (command.run { "convert", pth, out }))
    local tensors, metadata = assert(fovea.safetensors.read(out))
    assert.same({ 1, 2 }, tensors["b.weight"]:values())
    assert.same({ 2, 1, 1, 1 }, tensors["b.weight"]:shape())
    assert.same({ 1, 2 }, tensors["a.bias"]:values())
    assert.is_nil(tensors["n.num_batches_tracked"])
    assert.same({ 0.5 }, fovea.json.decode(metadata["fovea.preprocess"]).mean)
    assert.equal(0, (command.run { "convert", out, dir:path "half.safetensors", "--dtype", "float16" }))
    assert.equal("float16", (fovea.safetensors.open(dir:path "half.safetensors"):dtype "b.weight"))
    os.remove(dir:path "w.yaml")
  end)

  it("convert fails cleanly", function()
    local out = dir:path "no.safetensors"
    local status, _, err = command.run { "convert", dir:path "missing.pth", out }
    assert.equal(1, status)
    assert.equal(("fovea: %s: no such file\n"):format(dir:path "missing.pth"), err)
    status, _, err = command.run { "convert", pth, dir:path "no.h5" }
    assert.equal(2, status)
    assert.is_truthy(err:find("only .safetensors files are written", 1, true))
    status, _, err = command.run { "convert", pth, dir:path "none/no.safetensors" }
    assert.equal(1, status)
    assert.is_truthy(err:find("the folder does not exist", 1, true))
    status, _, err = command.run { "convert", pth, out, "--arch", "tests/support/small_net.lua" }
    assert.equal(1, status)
    assert.is_truthy(err:find("does not fit small_net: 0 of 8 parameters found", 1, true), err)
    for _, name in ipairs(dir:names()) do assert.is_nil(name:find "^%.fovea" or name:find "^no%.") end
  end)

  it("--arch makes a model of weights wherever a model is taken", function()
    local net, out = "tests/support/small_net.lua", dir:path "net.safetensors"
    local status, text = command.run { "inspect", "random:3", "--arch", net, "--arch-option", "width=6" }
    assert.equal(0, status)
    assert.is_truthy(text:find("block.conv", 1, true))
    status = command.run { "convert", "random:3", out, "--arch", net, "--arch-option", "width=6" }
    assert.equal(0, status)
    local _, metadata = assert(fovea.safetensors.read(out))
    assert.is_nil(metadata["fovea.arch"]) -- the path of a file is not noted
    local image = dir:path "image.png"
    assert(fovea.image.write(image, fovea.uniform({ 3, 16, 16 }, { seed = 1, min = 0, max = 255 })))
    local folder = dir:path "out"
    local err
    status, _, err = command.run { "explain", out, image, "--arch", net, "--arch-option", "width=6", "--layer",
      "block.conv", "--threshold", "logit:-1e9", "--out", folder }
    assert.equal(0, status, err)
    local record = assert(fovea.json.decode(dir:read "out/explain.json"))[1]
    assert.equal(net, record.load.arch)
    status, _, err = command.run { "explain", "--from", folder .. "/explain.json#1", "--out", folder }
    assert.equal(0, status, err)
    status, _, err = command.run { "inspect", out, "--arch", net, "--arch-option", "width" }
    assert.equal(2, status)
    assert.is_truthy(err:find("'width' is not KEY=VALUE", 1, true))
    status, _, err = command.run { "inspect", out, "--arch", net }
    assert.equal(1, status)
    assert.is_truthy(err:find("block.conv.weight is 6x1x3x3, the network has 4x1x3x3", 1, true), err)
    os.execute(("rm -r '%s'"):format(folder))
  end)
end)
