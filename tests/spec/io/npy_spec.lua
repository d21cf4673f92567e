local fovea = require "fovea"
local npy = require "fovea.npy"
local scratch = require "support.scratch"
local alloc_sweep = require "support.alloc_sweep"

-- An .npy file from its header text and the bytes of its elements.
local function file_of(header, data, version)
  version = version or 1
  return "\x93NUMPY" .. string.char(version, 0) .. string.pack(version == 1 and "<s2" or "<s4", header) .. (data or "")
end

local function header_of(descr, shape, fortran)
  local order = fortran and "True" or "False"
  return ("{'descr': '%s', 'fortran_order': %s, 'shape': %s, }     \n"):format(descr, order, shape)
end

describe("npy in", function()
  local dir

  setup(function() dir = scratch.new() end)
  teardown(function() dir:remove() end)

  local function read(bytes)
    return npy.read(dir:write("a.npy", bytes))
  end

  it("reads every numeric type in both byte orders", function()
    local cases = { { "i1", "i1" }, { "i2", "i2" }, { "i4", "i4" }, { "i8", "i8" }, { "f4", "f" }, { "f8", "d" } }
    for _, case in ipairs(cases) do
      for _, order in ipairs { "<", ">" } do
        local data = ""
        for _, v in ipairs { -3, 0, 7, 100, -128, 1 } do data = data .. string.pack(order .. case[2], v) end
        local tensor, dtype = assert(read(file_of(header_of(order .. case[1], "(2, 3)"), data)))
        assert.same({ 2, 3 }, tensor:shape())
        assert.same({ -3, 0, 7, 100, -128, 1 }, tensor:values())
        local bits = 8 * tonumber(case[1]:sub(2))
        assert.equal((case[1]:sub(1, 1) == "i" and "int" or "float") .. bits, dtype)
      end
    end
    for bytes = 1, 8 do
      if bytes & (bytes - 1) == 0 then
        local data = string.pack(">I" .. bytes, 200) .. string.pack(">I" .. bytes, 1)
        local tensor, dtype = assert(read(file_of(header_of(">u" .. bytes, "(2,)"), data)))
        assert.same({ 200, 1 }, tensor:values())
        assert.equal("uint" .. 8 * bytes, dtype)
      end
    end
    local tensor = assert(read(file_of(header_of(">f2", "(3,)"), "\x3c\0\xc0\0\x7c\0")))
    assert.same({ 1, -2, math.huge }, tensor:values())
    assert.same({ 0, 1, 1 }, assert(read(file_of(header_of("|b1", "(3,)"), "\0\1\255"))):values())
  end)

  it("turns big arrays around in pieces", function()
    local data, want = {}, {}
    for i = 1, 3000 do data[i], want[i] = string.pack(">d", i), i end
    assert.same(want, assert(read(file_of(header_of(">f8", "(3000,)"), table.concat(data)))):values())
  end)

  it("reads all header versions, key orders and quotes", function()
    for version = 1, 3 do
      assert.same({ 5 }, assert(read(file_of(header_of("|u1", "(1,)"), "\5", version))):values())
    end
    assert.same({ 5 }, assert(read(file_of([[{"shape":(1,),"descr":"|u1","fortran_order":False}]], "\5"))):values())
  end)

  it("reads scalars, empty arrays and up to six dimensions", function()
    local tensor = assert(read(file_of(header_of("<f4", "()"), string.pack("<f", 2.5))))
    assert.same({}, tensor:shape())
    assert.equal(2.5, tensor:item())
    tensor = assert(read(file_of(header_of("<f4", "(0, 3)"))))
    assert.same({ 0, 3 }, tensor:shape())
    assert.same({ 1, 1, 2, 1, 1, 1 }, assert(read(file_of(header_of("|u1", "(1, 1, 2, 1, 1, 1)"), "ab"))):shape())
  end)

  it("puts Fortran order into C order", function()
    -- a[i][j][k] = 100 i + 10 j + k, stored with i fastest
    local data, want = {}, {}
    for k = 0, 3 do for j = 0, 2 do for i = 0, 1 do data[#data + 1] = string.char(100 * i + 10 * j + k) end end end
    for i = 0, 1 do for j = 0, 2 do for k = 0, 3 do want[#want + 1] = 100 * i + 10 * j + k end end end
    local tensor = assert(read(file_of(header_of("|u1", "(2, 3, 4)", true), table.concat(data))))
    assert.same({ 2, 3, 4 }, tensor:shape())
    assert.same(want, tensor:values())
    assert.same({ 1, 2 }, assert(read(file_of(header_of("|u1", "(2,)", true), "\1\2"))):values())
    assert.same({ 2, 0 }, assert(read(file_of(header_of("|u1", "(2, 0)", true)))):shape())
  end)

  local function fails(bytes, message, code)
    local path = dir:write("bad.npy", bytes)
    local result, text, kind = npy.read(path)
    assert.is_nil(result)
    assert.equal(path .. ": " .. message, text)
    assert.equal(code or "format", kind)
  end

  it("checks the bytes against the shape before anything is allocated", function()
    fails(file_of(header_of("<f4", "(3, 4)"), ("x"):rep(47)),
      "truncated npy file (shape 3x4 of float32 needs 48 bytes, there are 47)")
    fails(file_of(header_of("<f4", "(3, 4)"), ("x"):rep(49)),
      "damaged npy file (shape 3x4 of float32 needs 48 bytes, there are 49)")
    fails(file_of(header_of("<f8", "(1000000000, 1000000000)"), "x"),
      "truncated npy file (shape 1000000000x1000000000 of float64 needs 8000000000000000000 bytes, there are 1)")
    fails(file_of(header_of("<f8", "(9000000000000000000, 3)"), "x"),
      "damaged npy header: shape 9000000000000000000x3 is too large")
    fails(file_of(header_of("<f4", "(99999999999999999999,)"), "x"), "damaged npy header: a dimension is too large")
  end)

  it("refuses truncated files at every length", function()
    local bytes = file_of(header_of("<f4", "(2,)"), "12345678")
    for length = 1, #bytes - 1 do
      local path = dir:write("cut.npy", bytes:sub(1, length))
      local result, message, code = npy.read(path)
      assert.is_nil(result)
      assert.equal("format", code)
      local reason = length < 6 and "not an npy file" or "truncated npy file"
      assert.equal(path .. ": " .. reason, message:sub(1, #path + 2 + #reason))
    end
  end)

  it("scans the header strictly", function()
    local function header_fails(header, message) fails(file_of(header, "1234"), "damaged npy header: " .. message) end
    header_fails("", "it is no dictionary")
    header_fails("[]", "it is no dictionary")
    header_fails("{", "expected a string")
    header_fails("{}", "descr, fortran_order or shape is missing")
    header_fails("{'descr': '<f4', 'shape': (1,)}", "descr, fortran_order or shape is missing")
    header_fails("{'descr': '<f4', 'descr': '<f4'}", "a key comes twice")
    header_fails("{'desc': '<f4'}", "it has an unknown key")
    header_fails("{'descr' '<f4'}", "expected ':'")
    header_fails("{'descr': '<f4' 'shape': (1,)}", "expected ',' or '}'")
    header_fails("{'descr': '<f4}", "expected a string")
    header_fails("{'des\\x63r': '<f4'}", "a string with an escape")
    header_fails("{'shape': [1]}", "the shape must be a tuple")
    header_fails("{'shape': (1)}", "the shape must be a tuple")
    header_fails("{'shape': (1 2)}", "expected ',' or ')' in the shape")
    header_fails("{'shape': (,)}", "a dimension must be a number")
    header_fails("{'shape': (-1,)}", "a dimension must be a number")
    header_fails("{'shape': (__import__('os'),)}", "a dimension must be a number")
    header_fails("{'fortran_order': 0}", "fortran_order must be True or False")
    header_fails(header_of("<f4", "(1,)") .. "x", "something follows the dictionary")
  end)

  it("says what it does not support", function()
    local function unsupported(header, message) fails(file_of(header, "1234"), message, "unsupported") end
    unsupported(header_of("<c8", "(1,)"), "npy arrays of type '<c8' are not supported")
    unsupported(header_of("<U4", "(1,)"), "npy arrays of type '<U4' are not supported")
    unsupported(header_of("f4", "(1,)"), "npy arrays of type 'f4' are not supported")
    unsupported(header_of("", "(1,)"), "npy arrays of type '' are not supported")
    unsupported(header_of("|O", "(1,)"), "npy arrays of objects (pickles) are not opened")
    unsupported("{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (1,)}",
      "structured npy arrays are not supported")
    unsupported(header_of("<f4", "(1, 1, 1, 1, 1, 1, 1)"), "npy arrays of more than 6 dimensions are not supported")
    fails(file_of("", "", 4), "npy version 4 is not supported", "unsupported")
    fails("PK\3\4 not numpy", "not an npy file")
    local _, message, code = npy.read(dir:path "none.npy")
    assert.equal(dir:path "none.npy" .. ": no such file", message)
    assert.equal("io", code)
  end)

  it("survives every failing allocation", function()
    local path = dir:write("sweep.npy", file_of(header_of("<f4", "(2, 2)", true), ("x"):rep(16)))
    assert.is_true(alloc_sweep(function() return npy.read(path) end) >= 4)
  end)
end)

describe("npy out", function()
  local dir

  setup(function() dir = scratch.new() end)
  teardown(function() dir:remove() end)

  it("writes the very bytes that NumPy writes", function()
    assert.is_true(npy.write(dir:path "a.npy", fovea.tensor { { 1, 2, 3 }, { 4, 5, -6 } }))
    local header = "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }"
    assert.equal("\x93NUMPY\1\0\x76\0" .. header .. (" "):rep(127 - 10 - #header) .. "\n"
      .. string.pack("<ffffff", 1, 2, 3, 4, 5, -6), dir:read "a.npy")
  end)

  it("brings back every shape", function()
    for _, shape in ipairs { {}, { 1 }, { 5 }, { 0 }, { 3, 0, 2 }, { 1, 2, 3, 4, 5, 6 }, { 2000, 3 } } do
      local tensor = fovea.uniform(shape, { seed = 7, min = -1, max = 1 })
      assert(npy.write(dir:path "b.npy", tensor))
      local again, dtype = assert(npy.read(dir:path "b.npy"))
      assert.same(shape, again:shape())
      assert.same(tensor:values(), again:values())
      assert.equal("float32", dtype)
      assert.equal(0, #dir:read "b.npy" % 4)
    end
  end)

  it("reports a folder that does not exist", function()
    local path = dir:path "no/a.npy"
    local result, message, code = npy.write(path, fovea.tensor { 1 })
    assert.is_nil(result)
    assert.equal(path .. ": the folder does not exist", message)
    assert.equal("io", code)
    assert.error(function() npy.write(path, { 1, 2 }) end)
  end)
end)
