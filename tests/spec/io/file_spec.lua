local core = require "fovea.core"
local lfs = require "lfs"
local scratch = require "support.scratch"
local alloc_sweep = require "support.alloc_sweep"

describe("core.file", function()
  local dir

  setup(function() dir = scratch.new() end)
  teardown(function() dir:remove() end)

  local function fails(message, code, ...)
    local result, text, kind = ...
    assert.is_nil(result)
    assert.equal(message, text)
    assert.equal(code, kind)
  end

  it("reads what was written, zero bytes included", function()
    local path = dir:path "a.bin"
    assert.is_true(core.file.write(path, "one\0two\n"))
    assert.equal("one\0two\n", core.file.read(path))
    assert.is_true(core.file.write(path, "new", { durable = false }))
    assert.equal("new", dir:read "a.bin")
    assert.equal("new", core.file.read(path, { limit = 3 }))
  end)

  it("names the file and the reason", function()
    local path = dir:path "none.bin"
    fails(path .. ": no such file", "io", core.file.read(path))
    fails(dir.folder .. ": is a directory", "io", core.file.read(dir.folder))
    fails("/dev/null: is not a regular file", "io", core.file.read "/dev/null")
    path = dir:write("empty", "")
    fails(path .. ": the file is empty", "format", core.file.read(path))
    fails(path .. "/x: a part of the path is not a directory", "io", core.file.read(path .. "/x"))
    path = dir:write("long", "12345")
    fails(path .. ": 5 bytes, more than the limit of 4", "memory", core.file.read(path, { limit = 4 }))
    assert.error_matches(function() core.file.read(path, { size = 4 }) end, "file.read: unknown option 'size'")
  end)

  it("hashes contents", function()
    assert.equal("99aa06d3014798d86001c324468d497f", core.file.hash_text "")
    assert.equal("06b05ab6733a618578af5f94892f3950", core.file.hash_text "abc")
    local path = dir:write("abc", "abc")
    assert.equal(core.file.hash_text "abc", core.file.hash(path))
    local long = ("x\0y"):rep(100000)
    assert.equal(core.file.hash_text(long), core.file.hash(dir:write("long", long)))
    local huge = long:rep((9 << 20) // #long + 1) -- read in several pieces
    assert.equal(core.file.hash_text(huge), core.file.hash(dir:write("huge", huge)))
    assert.are_not.equal(core.file.hash_text(long), core.file.hash_text(long .. "x"))
    fails(dir:path "none" .. ": no such file", "io", core.file.hash(dir:path "none"))
  end)

  it("keeps the end of a long path in the message", function()
    local path = ("/nowhere"):rep(60) .. "/scan.png"
    local _, message = core.file.read(path)
    assert.equal("..." .. path:sub(-300) .. ": no such file", message)
  end)

  it("does not hang on a pipe", function()
    local path = dir:path "pipe"
    assert(os.execute("mkfifo '" .. path .. "'"))
    fails(path .. ": is not a regular file", "io", core.file.read(path))
    fails(path .. ": is not a regular file", "io", core.file.write(path, "x"))
    os.remove(path)
  end)

  it("refuses to write where it cannot, and leaves nothing behind", function()
    local path = dir:path "no/folder.txt"
    fails(path .. ": the folder does not exist", "io", core.file.write(path, "x"))
    fails(dir.folder .. ": is a directory", "io", core.file.write(dir.folder, "x"))
    fails("/dev/null: is not a regular file", "io", core.file.write("/dev/null", "x"))
    assert.error_matches(function() core.file.write("", "x") end, "the path to write to is empty")
    for _, name in ipairs(dir:names()) do assert.is_nil(name:find("tmp", 1, true)) end
  end)

  it("keeps the old file when the disc is full", function()
    local path = dir:write("kept.txt", "old")
    local script = dir:write("full.lua", [[
      local core = require "fovea.core"
      local result, message, code = core.file.write(arg[1], ("x"):rep(1 << 20))
      io.write(tostring(result), "|", message, "|", code)
    ]])
    -- the shell ignores the signal, so that the write itself fails: "File too large"
    local pipe = assert(io.popen(("trap '' XFSZ; ulimit -f 8; LUA_PATH='%s' LUA_CPATH='%s' '%s' '%s' '%s'")
      :format(package.path, package.cpath, os.getenv "FOVEA" or "lua5.4", script, path)))
    local said = pipe:read "a"
    pipe:close()
    assert.equal("nil|" .. path .. ": File too large|io", said)
    assert.equal("old", dir:read "kept.txt")
    for _, name in ipairs(dir:names()) do assert.is_nil(name:find("tmp", 1, true)) end
  end)

  it("gives a new file the permissions of the umask", function()
    local path = dir:path "mode"
    assert(core.file.write(path, "x"))
    local plain = dir:write("plain", "x")
    assert.equal(lfs.attributes(plain, "permissions"), lfs.attributes(path, "permissions"))
  end)

  it("survives every failing allocation", function()
    local path = dir:write("data", "abc")
    assert.is_true(alloc_sweep(function() return core.file.read(path) end) > 0)
    assert.is_true(alloc_sweep(function() return core.file.write(path, "abc") end) > 0)
    assert.equal("abc", dir:read "data")
  end)
end)
