local fovea = require "fovea"
local safetensors = require "fovea.safetensors"
local scratch = require "support.scratch"
local alloc_sweep = require "support.alloc_sweep"

local function file_of(header, data)
  return string.pack("<s8", header) .. (data or "")
end

describe("safetensors in", function()
  local dir

  setup(function() dir = scratch.new() end)
  teardown(function() dir:remove() end)

  it("lists names, shapes, types and metadata, and reads tensors by name", function()
    local path = dir:write("a.safetensors", file_of([[{
       "w": {"dtype": "F32", "shape": [2, 2], "data_offsets": [2, 18]},
       "__metadata__": {"format": "pt", "note": "é"},
       "b": {"data_offsets": [18, 20], "shape": [1], "dtype": "BF16"},
       "empty": {"dtype": "F32", "shape": [0, 3], "data_offsets": [18, 18]},
       "a": {"dtype": "U8", "shape": [2], "data_offsets": [0, 2]},
       "s": {"dtype": "I64", "shape": [], "data_offsets": [20, 28]}}]],
      "\7\9" .. string.pack("<ffff", 1, -2, 3.5, 4) .. "\xc0\x3f" .. string.pack("<i8", -5)))
    local reader = assert(safetensors.open(path))
    assert.same({ "a", "b", "empty", "s", "w" }, reader:names())
    assert.same({ format = "pt", note = "é" }, reader:metadata())
    assert.same({ 2, 2 }, reader:shape "w")
    assert.equal("bfloat16", reader:dtype "b")
    assert.equal("int64", reader:dtype "s")
    assert.same({ 1, -2, 3.5, 4 }, reader:read "w":values())
    assert.same({ 7, 9 }, reader:read "a":values())
    assert.same({ 1.5 }, reader:read "b":values())
    assert.same({ 0, 3 }, reader:read "empty":shape())
    assert.equal(-5, reader:read "s":item())
    assert.equal(("safetensors %s (5 tensors)"):format(path), tostring(reader))
    for _, method in ipairs { "read", "shape", "dtype" } do
      local result, message, code = reader[method](reader, "v")
      assert.is_nil(result)
      assert.equal(path .. ": no tensor 'v'", message)
      assert.equal("mismatch", code)
    end
    local kept = reader:read "w"
    reader:close()
    reader:close()
    assert.same({ 1, -2, 3.5, 4 }, kept:values())
    assert.error_matches(function() reader:names() end, "attempt to use a closed fovea.Safetensors")
    assert.equal(("safetensors %s (closed)"):format(path), tostring(reader))
    local tensors, metadata = assert(safetensors.read(path))
    assert.same({ 1, -2, 3.5, 4 }, tensors.w:values())
    assert.equal("pt", metadata.format)
  end)

  it("lends the elements of big tensors: changing them changes neither the file nor another reading", function()
    local path, count = dir:path "big.safetensors", 40000
    local values = fovea.uniform({ count }, { seed = 1 })
    assert(fovea.safetensors.write(path, { big = values, small = fovea.full({ 3 }, 2) }))
    local before = fovea.memory_in_use()
    local reader = assert(safetensors.open(path))
    local first = assert(reader:read "big")
    assert.is_true(fovea.memory_in_use() - before < 4 * count)
    assert.is_true(first:equal(values))
    first:fill(-1)
    assert.equal(-1, first:get(count))
    local other = assert(safetensors.open(path))
    assert.is_true(assert(other:read "big"):equal(values))
    reader:close()
    assert.is_true((first + 1):equal(fovea.zeros { count }))
  end)

  it("a tensor outlives its reader and the replacement of its file; a second reading is a copy", function()
    local path, values = dir:path "replaced.safetensors", fovea.uniform({ 40000 }, { seed = 2 })
    assert(fovea.safetensors.write(path, { w = values }))
    local reader = assert(safetensors.open(path))
    local lent, copied = assert(reader:read "w"), assert(reader:read "w")
    lent:set(1, 7)
    assert.equal(values:get(1), copied:get(1))
    reader:close()
    assert(fovea.safetensors.write(path, { w = fovea.zeros { 40000 } }))
    os.remove(path)
    lent:set(1, values:get(1))
    assert.is_true(lent:equal(values))
  end)

  it("converts every type", function()
    local types = { F64 = "<d", F32 = "<f", I8 = "<i1", I16 = "<i2", I32 = "<i4", I64 = "<i8", U8 = "<I1", U16 = "<I2",
      U32 = "<I4", U64 = "<I8" }
    for dtype, format in pairs(types) do
      local data = string.pack(format, 100)
      local header = ('{"x":{"dtype":"%s","shape":[1],"data_offsets":[0,%d]}}'):format(dtype, #data)
      assert.same({ 100 }, assert(safetensors.read(dir:write("t", file_of(header, data)))).x:values())
    end
    for dtype, case in pairs { F16 = { "\0\x3e", 1.5 }, BF16 = { "\0\xc0", -2 }, BOOL = { "\2", 1 } } do
      local header = ('{"x":{"dtype":"%s","shape":[1],"data_offsets":[0,%d]}}'):format(dtype, #case[1])
      assert.same({ case[2] }, assert(safetensors.read(dir:write("t", file_of(header, case[1])))).x:values())
    end
  end)

  local function fails(bytes, message, code)
    local path = dir:write("bad.safetensors", bytes)
    local result, text, kind = safetensors.open(path)
    assert.is_nil(result)
    assert.equal(path .. ": " .. message, text)
    assert.equal(code or "format", kind)
  end

  it("refuses what is no safetensors file", function()
    fails("short", "not a safetensors file (5 bytes are too few)")
    fails("a text file, much longer than ten bytes", "not a safetensors file (no header at its start)")
    fails(string.pack("<I8", 100000001) .. "{}", "not a safetensors file (no header at its start)")
    fails(string.pack("<I8", 2) .. "[]", "not a safetensors file (no header at its start)")
    fails(string.pack("<I8", 100) .. "{}", "truncated safetensors file (header of 100 bytes, there are 2)")
    local path = dir:path "none"
    local _, message, code = safetensors.open(path)
    assert.equal(path .. ": no such file", message)
    assert.equal("io", code)
    _, message = safetensors.read(dir.folder)
    assert.equal(dir.folder .. ": is a directory", message)
  end)

  it("refuses JSON that is damaged, has a key twice or is nested too deep", function()
    local path = dir:write("bad", file_of('{"w":1,"w":2}'))
    local _, message, code = safetensors.open(path)
    assert.equal(path .. ": damaged JSON (line 1, column 10: duplicate object key near '\"w\"')", message)
    assert.equal("format", code)
    _, message = safetensors.open(dir:write("bad", file_of('{"w":' .. ("["):rep(200000))))
    assert.matches("maximum parsing depth reached", message)
    _, message = safetensors.open(dir:write("bad", file_of('{"w"')))
    assert.matches("damaged JSON %(line 1, column 4: ':' expected near end of file%)$", message)
    _, message = safetensors.open(dir:write("bad", file_of('{"\xff": 1}')))
    assert.matches("unable to decode byte 0xff", message)
    _, message = safetensors.open(dir:write("bad", file_of('{}x')))
    assert.matches("end of file expected near 'x'", message)
  end)

  it("checks every entry", function()
    local function entry_fails(entry, reason)
      fails(file_of('{"w":' .. entry .. "}", "1234"), ("damaged safetensors file (tensor 'w': %s)"):format(reason))
    end
    entry_fails("3", "not a table")
    entry_fails('{"shape":[1],"data_offsets":[0,4]}', "dtype is not a string")
    entry_fails('{"dtype":"F32","data_offsets":[0,4]}', "shape is not a list")
    for _, size in ipairs { "1.5", "-1", '"1"', "null" } do
      entry_fails('{"dtype":"F32","shape":[' .. size .. '],"data_offsets":[0,4]}',
        "shape has a dimension that is not a whole number")
    end
    for _, range in ipairs { "", ',"data_offsets":[0]', ',"data_offsets":[0,4,8]', ',"data_offsets":[4,0]',
      ',"data_offsets":[-4,0]', ',"data_offsets":["0",4]', ',"data_offsets":[0.0,4]' } do
      entry_fails('{"dtype":"F32","shape":[1]' .. range .. "}", "data_offsets are not two positions in order")
    end
    entry_fails('{"dtype":"F32","shape":[2],"data_offsets":[0,4]}', "shape and data_offsets disagree")
    entry_fails('{"dtype":"F32","shape":[4611686014132420609,4611686014132420609],"data_offsets":[0,4]}',
      "shape is too large")
    entry_fails('{"dtype":"F64","shape":[2305843009213693952],"data_offsets":[0,0]}', "shape is too large")
    entry_fails('{"dtype":"F32","shape":[0],"data_offsets":[2,2]}', "data_offsets leave a gap or overlap")
    fails(file_of('{"w":{"dtype":"F8_E4M3","shape":[4],"data_offsets":[0,4]}}', "1234"),
      "tensor 'w' is of type F8_E4M3, which is not supported", "unsupported")
    fails(file_of('{"w":{"dtype":"U8","shape":[1,1,1,1,1,1,4],"data_offsets":[0,4]}}', "1234"),
      "tensor 'w' has 7 dimensions; at most 6 are supported", "unsupported")
  end)

  it("wants the ranges to cover the data exactly", function()
    local function two(a, b, data)
      return file_of(('{"a":{"dtype":"U8","shape":[%d],"data_offsets":[%d,%d]},"b":{"dtype":"U8","shape":[%d],'
        .. '"data_offsets":[%d,%d]}}'):format(a[2] - a[1], a[1], a[2], b[2] - b[1], b[1], b[2]), data)
    end
    assert(safetensors.open(dir:write("good", two({ 2, 4 }, { 0, 2 }, "1234"))))
    fails(two({ 0, 2 }, { 1, 3 }, "123"), "damaged safetensors file (tensor 'b': data_offsets leave a gap or overlap)")
    fails(two({ 0, 2 }, { 3, 4 }, "1234"), "damaged safetensors file (tensor 'b': data_offsets leave a gap or overlap)")
    fails(two({ 0, 2 }, { 0, 2 }, "12"), "damaged safetensors file (tensor 'b': data_offsets leave a gap or overlap)")
    fails(two({ 0, 2 }, { 2, 4 }, "123"),
      "truncated safetensors file (tensor 'b' ends at byte 4 of the data, there are 3)")
    fails(two({ 0, 2 }, { 2, 4 }, "12345"), "damaged safetensors file (1 bytes belong to no tensor)")
    assert.same({}, assert(safetensors.open(dir:write("none", file_of "{}"))):names())
  end)

  it("wants metadata to be strings", function()
    fails(file_of '{"__metadata__":[]}', "damaged safetensors file (__metadata__ is not a table)")
    fails(file_of '{"__metadata__":{"n":1}}', "damaged safetensors file (__metadata__ 'n' is not a string)")
  end)

  it("survives every failing allocation", function()
    local path = dir:path "sweep"
    assert(safetensors.write(path, { a = fovea.zeros { 2 }, b = fovea.zeros { 3 } }, { metadata = { k = "v" } }))
    assert.is_true(alloc_sweep(function() return safetensors.read(path) end) >= 12)
    local tensors = { a = fovea.zeros { 2 } }
    assert.is_true(alloc_sweep(function() return safetensors.write(path, tensors) end) >= 3)
  end)
end)

describe("safetensors out", function()
  local dir

  setup(function() dir = scratch.new() end)
  teardown(function() dir:remove() end)

  it("writes sorted names and metadata, aligned data", function()
    local path = dir:path "a"
    assert.is_true(safetensors.write(path, { w = fovea.tensor { { 1, 2 } }, b = fovea.tensor { 3 } },
      { metadata = { z = "1", a = "é\"" } }))
    local header, at = string.unpack("<s8", dir:read "a")
    assert.equal([[{"__metadata__":{"a":"é\"","z":"1"},"b":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},]]
      .. [["w":{"dtype":"F32","shape":[1,2],"data_offsets":[4,12]}}]], (header:gsub(" +$", "")))
    assert.equal(1, at % 8)
    assert.equal(string.pack("<fff", 3, 1, 2), dir:read "a":sub(at))
  end)

  it("brings back shapes, values and metadata", function()
    local tensors = { scalar = fovea.full({}, 2), none = fovea.zeros { 0, 4 },
      big = fovea.uniform({ 3, 1000 }, { seed = 1 }) }
    assert(safetensors.write(dir:path "b", tensors, { metadata = { step = "7" } }))
    local again, metadata = assert(safetensors.read(dir:path "b"))
    for name, tensor in pairs(tensors) do
      assert.same(tensor:shape(), again[name]:shape())
      assert.same(tensor:values(), again[name]:values())
    end
    assert.same({ step = "7" }, metadata)
    assert(safetensors.write(dir:path "c", {}))
    assert.same({}, (assert(safetensors.read(dir:path "c"))))
  end)

  it("writes half precision and float64", function()
    local values = { 1, -2.5, 1 + 2 ^ -8, 1e-8, 65504, math.huge }
    local want = { float16 = { 1, -2.5, 1 + 2 ^ -8, 0, 65504, math.huge },
      bfloat16 = { 1, -2.5, 1, 2 ^ -27 * 1.34375, 65536, math.huge } }
    for _, dtype in ipairs { "float16", "bfloat16", "float64" } do
      assert(safetensors.write(dir:path "h", { x = fovea.tensor(values) }, { dtype = dtype }))
      local reader = assert(safetensors.open(dir:path "h"))
      assert.equal(dtype, reader:dtype "x")
      assert.same(want[dtype] or fovea.tensor(values):values(), reader:read "x":values())
    end
  end)

  it("leaves a tensor that half precision does not hold in single precision", function()
    local tensors = { a = fovea.tensor { 1, 2, 3 }, b = fovea.tensor { 65505, -1.25 }, c = fovea.tensor { -3e38 },
      d = fovea.tensor { 0.5 } }
    assert(safetensors.write(dir:path "l", tensors, { dtype = "float16" }))
    local reader = assert(safetensors.open(dir:path "l"))
    local types = {}
    for _, name in ipairs(reader:names()) do
      types[#types + 1] = reader:dtype(name)
      assert.same(tensors[name]:values(), reader:read(name):values())
    end
    assert.same({ "float16", "float32", "float32", "float16" }, types)
    assert(safetensors.write(dir:path "l", tensors, { dtype = "bfloat16" }))
    assert.equal("bfloat16", assert(safetensors.open(dir:path "l")):dtype "b")
  end)

  it("throws on misuse and leaves nothing behind", function()
    local one = { x = fovea.tensor { 1 } }
    local function throws(message, tensors, options)
      assert.error_matches(function() safetensors.write(dir:path "no", tensors, options) end, message, 1, true)
    end
    throws("write_safetensors: 'x' is not a tensor", { x = 3 })
    throws("write_safetensors: tensor names must be strings", { fovea.tensor { 1 } })
    throws("'__metadata__' is no name for a tensor", { __metadata__ = fovea.tensor { 1 } })
    throws("is not UTF-8", { ["\xff"] = fovea.tensor { 1 } })
    throws("metadata key 'k' is not UTF-8", one, { metadata = { k = "\xff" } })
    throws("metadata values must be strings", one, { metadata = { k = 1 } })
    throws("option 'metadata' must be a table", one, { metadata = "x" })
    throws("option 'dtype' must be one of 'float32', 'float16', 'bfloat16', 'float64', not 'int8'", one,
      { dtype = "int8" })
    throws("unknown option 'type'", one, { type = "float16" })
    local path = dir:path "no/x"
    local result, message, code = safetensors.write(path, one)
    assert.is_nil(result)
    assert.equal(path .. ": the folder does not exist", message)
    assert.equal("io", code)
    for _, name in ipairs(dir:names()) do assert.is_nil(name:find("tmp", 1, true)) end
  end)
end)
