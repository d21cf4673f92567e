-- The tree keeps its promises: lists and files agree, every op has its spec, documents name what exists, and the
-- style checks find what they are there for.
local lfs = require "lfs"

local function exists(path) return lfs.attributes(path, "mode") ~= nil end

local function read(path)
  local file = assert(io.open(path))
  local text = file:read "a"
  file:close()
  return text
end

local function names(folder, pattern)
  local list = {}
  if exists(folder) then
    for name in lfs.dir(folder) do list[#list + 1] = name:match(pattern) end
  end
  table.sort(list)
  return list
end

-- Names that X(name) lines of a list file hold.
local function listed(path)
  local list = {}
  for name in read(path):gmatch "\nX%(([%w_]+)%)" do list[#list + 1] = name end
  return list
end

local function count(text, pattern) return select(2, text:gsub(pattern, "")) end

describe("bind_list.h", function()
  it("names every binding file and nothing else", function()
    local found = {}
    for _, name in ipairs(names("src/bind", "^([%w_]+)%.c$")) do
      if read("src/bind/" .. name .. ".c"):find("\nint fvl_open_" .. name .. "(lua_State *L)\n{", 1, true) then
        found[#found + 1] = name
      end
    end
    local wanted = listed "src/bind/bind_list.h"
    table.sort(wanted)
    assert.same(wanted, found)
  end)
end)

describe("op_list.h", function()
  local path = "src/ops/op_list.h"

  local sources = {} -- text of every file that defines an op, by name
  for _, file in ipairs(names("src/ops", "^([%w_]+)%.c$")) do
    local text = read("src/ops/" .. file .. ".c")
    if text:find "%f[%w_]const fv_op fv_op_" then sources[file] = text end
  end

  -- An op is a constant of its own, or made by a macro that takes the name first: ELTWISE(relu, ...).
  local function is_defined(op)
    for _, text in pairs(sources) do
      if text:find("%f[%w_]const fv_op fv_op_" .. op .. "%f[^%w_]") then return true end
      if text:find("%f[%w_]%u[%u_]*%(" .. op .. "%f[^%w_]") then return true end
    end
    return false
  end

  it("names ops that are defined, and all that are", function()
    if not exists(path) then return pending "no ops yet" end
    local in_list = {}
    for _, op in ipairs(listed(path)) do
      in_list[op] = true
      assert(is_defined(op), op .. " is in op_list.h, but no file of src/ops defines it")
    end
    for file, text in pairs(sources) do
      for op in text:gmatch "%f[%w_]const fv_op fv_op_([%w_]+)%f[^%w_#]" do
        assert(in_list[op], op .. " of " .. file .. ".c is not in op_list.h")
      end
    end
  end)

  it("has a spec for every file with ops", function()
    local missing = {}
    for file in pairs(sources) do
      if not exists("tests/spec/ops/" .. file .. "_spec.lua") then missing[#missing + 1] = file end
    end
    assert.same({}, missing)
  end)
end)

describe("README.md", function()
  local text = exists "README.md" and read "README.md"

  it("names make targets that exist", function()
    if not text then return pending "no README.md yet" end
    local makefile = read "Makefile"
    for target in text:gmatch "%f[%w]make ([a-z][a-z-]*)" do
      assert(makefile:find("\n" .. target:gsub("%-", "%%-") .. ":"), "make " .. target)
    end
  end)

  it("names commands that exist", function()
    if not text then return pending "no README.md yet" end
    for command in text:gmatch "\n[ $]*fovea ([a-z]+)%s" do
      assert(exists("lua/fovea/cli/" .. command .. ".lua"), "fovea " .. command)
    end
  end)
end)

describe("scripts/lint-sources.lua", function()
  local root

  before_each(function()
    root = os.tmpname()
    assert(os.remove(root))
    for _, folder in ipairs { "", "/src", "/src/base", "/src/ops", "/src/io", "/src/graph", "/lua", "/lua/fovea",
      "/scripts" } do
      assert(lfs.mkdir(root .. folder))
    end
  end)

  after_each(function() os.execute("rm -rf " .. root) end)

  local function put(path, text)
    local file = assert(io.open(root .. "/" .. path, "w"))
    file:write(text)
    file:close()
  end

  -- Lines of the script's output and its exit status.
  local function lint()
    local pipe = assert(io.popen("lua5.4 scripts/lint-sources.lua " .. root .. " 2>&1"))
    local said = pipe:read "a"
    local _, _, status = pipe:close()
    return said, status
  end

  it("is content with a clean tree", function()
    put("src/base/a.c", '#include "base/a.h"\n#include <stdio.h>\n/* Never calls exit() or printf(). */\n')
    put("src/ops/b.c", '#include "graph/op.h"\n#include <oneapi/dnnl/dnnl.h>\n')
    put("lua/fovea/init.lua", "-- Public table.\nlocal M = {}\n\n--- Adds.\n---@param a number\n" ..
      "function M.add(a)\n  return a\nend\nreturn M\n")
    assert.same({ "", 0 }, { lint() })
  end)

  it("finds includes against the layers", function()
    put("src/base/a.c", '#include "tensor/tensor.h"\n#include <lua.h>\n#include "oneapi/dnnl/dnnl.h"\n')
    put("src/ops/b.c", '#include "graph/plan.h"\n')
    put("src/io/c.c", '#include "graph/op.h"\n#include <png.h>\n')
    put("src/graph/d.c", '#include "ops/op_list.h"\n#include <png.h>\n#include "ops/conv.h"\n')
    local said, status = lint()
    assert.equal(1, status)
    for _, finding in ipairs { "src/base/a.c:1", "src/base/a.c:2", "src/base/a.c:3", "src/ops/b.c:1", "src/io/c.c:1",
      "src/graph/d.c:2", "src/graph/d.c:3" } do
      assert(said:find(finding .. ":", 1, true), finding .. " not found in " .. said)
    end
    assert(not said:find("src/io/c.c:2", 1, true) and not said:find("src/graph/d.c:1", 1, true), said)
  end)

  it("finds calls that do not belong there, but not in comments", function()
    put("src/base/a.c", '/* exit(1)\n * abort() */\nvoid f(void)\n{\n    printf("x");\n' ..
      "    free(0); /* malloc(1) */\n}\n")
    local said = lint()
    assert(said:find("a.c:5: printf()", 1, true) and said:find("a.c:6: free()", 1, true), said)
    assert.equal(2, count(said, "\n"))
  end)

  it("finds what is too long", function()
    put("src/base/a.c", "int f(void)\n{\n" .. ("    x();\n"):rep(69) .. "}\n")
    put("src/ops/b.c", "const fv_op fv_op_b;\n" .. ("int x;\n"):rep(200))
    put("src/ops/kernel.c", ("int x;\n"):rep(500))
    put("lua/fovea/init.lua", "-- Long.\nlocal function f()\n" .. ("  print(1)\n"):rep(49) .. "end\nreturn f\n")
    put("lua/fovea/long.lua", "-- Long.\n" .. ("print(1)\n"):rep(350))
    local said = lint()
    assert(said:find("a.c:2: function of 71 lines", 1, true), said)
    assert(said:find("b.c:201: file of 201 lines", 1, true), said)
    assert(said:find("init.lua:2: function of 51 lines", 1, true), said)
    assert(said:find("long.lua:351: file of 351 lines", 1, true), said)
    assert.equal(4, count(said, "\n"))
  end)

  it("finds public functions without annotations", function()
    put("lua/fovea/init.lua", "-- Public.\nlocal M = {}\n\n--- Text.\nfunction M.f(a) return a end\n\n" ..
      "function M:g() end\n" ..
      "function M._private(x) return x end\nlocal function h(x) return x end\nreturn M, h\n")
    put("scripts/bench.lua", 'local core = require "fovea.core"\nreturn core\n')
    local said = lint()
    assert(said:find("init.lua:5: public function f has no ---@param for a", 1, true), said)
    assert(said:find("init.lua:7: public function g has no --- comment", 1, true), said)
    assert(said:find("bench.lua:1: no comment at the top", 1, true), said)
    assert(said:find("bench.lua:1: fovea.core is for lua/fovea only", 1, true), said)
    assert.equal(4, count(said, "\n"))
  end)
end)
