local core = require "fovea.core"
local fovea = require "fovea"
local maker = require "support.hdf5_maker"
local real = require "support.real"
local scratch = require "support.scratch"

describe("io/hdf5", function()
  local files
  setup(function() files = scratch.new() end)
  teardown(function() files:remove() end)

  local function open(made, newest) return core.hdf5.open(made:write(files:path "x.h5", newest)) end

  --- Opens in vain and returns message and code; takes less than most seconds.
  local function refused(path, most)
    local start = fovea.clock()
    local reader, message, code = core.hdf5.open(path)
    assert.is_nil(reader)
    assert.is_true(fovea.clock() - start < (most or 5))
    assert.is_truthy(message:find(path, 1, true), message)
    return message, code
  end

  local function refused_file(made)
    local message, code = refused(made:write(files:path "x.h5"))
    return message:match ": (.*)", code
  end

  describe("numbers", function()
    for _, layout in ipairs { "contiguous", "chunked", "deflate" } do
      for _, newest in ipairs { false, true } do
        it(("are read bit for bit, %s%s"):format(layout, newest and ", newest format" or ""), function()
          local w = fovea.normal({ 3, 5, 2, 7 }, { seed = 4 })
          local reader = assert(open(maker.new():data("/conv/w:0", w, { layout = layout }), newest))
          assert.are.same({ "conv/w:0" }, reader:names())
          assert.are.equal(w:hash(), reader:read("conv/w:0"):hash())
        end)
      end
    end

    it("of every type keep their values", function()
      local values = { 1, -2, 0.5, 100, -0.25, 3 }
      local whole = { 1, 2, 3, 100, 7, 16777216 }
      local made = maker.new()
      for _, type in ipairs { "f2", "f4", "F4", "f8", "bf" } do
        made:data("/" .. type, values, { dims = { 2, 3 }, type = type })
      end
      for _, type in ipairs { "i4", "i8", "u8" } do made:data("/" .. type, whole, { dims = { 6 }, type = type }) end
      local reader = assert(open(made))
      for _, type in ipairs { "f2", "f4", "F4", "f8", "bf" } do
        assert.are.same({ 2, 3 }, reader:shape(type))
        assert.are.same(values, reader:read(type):values())
      end
      for _, type in ipairs { "i4", "i8", "u8" } do assert.are.same(whole, reader:read(type):values()) end
      assert.are.equal("float32", reader:dtype "f2")
      assert.are.equal("float64", reader:dtype "f8")
      assert.are.equal("bfloat16", reader:dtype "bf")
      assert.are.equal("uint64", reader:dtype "u8")
    end)

    it("may be one, or none", function()
      local reader = assert(open(maker.new():data("/one", { 5 }, { dims = {} }):data("/none", {}, { dims = { 0, 3 } })))
      assert.are.equal(5, reader:read("one"):item())
      assert.are.same({ 0, 3 }, reader:shape "none")
    end)
  end)

  describe("texts", function()
    it("are lists and single strings, of fixed and of variable length", function()
      local made = maker.new():group("/a b"):text("/", "keras_version", "2.0.6", "fixed"):text("/", "backend", "theano")
      made.lines[1] = "group /conv"
      made:texts("/", "layer_names", { "conv", "a_longer_name" })
      made:texts("/conv", "weight_names", { "w", "ä" }, "variable")
      local texts = assert(fovea.json.decode(assert(open(made)):metadata().attributes))
      assert.are.same({ keras_version = "2.0.6", backend = "theano", layer_names = { "conv", "a_longer_name" } },
        texts[""])
      assert.are.same({ "w", "ä" }, texts.conv.weight_names)
    end)

    it("that are split or empty are all there", function()
      local made = maker.new():group("/x"):texts("/", "layer_names0", { "a" }):texts("/", "layer_names1", { "b" })
        :texts("/x", "weight_names", {})
      local texts = assert(fovea.json.decode(assert(open(made)):metadata().attributes))
      assert.are.same({ "a" }, texts[""].layer_names0)
      assert.are.same({ "b" }, texts[""].layer_names1)
      assert.are.equal(0, #texts.x.weight_names)
    end)
  end)

  it("leaves the optimiser out", function()
    local reader = assert(open(maker.new():data("/optimizer_weights/m", { 1 }, { dims = { 1 } })
      :data("/model_weights/c/k", { 2 }, { dims = { 1 } })))
    assert.are.same({ "model_weights/c/k" }, reader:names())
  end)

  describe("refuses", function()
    it("links that lead elsewhere", function()
      local message, code = refused_file(maker.new():line "soft /w /elsewhere")
      assert.are.equal("'w' is a soft link, which is refused", message)
      assert.are.equal("unsupported", code)
      message = refused_file(maker.new():group("/g"):line "external /g/w /etc/passwd x")
      assert.are.equal("'g/w' is an external link, which is refused", message)
    end)

    it("elements that are not in the file", function()
      local message, code = refused_file(maker.new():line "hole /w f4 virtual 1 4")
      assert.are.equal("'w' is stored in a way that is refused (virtual)", message)
      assert.are.equal("unsupported", code)
      message = refused_file(maker.new():line "hole /w f4 outside 1 4")
      assert.are.equal("'w' keeps its elements in another file, which is refused", message)
      for _, layout in ipairs { "contiguous", "chunked", "deflate" } do
        message, code = refused_file(maker.new():line("hole /w f4 %s 1 4", layout))
        assert.is_truthy(message:find("elements of 'w' are missing in the file", 1, true), message)
        assert.are.equal("format", code)
      end
    end)

    it("claims that the file cannot back", function()
      for _, layout in ipairs { "contiguous", "chunked", "deflate" } do
        local message, code = refused_file(maker.new():line("hole /w f4 %s 3 1000000 1000000 1000", layout))
        assert.is_truthy(message:find("'w'", 1, true), message)
        assert.are.equal("format", code)
      end
      local made = maker.new()
      for i = 1, 2 do made:line("hole /w%d f8 contiguous 1 %d", i, 1 << 60) end
      assert.are.equal("format", select(2, refused_file(made)))
    end)

    it("other filters, types, ranks and depths", function()
      local message = refused_file(maker.new():data("/w", { 1, 2, 3 }, { dims = { 3 }, layout = "scaleoffset" }))
      assert.is_truthy(message:find("compressed by filter", 1, true))
      message = refused_file(maker.new():line "hole /w s4 contiguous 1 3")
      assert.is_truthy(message:find("does not hold numbers", 1, true))
      message = refused_file(maker.new():line "hole /w f4 contiguous 7 1 1 1 1 1 1 1")
      assert.is_truthy(message:find("7 dimensions", 1, true))
      assert.is_truthy(refused_file(maker.new():group("/" .. ("g/"):rep(40))):find("nested", 1, true))
      assert.is_truthy(refused_file(maker.new():group("/g"):line "hard /g/again /g"):find("nested", 1, true))
    end)

    it("what is no HDF5 file", function()
      local message, code = refused(files:write("x.h5", "hello, this is text"))
      assert.is_truthy(message:find("not an HDF5 file", 1, true))
      assert.are.equal("format", code)
      assert.are.equal("io", select(2, refused "/does/not/exist.h5"))
      assert.are.equal("io", select(2, refused(files.folder)))
    end)
  end)

  describe("damaged files give an error in little time", function()
    local whole
    setup(function()
      local made = maker.new():group("/conv"):texts("/conv", "weight_names", { "k", "b" })
      made:data("/conv/k", fovea.normal({ 3, 3, 4, 4 }, { seed = 1 }), { layout = "deflate" })
      whole = files:read(made:data("/conv/b", { 1, 2, 3, 4 }, { dims = { 4 } }):write(files:path "whole.h5")
        :match "[^/]+$")
    end)

    it("random bytes behind the signature", function()
      local random, seed = {}, 12345
      for i = 1, 4096 do
        seed = (seed * 1103515245 + 12345) % 2 ^ 31
        random[i] = string.char(seed // 65536 % 256)
      end
      local code = select(2, refused(files:write("x.h5", "\x89HDF\r\n\x1a\n" .. table.concat(random))))
      assert.are.equal("format", code)
    end)

    it("cut short anywhere", function()
      for size = 8, #whole - 1, #whole // 12 do refused(files:write("x.h5", whole:sub(1, size))) end
    end)

    it("a group that is damaged", function()
      for _, mark in ipairs { "TREE", "HEAP", "SNOD" } do
        local damaged = whole:gsub(mark, "XXXX")
        local message, code = refused(files:write("x.h5", damaged))
        assert.are.equal("format", code)
        assert.is_truthy(message:find("damaged", 1, true), message)
      end
    end)

    it("bytes overwritten anywhere: an error or tensors, never a crash", function()
      local step = os.getenv "FOVEA_MEMORY_ONLY" and 800 or 80
      for at = 9, #whole - 8, step do
        local damaged = whole:sub(1, at - 1) .. "\xff\xff\xff\x7f" .. whole:sub(at + 4)
        local reader, message, code = core.hdf5.open(files:write("x.h5", damaged))
        if reader then
          for _, name in ipairs(reader:names()) do assert(reader:read(name)) end
        else
          assert.is_truthy(message:find "x%.h5: .", message)
          assert.is_truthy(code == "format" or code == "unsupported" or code == "memory", code)
        end
      end
    end)
  end)

  describe("a reader program that", function()
    -- The command is copied to a folder where something else bears the name of the reader program.
    local command = require "support.command"
    local path, commands

    setup(function()
      path = maker.new():data("/w", { 1 }, { dims = { 1 } }):write(files:path "good.h5")
      commands = scratch.new()
      local binary = os.getenv "FOVEA" or "bin/fovea"
      os.execute(("cp %s %s"):format(command.quote(binary), command.quote(commands:path "fovea")))
    end)
    teardown(function() commands:remove() end)

    --- What is said of a good file when the reader is a shell script of this text (nil: none).
    local function said(script)
      os.remove(commands:path "fovea-hdf5")
      if script then os.execute("chmod +x " .. commands:write("fovea-hdf5", "#!/bin/sh\n" .. script .. "\n")) end
      local start = fovea.clock()
      local pipe = io.popen(("%s -e %s 2>&1"):format(command.quote(commands:path "fovea"), command.quote(
        ("local r, m, c = require('fovea.core').hdf5.open(%q) print(m, c)"):format(path))))
      local text = pipe:read "a"
      pipe:close()
      assert.is_true(fovea.clock() - start < 8)
      return text
    end

    for what, case in pairs {
      ["crashes"] = { "kill -SEGV $$", "ended by signal 11", "format" },
      ["runs out of time"] = { "kill -PROF $$", "does not end", "format" },
      ["says why it stops"] = { "echo '6 the reason' >&2; exit 70", "good.h5: the reason", "unsupported" },
      ["says anything"] = { "echo 'rm -rf everything' >&2; exit 3", "failed with status 3", "format" },
      ["claims misuse"] = { "echo '1 misuse' >&2; exit 65", "failed with status 65", "format" },
      ["writes nothing"] = { "exit 0", "gave no result", "format" },
      ["writes rubbish"] = { "head -c 100000 /dev/urandom", "gave no result", "format" },
      ["lies about sizes"] = { [[printf '\100\0\0\0\0\0\0\0{"a":{"dtype":"F32","shape":[9],"data_offsets":[0,36]}}'
        printf '%16s' '']], "gave no result", "format" },
      ["is not there"] = { nil, "fovea-hdf5 is not there", "unsupported" },
    } do
      it(what, function()
        local text = said(case[1])
        assert.is_truthy(text:find(case[2], 1, true), text)
        assert.is_truthy(text:find(case[3], 1, true), text)
      end)
    end

    it("writes to no end", function()
      -- Nothing else limits a stand-in, so it limits itself as the true one does.
      assert.is_truthy(said("ulimit -f 64; cat /dev/zero"):find("damaged HDF5 file", 1, true))
    end)
  end)

  it("does not need the standard files to be open", function()
    local made = maker.new():data("/w", { 1 }, { dims = { 1 } }):write(files:path "x.h5")
    local command = require "support.command"
    local said = files:path "said"
    local script = ("local r = assert(require('fovea.core').hdf5.open(%q)) io.open(%q, 'w'):write(#r:names())"):format(
      made, said)
    local fovea_path = os.getenv "FOVEA" or "bin/fovea"
    os.execute(("exec 0<&- 1>&- 2>&-; %s -e %s"):format(command.quote(fovea_path), command.quote(script)))
    assert.are.equal("1", files:read "said")
  end)

  it("reads the real weight files", function()
    local reader = assert(core.hdf5.open(real.need "models/deepseg_gm_challenge.hdf5"))
    assert.are.equal(96, #reader:names())
    local count = 0
    for _, name in ipairs(reader:names()) do count = count + reader:read(name):count() end
    assert.is_true(count > 100000)
  end)
end)
