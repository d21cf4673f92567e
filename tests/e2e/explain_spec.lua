-- fovea inspect and fovea explain as a user runs them: results on disk, records, exit status, bad input.
local command = require "support.command"
local fovea = require "fovea"
local onnx = require "support.onnx_writer"
local scratch = require("support.scratch").new()
local tiny = require "support.tiny_onnx"
local lfs = require "lfs"

describe("fovea explain", function()
  local model, image

  setup(function()
    model = scratch:write("tiny.onnx", tiny.bytes())
    image = scratch:path "image.png"
    assert(fovea.image.write(image, fovea.uniform({ 3, 20, 24 }, { seed = 1, min = 0, max = 255 })))
  end)

  teardown(function() scratch:remove() end)

  local function explain(arguments, out)
    local words = { "explain" }
    for _, word in ipairs(arguments) do words[#words + 1] = word end
    words[#words + 1] = "--out"
    words[#words + 1] = scratch:path(out)
    return command.run(words)
  end

  local function records(out) return assert(fovea.json.decode(scratch:read(out .. "/explain.json"))) end

  local function exists(path) return lfs.attributes(scratch:path(path), "mode") ~= nil end

  it("writes one picture per combination and a record of each", function()
    local status, out, err = explain({ model, image, "--layer", "enc.*elu*", "--layer", "deep.relu*", "--threshold",
      "0.5", "--threshold", "quantile:0.9", "--method", "gradcam", "--method", "hirescam", "--raw", "npy" }, "all")
    assert.are.equal("", out)
    assert.are.equal(0, status, err)
    local found = records "all"
    assert.are.equal(8, #found)
    for _, record in ipairs(found) do
      local picture = assert(fovea.image.read(scratch:path("all/" .. record.picture)))
      assert.are.same({ 3, 20, 24 }, picture.tensor:shape())
      local raw = assert(fovea.npy.read(scratch:path("all/" .. record.raw)))
      assert.are.same({ table.unpack(record.layer_shape, 3) }, raw:shape())
      assert.are.near(record.range.max, raw:max(), 1e-6)
      assert.are.equal(model, record.model)
      assert.are.equal(image, record.image)
      assert.are.equal("logit", record.score.kind)
      assert.is_truthy(record.seconds and record.status and record.pixels and record.threshold.spec)
    end
    assert.are.equal("image.enc.relu.Relu.0.5.gradcam.png", found[1].picture)
  end)

  it("prints the same records with --json, and draws panels", function()
    local status, out = explain({ model, image, "--json", "--panel" }, "json")
    assert.are.equal(0, status)
    assert.are.same(records "json", assert(fovea.json.decode(out)))
  end)

  it("takes tensors that are already preprocessed", function()
    local tensor = fovea.uniform({ 1, 3, 16, 16 }, { seed = 3 })
    assert(fovea.npy.write(scratch:path "x.npy", tensor))
    assert(fovea.safetensors.write(scratch:path "x.safetensors", { a = tensor, input = tensor }))
    local status = explain({ model, scratch:path "x.npy", scratch:path "x.safetensors",
      scratch:path "x.safetensors" .. "#a", "--raw", "npy", "--layer", "enc.conv*" }, "tensors")
    assert.are.equal(0, status)
    local found = records "tensors"
    assert.are.equal(3, #found)
    assert.are.same(found[1].range, found[2].range)
    assert.are.same(found[1].range, found[3].range)
  end)

  it("goes on after a broken case and says so in the status", function()
    local status, _, err = explain({ model, scratch:path "missing.png", image, "--layer", "enc.relu*" }, "broken")
    assert.are.equal(1, status)
    assert.is_truthy(err:find("missing.png: ", 1, true), err)
    local found = records "broken"
    assert.are.equal(2, #found)
    assert.are.equal("io", found[1].code)
    assert.is_truthy(exists("broken/" .. found[2].picture))
  end)

  it("does not die of a strategy that fails on one image", function()
    local strategy = scratch:write("picky.lua", [[
      return function(u, context)
        if context.image.width > 24 then error("too wide") end
        return u:gt(0.5)
      end]])
    local wide = scratch:path "wide.png"
    assert(fovea.image.write(wide, fovea.uniform({ 3, 20, 32 }, { seed = 1, min = 0, max = 255 })))
    local status, _, err = explain({ model, wide, image, image, "--layer", "enc.relu*", "--threshold",
      "file:" .. strategy }, "picky")
    assert.are.equal(1, status, err)
    assert.is_truthy(err:find("wide.png: ", 1, true) and err:find("too wide", 1, true), err)
    assert.are.equal(3, #records "picky")
    assert.are.equal(2, (explain({ model, wide, wide, "--threshold", "file:" .. strategy }, "all_picky")))
  end)

  it("says when a threshold selects nothing", function()
    local status, _, err = explain({ model, image, "--threshold", "1" }, "empty")
    assert.are.equal(1, status)
    assert.is_truthy(err:find("image.png", 1, true) and err:find("selects no pixel", 1, true), err)
    assert.are.equal("EMPTY_TARGET", records("empty")[1].status)
  end)

  it("refuses misuse with status 2 before anything is written", function()
    local function misuse(arguments, word)
      local status, _, err = explain(arguments, "misuse")
      assert.are.equal(2, status, err)
      assert.is_truthy(err:find(word, 1, true), err)
      assert.is_falsy(exists "misuse/explain.json")
    end
    misuse({ model, image, "--layer", "enc.rellu" }, "enc.relu.Relu")
    misuse({ model, image, "--threshold", "ottsu" }, "did you mean 'otsu'")
    misuse({ model, image, "--method", "gradcan" }, "did you mean 'gradcam'")
    misuse({ model, image, "--colormap", "virdis" }, "viridis")
    misuse({ model, image, "--size", "16" }, "WxH")
    misuse({ model, image, "--frobnicate" }, "unknown option")
    misuse({ model }, "images")
  end)

  --- Runs on a spoiled file and expects a message with its name and all the words.
  local function bad_model(name, bytes, ...)
    local path = scratch:write(name, bytes)
    local status, _, err = explain({ path, image }, "bad")
    assert.are.equal(1, status, err)
    for _, word in ipairs { path, ... } do
      assert.is_truthy(err:find(word, 1, true), ("%q lacks %q"):format(err, word))
    end
    assert.is_falsy(exists "bad/explain.json")
  end

  it("names file and reason of a bad model", function()
    local sound = tiny.bytes()
    bad_model("truncated.onnx", sound:sub(1, #sound // 2), "truncated.onnx: ")
    bad_model("empty.onnx", "", "empty")
    bad_model("text.onnx", "this is not a model at all, it is a text file\n", "text.onnx: ")
    bad_model("negative.onnx", tiny.bytes(function(p)
      p.initializers[2] = onnx.tensor("enc.bias", { -4 }, { 1, 2, 3, 4 })
    end), "enc.bias")
    bad_model("overflow.onnx", tiny.bytes(function(p)
      p.initializers[2] = onnx.tensor("enc.bias", { 1 << 40, 1 << 40 }, { 1 })
    end), "enc.bias")
    bad_model("short.onnx", tiny.bytes(function(p)
      p.initializers[2] = onnx.tensor("enc.bias", { 4 }, { 1, 2, 3 })
    end), "enc.bias")
    bad_model("nan.onnx", tiny.bytes(function(p)
      p.initializers[2] = onnx.tensor("enc.bias", { 4 }, { 1, 0 / 0, 3, 4 })
    end), "enc.bias", "NaN")
    bad_model("cyclic.onnx", tiny.bytes(function(p)
      p.nodes[2] = onnx.node("Relu", { "e" }, { "b" }, nil, "/enc/relu/Relu")
    end), "cycl", "relu")
    bad_model("unknown.onnx", tiny.bytes(function(p)
      p.nodes[2] = onnx.node("Frobnicate", { "a" }, { "b" }, nil, "/enc/frob")
      p.nodes[5] = onnx.node("Quux", { "d" }, { "e" }, nil, "/deep/quux")
    end), "Frobnicate", "/enc/frob", "Quux", "/deep/quux")
    local status, _, err = explain({ scratch:path "nowhere.onnx", image }, "bad")
    assert.are.equal(1, status)
    assert.is_truthy(err:find("nowhere.onnx: ", 1, true), err)
    status, _, err = explain({ scratch.folder, image }, "bad")
    assert.are.equal(1, status)
    assert.is_truthy(err:find(scratch.folder, 1, true), err)
  end)

  it("names file and reason of a bad image", function()
    local good = scratch:read "image.png"
    local function bad_image(name, bytes, ...)
      local path = bytes and scratch:write(name, bytes) or scratch:path(name)
      local status, _, err = explain({ model, path }, "bad_image")
      assert.are.equal(1, status, err)
      for _, word in ipairs { path, ... } do
        assert.is_truthy(err:find(word, 1, true), ("%q lacks %q"):format(err, word))
      end
    end
    bad_image("truncated.png", good:sub(1, #good // 2), "truncated.png: ")
    bad_image("empty.png", "", "empty")
    bad_image("text.jpg", "hello", "not an image of a known format")
    local header = good:sub(1, 8) .. string.pack(">I4", 13) .. "IHDR" .. string.pack(">I4I4", 100000, 100000)
      .. "\8\2\0\0\0"
    bad_image("huge.png", header .. good:sub(#header + 1), "huge.png: ")
    assert(fovea.npy.write(scratch:path "wrong.npy", fovea.zeros { 1, 5, 16, 16 }))
    bad_image("wrong.npy", nil, "3 channels", "has 5")
    assert(fovea.npy.write(scratch:path "nan.npy", fovea.full({ 1, 3, 16, 16 }, 0 / 0)))
    bad_image("nan.npy", nil, "NaN")
  end)

  it("opens a JPEG or PNG whatever its suffix", function()
    local path = scratch:write("png_named.jpg", scratch:read "image.png")
    assert.are.equal(0, (explain({ model, path, "--layer", "enc.relu*" }, "suffix")))
  end)
end)

describe("fovea inspect", function()
  it("prints the table of layers, and JSON", function()
    local path = scratch:path "tiny.onnx"
    lfs.mkdir(scratch.folder)
    scratch:write("tiny.onnx", tiny.bytes())
    local status, out = command.run { "inspect", path }
    assert.are.equal(0, status)
    assert.is_truthy(out:find("tiny: 8 layers, 334 parameters", 1, true), out)
    assert.is_truthy(out:find("1x6x8x8", 1, true))
    local _, json = command.run { "inspect", path, "--json" }
    local found = assert(fovea.json.decode(json))
    assert.are.equal(334, found.parameters)
    assert.are.equal(3 * 4 * 9 * 256 + 4 * 6 * 9 * 64 + 6 * 256, found.macs)
    assert.are.equal(2, (command.run { "inspect", path, "--layer", "encc*" }))
    assert.are.equal(1, (command.run { "inspect", scratch:path "none.onnx" }))
    scratch:remove()
  end)
end)
