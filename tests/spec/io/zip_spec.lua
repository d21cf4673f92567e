-- Archives that are no plain list of files: refused with the reason, before anything is read.
local core = require "fovea.core"
local scratch = require "support.scratch"
local writer = require "support.pickle_writer"

local dir

local function fails(entries, message, code)
  local path = dir:write("weights.pth", type(entries) == "string" and entries or writer.archive(entries))
  local start = os.clock()
  local reader, text, kind = core.open_torch(path)
  assert.is_true(os.clock() - start < 0.5, "too slow")
  assert.is_nil(reader, "was opened")
  assert.is_truthy(text:find(path .. ": " .. message, 1, true), text)
  assert.equal(code or "format", kind)
end

describe("zip archives", function()
  setup(function() dir = scratch.new() end)
  teardown(function() dir:remove() end)

  local pickle = writer.pickle(writer.dict {})

  it("are opened with folders, comments of order and deflated entries", function()
    for _, method in ipairs { 0, 8 } do
      local path = dir:write("weights.pth", writer.archive { { "a/", "" }, { "a/data.pkl", pickle, method = method } })
      local reader <close> = assert(core.open_torch(path))
      assert.same({}, reader:content().keys)
    end
  end)

  it("are refused when names lead out of them", function()
    for _, name in ipairs { "../../etc/passwd", "/etc/passwd", "a/../../b", "a/..", "..", "a\\..\\b", "c:x" } do
      fails({ { "a/data.pkl", pickle }, { name, "x" } },
        ("zip archive with the entry '%s', which leads out of it"):format(name))
    end
    fails({ { "a/data.pkl", pickle }, { "a\27[2J", "x" } },
      "zip archive with the entry 'a?[2J', which leads out of it")
  end)

  it("are refused when sizes cannot be true", function()
    local big = 0xfffffff0
    fails({ { "a/data.pkl", pickle, size = big } }, "damaged zip archive (")
    fails({ { "a/data.pkl", pickle, size = big, packed = big } }, "damaged zip archive (")
    local size = #writer.archive { { "a/data.pkl", pickle, method = 8 } }
    fails({ { "a/data.pkl", pickle, size = big, method = 8 } },
      ("zip archive of %d bytes whose entries claim more"):format(size))
    local other = "damaged zip archive (entry 'a/data.pkl' is not of %d bytes"
    fails({ { "a/data.pkl", pickle, size = 100, method = 8 } }, other:format(100))
    fails({ { "a/data.pkl", pickle, size = 3, method = 8 } }, other:format(3))
  end)

  it("are refused when damaged", function()
    fails({ { "a/data.pkl", pickle, crc = 1 } }, "damaged zip archive (")
    fails({ { "a/data.pkl", pickle, crc = 1, method = 8 } }, "damaged zip archive (")
    fails({ { "a/data.pkl", pickle }, { "a/data.pkl", pickle } },
      "damaged zip archive (entry 'a/data.pkl' comes twice)")
    fails({ { "a/data.pkl", pickle, method = 12 } }, "zip entry 'a/data.pkl' is compressed by method 12", "unsupported")
    fails({ { "a/data.pkl", pickle, flags = 1 } }, "zip entry 'a/data.pkl' is encrypted", "unsupported")
    local whole = writer.archive { { "a/data.pkl", pickle } }
    for cut = 1, #whole - 4, 7 do fails(whole:sub(1, #whole - cut), "damaged zip archive (") end
  end)

  it("of other programs are told apart", function()
    fails({ { "x.txt", "hello" } }, "a zip archive, but not of PyTorch (it has no data.pkl)")
    for _, entries in ipairs { { { "m/data.pkl", pickle }, { "m/constants.pkl", pickle }, { "m/code/x.py", "" } },
      { { "m/model.json", "{}" }, { "m/code/m.py", "" } } } do
      fails(entries, "a TorchScript archive, which holds code; its weights can be read after, in Python: "
        .. "torch.save(torch.jit.load(FILE).state_dict(), 'weights.pth')", "unsupported")
    end
  end)
end)
