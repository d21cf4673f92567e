-- The fovea binary behaves as lua(1) and finds its commands.
local command = require "support.command"
local scratch = require("support.scratch").new()
local run = command.run

describe("fovea as lua", function()
  teardown(function() scratch:remove() end)

  local function says(wanted, arguments, options)
    local status, out, err = run(arguments, options)
    assert.equal("", err)
    assert.equal(wanted, out)
    assert.equal(0, status)
  end

  it("executes -e and -l in order, then the script", function()
    says("1\n2\n", { "-e", "x = 1 print(x)", "-e", "print(x + 1)" })
    says("table\ntrue\n", { "-lm=math", "-e", "print(type(m))", "-l", "string", "-e", "print(string.rep ~= nil)" })
    says("function\n", { "-l", "fovea.core", "-e", "print(type(_G['fovea.core'].version))" })
  end)

  it("gives arg and ... to the script", function()
    local path = scratch:write("script.lua", "print(arg[0] ~= nil, arg[1], arg[2], arg[-1], select('#', ...), ...)\n")
    says("true\ta b\t-e\t-W\t2\ta b\t-e\n", { "-W", path, "a b", "-e" })
    says("true\tx\tnil\t--\t1\tx\n", { "--", path, "x" })
  end)

  it("reads the program from standard input", function()
    says("7\n", {}, { input = "print(3 + 4)" })
    says("-\tz\n", { "-", "z" }, { input = "print(arg[0], ...)" })
  end)

  it("skips a first line with #!", function()
    says("ok\n", { (scratch:write("hash.lua", "#!/usr/bin/env fovea\nprint 'ok'\n")) })
  end)

  it("obeys LUA_INIT unless -E is given", function()
    says("init\nmain\n", { "-e", "print 'main'" }, { env = "LUA_INIT='print(\"init\")'" })
    says("new\nmain\n", { "-e", "print 'main'" }, { env = "LUA_INIT='print(1)' LUA_INIT_5_4='print(\"new\")'" })
    says("main\n", { "-E", "-e", "print 'main'" }, { env = "LUA_INIT='print(\"init\")'" })
    says("true\n", { "-E", "-e", "print(require('fovea.core') ~= nil)" }, { env = "LUA_PATH=none LUA_CPATH=none" })
  end)

  it("shows versions with -v", function()
    local status, out = run { "-v" }
    assert.equal(0, status)
    assert.matches("^fovea %d+%.%d+%.%d+, Lua 5%.4%.%d+\n$", out)
  end)

  it("is silent or loud about warnings", function()
    local _, _, quiet = run { "-e", "warn 'careful'" }
    local _, _, loud = run { "-W", "-e", "warn 'careful'" }
    assert.equal("", quiet)
    assert.matches("careful", loud)
  end)

  it("prints errors with a traceback and exits with 1", function()
    local path = scratch:write("bad.lua", "local function f() error 'broken' end\nf()\n")
    local status, out, err = run { path }
    assert.equal(1, status)
    assert.equal("", out)
    assert.matches("^fovea: .*bad%.lua:1: broken\nstack traceback:", err)
  end)

  it("prints errors that are not strings", function()
    local function complaint(...) return select(3, run { ... }) end
    local text = "error(setmetatable({}, { __tostring = function() return 'own text' end }))"
    assert.equal("fovea: own text\n", complaint("-e", text))
    assert.matches("error object is a table value", complaint("-e", "error {}"))
  end)

  it("fails for code that does not compile and scripts that are not there", function()
    assert.equal(1, (run { "-e", "x =" }))
    local status, _, err = run { "/no/such/script.lua" }
    assert.equal(2, status)
    assert.matches("/no/such/script.lua", err)
  end)

  it("refuses unknown options with status 2", function()
    local reasons = { ["-x"] = "unknown option '%-x'", ["-ii"] = "unknown option", ["-e"] = "needs an argument" }
    for option, reason in pairs(reasons) do
      local status, _, err = run { option }
      assert.equal(2, status)
      assert.matches(reason, err)
      assert.matches("usage: fovea", err)
    end
  end)

  it("exits with the status a script asks for", function()
    assert.equal(5, (run { "-e", "os.exit(5)" }))
    assert.equal(6, (run { "-e", "os.exit(6, true)" }))
  end)

  it("is interactive with -i: prints values, continues lines, survives errors", function()
    local input = "1 + 1, 'two'\nfor i = 1, 2 do\nprint(i)\nend\nerror 'oops'\n= 3\n6 * 7\n"
    local status, out, err = run({ "-i" }, { input = input })
    assert.equal(0, status)
    assert.matches("2\ttwo\n", out)
    assert.matches("1\n2\n", out)
    assert.matches("42\n", out)
    assert.matches("oops", err)
  end)

  it("is stopped by an interrupt", function()
    local path = scratch:write("loop.lua", "local n = 0\nwhile true do n = n + 1 end\n")
    local fovea = command.quote(os.getenv "FOVEA" or "bin/fovea")
    local pipe = io.popen(("timeout --foreground -s INT 1 %s %s 2>&1"):format(fovea, command.quote(path)))
    local said = pipe:read "a"
    pipe:close()
    assert.matches("interrupted!", said)
    assert.matches("loop%.lua:2", said)
  end)
end)

