local json = require "fovea.json"
local scratch = require "support.scratch"

describe("json.encode", function()
  it("writes plain values", function()
    for text, value in pairs { ["true"] = true, ["false"] = false, ["3"] = 3, ["-4"] = -4, ["0.1"] = 0.1, ["2.0"] = 2.0,
      ["1e+100"] = 1e100, ["9223372036854775807"] = math.maxinteger, ['""'] = "", ['"a/b"'] = "a/b" } do
      assert.equal(text, json.encode(value))
    end
    assert.equal("null", json.encode(nil))
    assert.equal("null", json.encode(json.null))
    assert.equal("-0.0", json.encode(-0.0))
    for _, value in ipairs { 0 / 0, math.huge, -math.huge } do assert.equal("null", json.encode(value)) end
  end)

  it("writes numbers that read back the same", function()
    for i = 1, 2000 do
      local value = (i * 2654435761 % 2 ^ 32 + i / 7) * 2.0 ^ (i % 200 - 100)
      assert.equal(value, tonumber(json.encode(value)))
    end
    assert.equal("0.3", json.encode(0.3))
    assert.equal("0.30000000000000004", json.encode(0.1 + 0.2))
  end)

  it("escapes strings and repairs what is no UTF-8", function()
    assert.equal([["\"\\\b\f\n\r\t\u0000\u001f\u007f é"]], json.encode "\"\\\b\f\n\r\t\0\31\127 é")
    assert.equal('"a\u{FFFD}b\u{FFFD}\u{FFFD}"', json.encode "a\xffb\xc3\xc3")
    assert.equal('"\u{FFFD}\u{FFFD}\u{FFFD}"', json.encode "\xed\xa0\x80") -- half of a surrogate pair
    assert.equal('{"\u{FFFD}":1}', json.encode { ["\xfe"] = 1 })
  end)

  it("sorts keys or takes the order given", function()
    local record = { b = 1, a = 2, model = { z = 1, a = 2 }, list = { 1, "x", false } }
    assert.equal('{"a":2,"b":1,"list":[1,"x",false],"model":{"a":2,"z":1}}', json.encode(record))
    assert.equal('{"model":{"z":1,"a":2},"b":1,"a":2,"list":[1,"x",false]}',
      json.encode(record, { order = { "model", "z", "none", "b" } }))
  end)

  it("indents", function()
    assert.equal('{\n  "a": [\n    1,\n    {}\n  ],\n  "b": []\n}',
      json.encode({ a = { 1, {} }, b = json.array() }, { indent = 2 }))
    assert.equal("[\n1\n]", json.encode({ 1 }, { indent = 0 }))
  end)

  it("tells empty lists from empty tables", function()
    assert.equal("{}", json.encode {})
    assert.equal("[]", json.encode(json.array {}))
    assert.equal("[1]", json.encode(json.array { 1 }))
  end)

  it("throws on what has no JSON, and says where", function()
    local function throws(message, value, options)
      assert.error_matches(function() json.encode(value, options) end, message, 1, true)
    end
    local loop = {}
    loop.a = loop
    throws("json.encode: more than 200 levels (a table in itself?)", loop)
    throws("json.encode: value.a[2].f is a function", { a = { 1, { f = print } } })
    throws("json.encode: value.a is neither a list nor a table of named fields (key x)", { a = { 1, x = 2 } })
    throws("is neither a list nor a table of named fields (key 1.5)", { [1.5] = 1 })
    throws("is neither a list nor a table of named fields (key true)", { [true] = 1 })
    throws("json.encode: unknown option 'sort'", 1, { sort = true })
    assert.error(function() json.encode { [1] = 1, [3] = 3, [4] = 4 } end)
  end)
end)

describe("json.decode", function()
  it("reads what encode wrote", function()
    local value = { a = { 1, 2.5, "x\0é", true, false }, b = { c = { d = {} } }, e = json.array(), n = -1e-300 }
    local again = assert(json.decode(json.encode(value)))
    assert.same(value, again)
    assert.equal("integer", math.type(again.a[1]))
    assert.equal(json.encode(value), json.encode(again))
    assert.equal("float", math.type(json.decode "1.0"))
    assert.same({ 1 }, json.decode " [1] ")
    assert.equal("é", json.decode [["\u00e9"]])
  end)

  it("makes null nil, or what is asked for", function()
    assert.same({ b = 1 }, json.decode '{"a":null,"b":1}')
    local list = json.decode("[null,1]", { null = json.null })
    assert.equal(json.null, list[1])
    assert.equal("[null,1]", json.encode(list))
    local value, message = json.decode "null"
    assert.is_nil(value)
    assert.is_nil(message)
  end)

  it("says what is wrong, and where", function()
    local function fails(text, message)
      local value, said, code = json.decode(text)
      assert.is_nil(value)
      assert.equal(message, said)
      assert.equal("format", code)
    end
    fails('{"a":1,\n"a":2}', "damaged JSON (line 2, column 3: duplicate object key near '\"a\"')")
    fails("[1,]", "damaged JSON (line 1, column 4: unexpected token near ']')")
    fails("[1] 2", "damaged JSON (line 1, column 5: end of file expected near '2')")
    fails(("["):rep(201) .. ("]"):rep(201), "damaged JSON (more than 200 levels)")
    fails(('{"a":'):rep(201) .. "1" .. ("}"):rep(201), "damaged JSON (more than 200 levels)")
    assert(json.decode(("["):rep(200) .. ("]"):rep(200)))
    for _, text in ipairs { "", "[99999999999999999999]", "[1e999]", "nul", "'a'", '"\xff"', "{1:2}", '"a' } do
      local value, message, code = json.decode(text)
      assert.is_nil(value)
      assert.matches("^damaged JSON %(line 1, column %d+: .+%)$", message)
      assert.equal("format", code)
    end
  end)
end)

describe("json files", function()
  local dir

  setup(function() dir = scratch.new() end)
  teardown(function() dir:remove() end)

  it("are written and read", function()
    local path = dir:path "a.json"
    assert.is_true(json.write(path, { a = { 1 } }, { indent = 1 }))
    assert.equal('{\n "a": [\n  1\n ]\n}\n', dir:read "a.json")
    assert.same({ a = { 1 } }, json.read(path))
  end)

  it("fail with the name of the file and the reason", function()
    local path = dir:write("bad.json", "{]")
    local value, message, code = json.read(path)
    assert.is_nil(value)
    assert.equal(path .. ": damaged JSON (line 1, column 2: string or '}' expected near ']')", message)
    assert.equal("format", code)
    path = dir:path "none/a.json"
    value, message, code = json.read(path)
    assert.is_nil(value)
    assert.equal(path .. ": no such file", message)
    assert.equal("io", code)
    value, message = json.write(path, 1)
    assert.is_nil(value)
    assert.equal(path .. ": the folder does not exist", message)
  end)
end)
