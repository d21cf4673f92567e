-- Files of torch.save as the reader sees them: every type, strides, sharing, both containers, and what is refused.
local alloc_sweep = require "support.alloc_sweep"
local core = require "fovea.core"
local fovea = require "fovea"
local scratch = require "support.scratch"
local writer = require "support.pickle_writer"

local dir

local function file(bytes) return dir:write("weights.pth", bytes) end

--- The tensors of a state dict by name, read.
local function tensors(bytes)
  local reader <close> = assert(core.open_torch(file(bytes)))
  local content, found = reader:content(), {}
  for i, key in ipairs(content.keys) do
    local value = content.values[i]
    if type(value) == "table" and value.kind == "tensor" then
      found[key] = assert(reader:read(value.number))
      assert.same(value.shape, found[key]:shape())
    end
  end
  return found
end

local function fails(bytes, message, code)
  local path, start = file(bytes), os.clock()
  local reader, text, kind = core.open_torch(path)
  assert.is_true(os.clock() - start < 0.5, "too slow")
  assert.is_nil(reader, "was opened")
  assert.equal(path .. ": " .. message, text)
  assert.equal(code or "format", kind)
end

describe("torch files", function()
  setup(function() dir = scratch.new() end)
  teardown(function() dir:remove() end)

  local containers = { zip = writer.zip, stream = writer.stream }
  for container, write in pairs(containers) do
    it("read every element type (" .. container .. ")", function()
      local given = {
        float32 = { 1, -2.5, 0x1p-140, 3 }, float64 = { 1, -2.5, 1 / 3, 1e300 },
        float16 = { 0x3c00, 0xc100, 0x0001, 0x7bff }, bfloat16 = { 0x3f80, 0xc020, 0x0001, 0x7f7f },
        int64 = { 1, -2, 1 << 40, 0 }, int32 = { 1, -2, 0x7fffffff, 0 }, int16 = { 1, -2, 32767, 0 },
        int8 = { 1, -2, 127, -128 }, uint8 = { 1, 2, 255, 0 }, bool = { 1, 0, 1, 0 },
      }
      local want = {
        float32 = given.float32, float64 = { 1, -2.5, 0x1.555556p-2, math.huge },
        float16 = { 1, -2.5, 0x1p-24, 65504 }, bfloat16 = { 1, -2.5, 0x1p-133, 0x1.fep127 },
        int64 = { 1, -2, 2.0 ^ 40, 0 }, int32 = { 1, -2, 2147483648.0, 0 }, int16 = given.int16, int8 = given.int8,
        uint8 = given.uint8, bool = given.bool,
      }
      local state = {}
      for type, values in pairs(given) do
        state[#state + 1] = { type, writer.tensor({ 2, 2 }, values, { type = type }) }
      end
      local got = tensors(write { state = state })
      for type, values in pairs(want) do assert.same(fovea.tensor(values):values(), got[type]:values(), type) end
    end)

    it("read strided tensors and shared storages (" .. container .. ")", function()
      local values = {}
      for i = 1, 24 do values[i] = i end
      local block = writer.storage(values)
      local got = tensors(write { state = {
        { "all", writer.tensor({ 2, 3, 4 }, block) },
        { "part", writer.tensor({ 2, 2 }, block, { offset = 5 }) },
        { "transposed", writer.tensor({ 4, 3 }, block, { offset = 12, stride = { 1, 4 } }) },
        -- N C H W 1x2x3x2 in channels-last order
        { "channels_last", writer.tensor({ 1, 2, 3, 2 }, block, { stride = { 12, 1, 4, 2 } }) },
        { "column", writer.tensor({ 3 }, block, { offset = 1, stride = { 4 } }) },
        { "expanded", writer.tensor({ 2, 3 }, block, { offset = 2, stride = { 0, 1 } }) },
        { "scalar", writer.tensor({}, block, { offset = 23, parameter = true }) },
        { "none", writer.tensor({ 0, 5 }, block) },
        { "one", writer.tensor({ 1, 2, 1 }, block, { stride = { 999, 1, 777 } }) },
      } })
      assert.same(fovea.tensor(values):values(), got.all:values())
      assert.same({ 6, 7, 8, 9 }, got.part:values())
      assert.same({ 13, 17, 21, 14, 18, 22, 15, 19, 23, 16, 20, 24 }, got.transposed:values())
      assert.same({ 1, 3, 5, 7, 9, 11, 2, 4, 6, 8, 10, 12 }, got.channels_last:values())
      assert.same({ 2, 6, 10 }, got.column:values())
      assert.same({ 3, 4, 5, 3, 4, 5 }, got.expanded:values())
      assert.equal(24, got.scalar:item())
      assert.same({}, got.none:values())
      assert.same({ 1, 2 }, got.one:values())
    end)
  end

  it("read deflated entries, other protocols and both byte orders of names", function()
    local state = { { "w", writer.tensor({ 3 }, { 1, 2, 3 }) } }
    assert.same({ 1, 2, 3 }, tensors(writer.zip { state = state, method = 8 }).w:values())
    assert.same({ 1, 2, 3 }, tensors(writer.zip { state = state, order = "little", protocol = 5 }).w:values())
    fails(writer.zip { state = state, order = "big" }, "its byte order is 'big'; little-endian files are read",
      "unsupported")
    fails(writer.stream { state = state, little = false }, "its byte order is 'big'; little-endian files are read",
      "unsupported")
    fails(writer.zip { state = state, protocol = 1 }, "pickle protocol 1; 2 to 5 are read", "unsupported")
    fails(writer.stream { state = state, version = 1002 }, "a PyTorch file of an unknown version; 1001 is read",
      "unsupported")
  end)

  it("read parts of storages in the stream", function()
    local block = writer.storage { 1, 2, 3, 4, 5, 6 }
    local function part(first, count)
      return writer.stream { state = {
        { "p", writer.tensor({ 2 }, block, { part = { "view", first, count } }) } } }
    end
    assert.same({ 4, 5 }, tensors(part(3, 2)).p:values())
    fails(part(3, 4), "damaged PyTorch file (a part of a storage lies outside of it)")
    fails(part(7, 0), "damaged PyTorch file (a part of a storage lies outside of it)")
    fails(part(3, 1), "damaged PyTorch file (a tensor reaches out of its storage)")
  end)

  it("build plain values of all kinds", function()
    local shared = writer.raw("]q\7(K\1K\2e")
    local content = writer.dict {
      { "int", 5 }, { "negative", -70000 }, { "long", 1 << 40 }, { "float", 0.25 }, { "true", true },
      { "false", false }, { "none", nil }, { "text", "h\u{e9}" }, { "list", writer.list { 1, "a" } },
      { "tuple", writer.tuple { 1, 2, 3, 4 } }, { "shared", shared }, { "again", writer.raw "h\7" },
      { "python2", writer.raw "U\3abc" }, { "short", writer.raw "M\1\2" },
      { "size", writer.call(writer.global("torch", "Size"), { writer.tuple { 3, 4 } }) },
      { "device", writer.call(writer.global("torch", "device"), { "cuda", 0 }) },
      { "numpy", writer.raw(writer.call(writer.global("numpy.core.multiarray", "scalar"), {
        writer.raw(writer.call(writer.global("numpy", "dtype"), { "f8", 0, 1 }).bytes .. "(K\3X\1\0\0\0<tb"),
        writer.call(writer.global("_codecs", "encode"), { "x", "latin1" }) }).bytes) },
      { "pairs", writer.call(writer.global("collections", "OrderedDict"), {
        writer.list { writer.list { "k", 7 }, writer.tuple { "l", 8 } } }) },
      { 3, "number as key" },
    }
    local reader <close> = assert(core.open_torch(file(writer.zip { state = content })))
    local dict, got = reader:content(), {}
    for i, key in ipairs(dict.keys) do got[key] = dict.values[i] end
    assert.same({ 5, -70000, 1 << 40, 0.25, true, false, "h\u{e9}", "abc", 513, "number as key" },
      { got.int, got.negative, got.long, got.float, got["true"], got["false"], got.text, got.python2, got.short,
        got[3] })
    assert.same({ kind = "none" }, got.none)
    assert.same({ kind = "list", 1, "a" }, got.list)
    assert.same({ kind = "tuple", 1, 2, 3, 4 }, got.tuple)
    assert.same({ kind = "tuple", 3, 4 }, got.size)
    assert.is_true(rawequal(got.shared, got.again))
    assert.same({ kind = "opaque" }, got.device)
    assert.same({ kind = "opaque" }, got.numpy)
    assert.same({ kind = "dict", keys = { "k", "l" }, values = { 7, 8 } }, got.pairs)
  end)

  it("may hold a list that holds itself", function()
    local reader <close> = assert(core.open_torch(file("\x80\2]q\0h\0a.")))
    local list = reader:content()
    assert.is_true(rawequal(list, list[1]))
  end)

  local function asked(name)
    return ("asks Python for '%s', which is refused: tensors, numbers, texts, lists and dictionaries are read (in "
      .. "Python: torch.save(model.state_dict(), FILE))"):format(name)
  end

  it("never call anything", function()
    local hostile = {
      ["os.system"] = writer.call(writer.global("os", "system"), { "touch /tmp/owned" }),
      ["posix.system"] = writer.raw "cposix\nsystem\n(S'id'\ntR",
      ["builtins.eval"] = writer.raw "\x8c\8builtins\x8c\4eval\x93\x8c\0011\x85R",
      ["my.package.Net"] = writer.raw "cmy.package\nNet\n)\x81}b",
      ["torch._utils._rebuild_device_tensor"] =
        writer.call(writer.global("torch._utils", "_rebuild_device_tensor"), { 1 }),
      ["torch.os.system"] = writer.raw "ctorch.os\nsystem\n",
      ["torch.FloatStorage?[2J"] = writer.raw "ctorch\nFloatStorage\27[2J\n",
    }
    for name, value in pairs(hostile) do
      fails(writer.zip { state = value }, asked(name), "unsupported")
      fails(writer.stream { state = value }, asked(name), "unsupported")
      fails(writer.pickle(value), asked(name), "unsupported")
    end
    for name, bytes in pairs { INST = "(ios\nsystem\n", NEWOBJ = "K\1)\x81", OBJ = "(K\1o", EXT1 = "\x82\1",
      POP = "K\0010", DUP = "K\0012", STRING = "S'x'\n" } do
      fails(writer.zip { state = writer.raw(bytes) },
        ("pickle with the instruction %s, which weights do not need; refused"):format(name), "unsupported")
    end
    assert.is_nil(io.open "/tmp/owned")
  end)

  it("refuse nesting and sizes that no weight file has", function()
    local deep = 1000000
    local nested = "pickle nested deeper than 200 levels; refused"
    fails(writer.pickle(writer.raw("K\1" .. ("\x85"):rep(deep))), nested, "memory")
    fails(writer.pickle(writer.raw(("]"):rep(200) .. ("a"):rep(199) .. ("\x85"):rep(deep))), nested, "memory")
    fails(writer.pickle(writer.raw("]q\0" .. "h\0a" .. ("h\0a"):rep(300))), nested, "memory")
    local waiting = "pickle with more values waiting on its stack than any weight file needs"
    fails(writer.pickle(writer.raw(("]"):rep(deep))), waiting, "memory")
    fails(writer.pickle(writer.raw(("("):rep(deep))), waiting, "memory")
    fails(writer.zip { pickle = "\x80\2" .. ("}X\1\0\0\0a"):rep(deep), method = 8 }, waiting, "memory")
    fails(writer.pickle(writer.raw("](" .. ("NNNNNNNNNNe("):rep(120000) .. "e")),
      "pickle with more values than any weight file needs", "memory")
    fails(writer.pickle(writer.raw "K\1r\xff\xff\xff\xff"), "pickle with more memo entries than any weight file needs",
      "memory")
  end)

  it("refuse claims that the file cannot keep", function()
    local function one(shape, count, options)
      local values = {}
      for i = 1, count do values[i] = i end
      return { state = { { "w", writer.tensor(shape, values, options) } } }
    end
    local reaches = "damaged PyTorch file (a tensor reaches out of its storage)"
    for _, write in pairs(containers) do
      fails(write(one({ 3 }, 2)), reaches)
      fails(write(one({ 2 }, 2, { offset = 1 })), reaches)
      fails(write(one({ 2, 2 }, 4, { stride = { 3, 1 } })), reaches)
      fails(write(one({ 2 }, 2, { stride = { 1 << 62 } })), reaches)
      fails(write(one({ 5, 1 << 61 }, 4, { stride = { 1 << 61, 8 } })), "damaged PyTorch file (a shape is too large)")
      fails(write(one({ 2 }, 2, { stride = { -1 } })), "damaged PyTorch file (a stride is no whole number)")
      fails(write(one({ -2 }, 2, { stride = { 1 } })), "damaged PyTorch file (a dimension is no whole number)")
      fails(write(one({ 1, 1, 1, 1, 1, 1, 2 }, 2)), "a tensor has 7 dimensions; at most 6 are supported", "unsupported")
      fails(write(one({ 2 }, 2, { stride = { 1, 1 } })), "damaged PyTorch file (a tensor has other strides than "
        .. "dimensions)")
      fails(write(one({ 1 << 31 }, 1, { stride = { 0 } })),
        "tensors with more elements than a file of this size can hold", "memory")
      fails(write(one({ 1 << 34 }, 2, { claim = 1 << 34 })),
        "tensors with more elements than a file of this size can hold", "memory")
    end
    local other = "damaged PyTorch file (storage '0' has another size than the file says)"
    fails(writer.zip(one({ 3 }, 2, { claim = 3 })), other)
    fails(writer.zip(one({ 1 }, 2, { claim = 1 << 62 })), other)
    fails(writer.zip { state = { { "w", writer.tensor({ 1 }, { 1 }, { key = "../../data.pkl" }) } },
      folder = "a" }, "zip archive with the entry 'a/data/../../data.pkl', which leads out of it")
    local cut = "damaged PyTorch file (storage '0' is cut off)"
    fails(writer.stream(one({ 3 }, 3, { claim = 4 })), cut)
    local file_of_one = one({ 3 }, 3)
    for _, n in ipairs { 1, 12, 13, 20 } do
      file_of_one.cut = n
      fails(writer.stream(file_of_one), cut)
    end
    fails(writer.stream { state = file_of_one.state, keys = {} }, "damaged PyTorch file (storage '0' is missing)")
    fails(writer.stream { state = file_of_one.state, keys = { "0", "0" } },
      "damaged PyTorch file (storage '0' comes twice)")
    fails(writer.stream { state = file_of_one.state, keys = { "1" } },
      "damaged PyTorch file (a storage that nothing uses)")
  end)

  it("say that references lead nowhere", function()
    local missing = writer.raw "(X\7\0\0\0storagectorch\nFloatStorage\nX\1\0\0\0007X\3\0\0\0cpuK\1tQ"
    fails(writer.zip { state = missing }, "damaged PyTorch file (storage '7' is missing)")
    fails(writer.pickle(missing), "a pickle whose tensors are not in the file")
    local function reference(...)
      fails(writer.zip { state = writer.raw(writer.tuple({ ... }).bytes .. "Q") },
        "damaged PyTorch file (a reference to a storage is not understood)")
    end
    local float = writer.global("torch", "FloatStorage")
    reference("module", float, "0", "cpu", 1)
    reference("storage", "FloatStorage", "0", "cpu", 1)
    reference("storage", writer.global("collections", "OrderedDict"), "0", "cpu", 1)
    reference("storage", float, 0, "cpu", 1)
    reference("storage", float, "0", "cpu", -1)
    reference("storage", float, "0")
  end)

  it("say what is wrong with a pickle", function()
    local function damaged(bytes, what) fails("\x80\2" .. bytes, "damaged pickle: " .. what) end
    local rebuild = "ctorch._utils\n_rebuild_tensor_v2\n"
    damaged("}(K\1", "it ends in the middle")
    damaged("X\xff\xff\xff\x7fabc.", "it ends in the middle")
    damaged("\x8d\xff\xff\xff\xff\xff\xff\xff\xffabc.", "it ends in the middle")
    damaged("\x8b\xff\xff\xff\xffabc.", "it ends in the middle")
    damaged("\xff", "byte 2 is no instruction")
    damaged(".", "it takes more values than it makes")
    damaged("(.", "it takes more values than it makes")
    damaged("\x86.", "it takes more values than it makes")
    damaged("K\1K\2.", "it ends with values left over")
    damaged("K\1t.", "a mark is missing")
    damaged("(\x85.", "a mark among values")
    damaged("K\1K\2a.", "items for what is no list")
    damaged("]K\1K\2s.", "items for what is no dictionary")
    damaged("}K\1a.", "items for what is no list")
    damaged("}(K\1u.", "a key without a value")
    damaged("(K\1u.", "items for what is no dictionary")
    damaged("ccollections\nOrderedDict\n(K\1K\2u.", "items for what is no dictionary")
    damaged("h\5.", "memo entry 5 is not set")
    damaged("q\5.", "nothing to remember")
    damaged("K\1)R.", "a call of what is no name")
    damaged(rebuild .. "K\1R.", "a call whose arguments are no tuple")
    damaged("K\1}b.", "attributes for what has none")
    damaged("K\1K\2\x93.", "a name that is no string")
    damaged("c" .. ("x"):rep(300) .. "\n.", "a name does not end")
    for bytes, what in pairs {
      [rebuild .. ")R."] = "a tensor without storage, offset, size or stride",
      ["ctorch._utils\n_rebuild_parameter\nK\1\x85R."] = "a parameter without a tensor",
      ["ctorch\nFloatStorage\n)R."] = "a call of what cannot be called",
      ["ctorch\nSize\n)R."] = "torch.Size of what is no tuple",
      ["ccollections\nOrderedDict\nK\1\x85R."] = "OrderedDict of what is no list",
      ["ccollections\nOrderedDict\n](K\1e\x85R."] = "OrderedDict of what are no pairs",
    } do fails("\x80\2" .. bytes, ("damaged PyTorch file (%s)"):format(what)) end
    fails("hello", "not a PyTorch file")
    fails("\x80\2", "not a PyTorch file")
  end)

  it("survive every failing allocation", function()
    local state = { { "w", writer.tensor({ 2 }, { 1, 2 }) }, { "t", writer.tensor({ 2, 2 }, { 1, 2, 3, 4 }) } }
    for _, write in pairs(containers) do
      local path = file(write { state = state })
      assert.is_true(alloc_sweep(function()
        local reader <close>, message, code = core.open_torch(path)
        if not reader then return nil, message, code end
        reader:content()
        return reader:read(1)
      end) > 10)
    end
  end)
end)