describe("fovea commands", function()
  local root

  before_each(function() -- a tree of its own: the binary finds the Lua files next to it
    root = os.tmpname()
    assert(os.remove(root))
    assert(os.execute(("mkdir -p %s/bin %s/lua/fovea/cli && cp %s %s/bin/fovea"):format(root, root,
      command.quote(os.getenv "FOVEA" or "bin/fovea"), root)))
    local function put(path, text)
      local file = assert(io.open(root .. "/" .. path, "w"))
      file:write(text)
      file:close()
    end
    put("lua/fovea/init.lua", "return { here = true }\n")
    put("lua/fovea/cli/explain.lua", "return {}\n")
    put("lua/fovea/cli/init.lua", [[
      return { main = function(args)
        print(args[0] ~= nil, #args, table.concat(args, " "))
        if args[2] == "throw" then error "thrown" end
        return tonumber(args[2])
      end }]])
  end)

  after_each(function() os.execute("rm -rf " .. root) end)

  local function tree_run(...)
    local words = {}
    for i, word in ipairs { ... } do words[i] = command.quote(word) end
    local pipe = io.popen(("cd %s && ./bin/fovea %s 2>&1 </dev/null"):format(root, table.concat(words, " ")))
    local said = pipe:read "a"
    local _, _, code = pipe:close()
    return code, said
  end

  it("go to fovea.cli with their arguments and return its status", function()
    assert.same({ 0, "true\t1\texplain\n" }, { tree_run "explain" })
    assert.same({ 3, "true\t3\texplain 3 -x\n" }, { tree_run("explain", "3", "-x") })
    assert.same({ 0, "true\t1\t--help\n" }, { tree_run "--help" })
    assert.same({ 0, "true\t1\t--version\n" }, { tree_run "--version" })
  end)

  it("report an error of the command as status 1", function()
    local status, said = tree_run("explain", "throw")
    assert.equal(1, status)
    assert.matches("thrown", said)
  end)

  it("are looked for by name only: all else is for lua", function()
    assert.same({ 0, "true\n" }, { tree_run("-e", "print(require('fovea').here)") })
    local status, said = tree_run "nonsense"
    assert.equal(2, status)
    assert.equal("fovea: 'nonsense' is neither a command nor a file (fovea --help lists the commands)\n", said)
    assert.equal(2, (tree_run "init"))
    assert.equal(2, (tree_run "./explain"))
  end)
end)

describe("threads of the binary", function()
  it("are as many as there are processors, or as OMP_NUM_THREADS says", function()
    local function threads(env)
      local status, out, err = command.run({ "-e", "print(require('fovea').threads())" },
        { env = "-u OMP_NUM_THREADS " .. env })
      assert.same({ 0, "" }, { status, err })
      return out
    end
    local pipe <close> = io.popen "env -u OMP_NUM_THREADS nproc"
    assert.equal(pipe:read "L", threads "")
    assert.equal("5\n", threads "OMP_NUM_THREADS=5")
    assert.equal("1\n", threads "OMP_NUM_THREADS=1")
  end)
end)
