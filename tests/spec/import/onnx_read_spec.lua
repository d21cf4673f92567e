local alloc_sweep = require "support.alloc_sweep"
local core = require "fovea.core"
local lfs = require "lfs"
local near = require "support.near"
local onnx = require "support.onnx_writer"
local onnx_case = require "support.onnx_case"

describe("onnx_read", function()
  local case

  setup(function() case = onnx_case.new() end)
  teardown(function() case:remove() end)

  local function model_with(...)
    return onnx_case.model({ 1, 2 }, onnx.node("Relu", { "x" }, { "y" }), { initializers = { ... } })
  end

  --- The tensor as the reader gives it.
  local function read(tensor)
    local file = assert(core.onnx_read(case:write(model_with(tensor))))
    return file.graph.initializers[1]
  end

  local function fails(pattern, code, model)
    local path = case:write(model)
    local result, message, kind = core.onnx_read(path)
    assert.is_nil(result)
    assert.equal(path .. ": ", message:sub(1, #path + 2))
    assert.matches(pattern, message)
    assert.equal(code, kind)
  end

  it("gives the parts of a model", function()
    local file = assert(core.onnx_read(case:write {
      opset = 17, ir_version = 9, producer = "someone", metadata = { key = "value" },
      inputs = { { "x", { 1, "height", false } } }, outputs = { { "y" } },
      nodes = { onnx.node("Conv", { "x", "", "w" }, { "y" }, { group = 2, alpha = 0.5, auto_pad = "VALID",
        pads = { 1, -2 }, scales = { 1.0, 2.5 }, names = { "a", "b" } }, "node", { metadata = { m = "n" } }) },
    }))
    assert.equal(9, file.ir_version)
    assert.equal("someone", file.producer)
    assert.same({ [""] = 17 }, file.opsets)
    assert.same({ key = "value" }, file.metadata)
    assert.same({ 1, "height", false }, file.graph.inputs[1].dims)
    local node = file.graph.nodes[1]
    assert.same({ "x", "", "w" }, node.inputs)
    assert.same({ m = "n" }, node.metadata)
    assert.same({
      group = 2, alpha = 0.5, auto_pad = "VALID", pads = { 1, -2 }, scales = { 1.0, 2.5 }, names = { "a", "b" },
    }, node.attributes)
  end)

  it("reads floating-point tensors, raw and typed", function()
    for _, typed in ipairs { false, true } do
      near.values({ 1.5, -2, 0.25 }, read(onnx.tensor("w", { 3 }, { 1.5, -2, 0.25 }, { typed = typed })).tensor)
      near.values({ 1.5, -2 }, read(onnx.tensor("w", { 2 }, { 1.5, -2 }, { type = "float64", typed = typed })).tensor)
      -- 1.5 and -2 as bit patterns
      near.values({ 1.5, -2 }, read(onnx.tensor("w", { 2 }, { 0x3e00, 0xc000 },
        { type = "float16", typed = typed })).tensor)
      near.values({ 1.5, -2 }, read(onnx.tensor("w", { 2 }, { 0x3fc0, 0xc000 },
        { type = "bfloat16", typed = typed })).tensor)
    end
    assert.same({ 2, 0, 3 }, read(onnx.tensor("w", { 2, 0, 3 }, {})).tensor:shape())
  end)

  it("reads integers exactly", function()
    local big = 0x7fffffffffffffff
    for _, typed in ipairs { false, true } do
      local function ints(kind, values)
        return read(onnx.tensor("w", { #values }, values, { type = kind, typed = typed })).ints
      end
      assert.same({ big, -5 }, ints("int64", { big, -5 }))
      assert.same({ -7, 3 }, ints("int32", { -7, 3 }))
      assert.same({ 200, 3 }, ints("uint8", { 200, 3 }))
      assert.same({ 1, 0 }, ints("bool", { 1, 0 }))
      assert.same({ 4000000000 }, ints("uint32", { 4000000000 }))
    end
    assert.same({ -7 }, read(onnx.tensor("w", { 1 }, { -7 }, { type = "int16" })).ints)
    assert.same({ -7 }, read(onnx.tensor("w", { 1 }, { -7 }, { type = "int8" })).ints)
  end)

  it("refuses tensors whose shape and data disagree", function()
    fails("initialiser 'w' has 12 bytes, its shape 3x4 needs 48", "format",
      model_with(onnx.tensor("w", { 3, 4 }, { 1, 2, 3 })))
    fails("initialiser 'w' has 3 elements, its shape 2x2 needs 4", "format",
      model_with(onnx.tensor("w", { 2, 2 }, { 1, 2, 3 }, { typed = true })))
    fails("initialiser 'w' has the negative dimension %-2", "format", model_with(onnx.tensor("w", { 3, -2 }, {})))
    fails("the dimensions of initialiser 'w' overflow", "format",
      model_with(onnx.tensor("w", { 1 << 40, 1 << 40 }, {})))
    fails("initialiser 'w' has 7 dimensions; at most 6", "unsupported",
      model_with(onnx.tensor("w", { 1, 1, 1, 1, 1, 1, 1 }, { 1 })))
    fails("initialiser 'w' has data type string", "unsupported",
      model_with(onnx.tensor("w", { 1 }, {}, { type = "string", typed = false, raw = "a" })))
    fails("initialiser 'w' has the unknown data type 99", "unsupported",
      model_with(onnx.tensor("w", { 1 }, {}, { data_type = 99, raw = "a" })))
    fails("graph input 'x' has the negative dimension %-3", "format",
      onnx_case.model({ 1, -3 }, onnx.node("Relu", { "x" }, { "y" })))
    fails("the dimensions of graph input 'x' overflow", "format",
      onnx_case.model({ 1 << 40, 1 << 40 }, onnx.node("Relu", { "x" }, { "y" })))
  end)

  it("tells what is wrong with files that are no models", function()
    local whole = onnx.model(model_with(onnx_case.weights("w", { 100 })))
    fails("truncated file: it ends after %d+ bytes", "format", whole:sub(1, #whole // 2))
    fails("not an ONNX file", "format", "\x89PNG\r\n\x1a\n and more")
    fails("the file is empty", "format", "")
    fails("it holds no graph", "format", "\x08\x07")
    local nested = "\x0a\x00"
    for _ = 1, 20 do nested = onnx.field(1, onnx.field(5, onnx.field(6, nested))) end
    fails("nested deeper", "format", "\x08\x07" .. onnx.field(7, nested))
    local result, message, code = core.onnx_read(case.dir:path "none.onnx")
    assert.is_nil(result)
    assert.matches("none.onnx: no such file", message)
    assert.equal("io", code)
    message = select(2, core.onnx_read(case.dir.folder))
    assert.matches("is a directory", message)
  end)

  it("cuts a model at any byte without harm", function()
    local whole = onnx.model(model_with(onnx_case.weights("w", { 3 }), onnx.ints("k", { 1, 2 })))
    for n = 0, #whole - 1 do
      local path = case.dir:write("cut.onnx", whole:sub(1, n))
      local ok, message = core.onnx_read(path)
      if not ok then assert.equal("string", type(message)) end
    end
  end)

  it("reports every allocation that fails", function()
    local path = case:write(model_with(onnx_case.weights("w", { 3 }), onnx.ints("k", { 1, 2 })))
    local runs = alloc_sweep(function() return core.onnx_read(path) end)
    assert.is_true(runs > 20)
  end)

  describe("external data", function()
    local function with(entries)
      return model_with(onnx.tensor("w", { 2 }, {}, { external = entries }))
    end

    setup(function()
      case.dir:write("weights.bin", string.pack("<ffff", 1, 2, 3, 4))
      case.dir:write("linked.bin", string.pack("<ff", 1, 2))
      lfs.link(case.dir:path "linked.bin", case.dir:path "second.bin")
      lfs.link("weights.bin", case.dir:path "symbolic.bin", true)
    end)

    it("is read from the model's folder", function()
      local t = read(onnx.tensor("w", { 2 }, {}, { external = { location = "weights.bin", offset = "4",
        length = "8" } }))
      near.values({ 2, 3 }, t.tensor)
      near.values({ 1, 2 }, read(onnx.tensor("w", { 2 }, {}, { external = { location = "weights.bin" } })).tensor)
    end)

    it("must be a plain file of that folder", function()
      fails("'../weights.bin' is not a plain file name", "format", with { location = "../weights.bin" })
      fails("'/etc/passwd' is not a plain file name", "format", with { location = "/etc/passwd" })
      fails("'' is not a plain file name", "format", with {})
      fails("'symbolic.bin' is a symbolic link", "format", with { location = "symbolic.bin" })
      fails("'linked.bin' is not a regular file with one link", "format", with { location = "linked.bin" })
      fails("'none.bin': No such file", "io", with { location = "none.bin" })
    end)

    it("must hold what the shape needs", function()
      fails("needs 8 bytes", "format", with { location = "weights.bin", offset = "12" })
      fails("needs 8 bytes", "format", with { location = "weights.bin", length = "4" })
      fails("offset 'x' is not a byte count", "format", with { location = "weights.bin", offset = "x" })
      fails("offset '%-4' is not a byte count", "format", with { location = "weights.bin", offset = "-4" })
    end)
  end)
end)
