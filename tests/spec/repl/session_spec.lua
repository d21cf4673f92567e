-- What the prompt does with lines: values, statements, locals, errors; how values look.
local display = require "fovea.repl.display"
local fovea = require "fovea"
local session = require "fovea.repl.session"
local scratch = require("support.scratch").new()

describe("a session", function()
  local said, env, current

  before_each(function()
    said, env = "", setmetatable({}, { __index = _G })
    current = session.new { env = env, write = function(text) said = said .. text end }
  end)

  teardown(function() scratch:remove() end)

  --- What comes of some lines.
  local function enter(...)
    said = ""
    for _, line in ipairs { ... } do current:feed(line) end
    return said
  end

  it("prints values of expressions, with and without =", function()
    assert.are.equal("3\n", enter "1 + 2")
    assert.are.equal("3\n", enter "= 1 + 2")
    assert.are.equal("1\ttwo\tnil\n", enter "1, 'two', nil")
    assert.are.equal("nil\n", enter "nil")
    assert.are.equal("", enter "x = 4")
    assert.are.equal("", enter "")
    assert.are.equal("4\n", enter "x -- remark")
    assert.are.equal("4\n", enter "_")
  end)

  it("goes on in the next line until the input is complete", function()
    assert.is_nil(current:feed "y = {")
    assert.is_nil(current:feed "1, 2,")
    assert.are.equal("y = {\n1, 2,\n}", current:feed "}")
    assert.are.equal("2\n", enter "#y")
    assert.are.equal("", enter("s = [[", "text", "]]"))
    assert.are.equal("text\n\n", enter "s")
    current:feed "if true then"
    current:drop()
    assert.are.equal("1\n", enter "1")
  end)

  it("keeps locals, also of what fails, but not what is closed", function()
    enter "local a, b = 1, 2"
    assert.are.equal("3\n", enter "a + b")
    enter "local c = 5 error 'x'"
    assert.are.equal("5\n", enter "c")
    enter "local d <close> = setmetatable({}, { __close = function() end })"
    assert.are.equal("nil\n", enter "d")
    enter("local function double(n)", "  return 2 * n", "end")
    assert.are.equal("8\n", enter "double(4)")
    assert.are.equal("7\n", enter "local e = 7 return e")
  end)

  it("shows the line of an error", function()
    assert.are.equal("error: boom\n    1 | error 'boom'\n", enter "error 'boom'")
    assert.matches("    2 |   local n = nil + 1\n", enter("do", "  local n = nil + 1", "end"), 1, true)
    assert.matches("unexpected symbol near ')'\n    1 | x = )\n", enter "x = )", 1, true)
    assert.are.equal("error: own text\n      at input 4:1\n",
      enter "error(setmetatable({}, { __tostring = function() return 'own text' end }))")
    assert.are.equal(4, current.failures)
  end)

  it("traces through the user's own functions, not through the toolkit", function()
    enter "function inner(u) return u + nil end"
    enter("function outer(u)", "  local r = inner(u)", "  return r", "end")
    local text = enter "r = outer(1)"
    assert.are.equal([[
error: attempt to perform arithmetic on a nil value
    1 | function inner(u) return u + nil end
      at input 2:2  in 'outer'
      at input 3:1
]], text)
    local path = scratch:write("own.lua", "return function(u)\n  return u:nonsense()\nend\n")
    text = enter(("fovea.threshold.apply(dofile '%s', fovea.zeros { 2, 2 })"):format(path))
    assert.matches("error: [^\n]*own%.lua:2: attempt to call a nil value", text)
    assert.matches("    2 |   return u:nonsense()", text, 1, true)
    assert.is_falsy(text:find("lua/fovea/", 1, true))
  end)

  it("shows mistakes in calls of the toolkit at the line that makes them", function()
    local text = enter "fovea.zeros 'x'"
    assert.matches("    1 | fovea.zeros 'x'", text, 1, true)
    text = enter "fovea.threshold.parse 'otzu'"
    assert.matches("^error: threshold", text)
  end)

  it("says where input that never ended began", function()
    current:feed "function f("
    said = ""
    current:finish()
    assert.matches("near <eof>", said, 1, true)
    said = ""
    current:finish()
    assert.are.equal("", said)
  end)

  it("survives values that cannot be printed", function()
    assert.matches("error: broken", enter "setmetatable({}, { __tostring = function() error 'broken' end })")
    assert.are.equal("1\n", enter "1")
  end)
end)

describe("display", function()
  local function text(value) return display.text(value) end

  it("shows tables with their contents", function()
    assert.are.equal('{ 1, 2.5, "a\\"b", true, name = "x", ["not a name"] = 3 }',
      text { 1, 2.5, 'a"b', true, name = "x", ["not a name"] = 3 })
    assert.are.equal("{}", text {})
    assert.are.equal("{ { { { { { ... }, 1 } } } } }", text { { { { { { 1 }, 1 } } } } })
    local ring = { 1 }
    ring.again = ring
    assert.are.equal("{ 1, again = { (again) } }", text(ring))
    local numbers = text(fovea.zeros({ 100 }):to_table())
    assert.matches("0.0,\n  ... 60 more\n}", numbers, 1, true)
    assert.are.equal(3, select(2, numbers:gsub("\n  ", "")))
  end)

  it("breaks wide tables into lines", function()
    local wide = {}
    for i = 1, 5 do wide["key_" .. i] = ("x"):rep(30) end
    local lines = text(wide)
    assert.matches('^{\n  key_1 = "x+",\n  key_2', lines)
    assert.matches('\n}$', lines)
  end)

  it("shows objects as they print themselves, lists of them line by line", function()
    local tensor = fovea.zeros { 2, 2 }
    assert.are.equal(tostring(tensor), text(tensor))
    assert.are.equal("{ t = tensor 2x2, min 0, max 0, mean 0 }", text { t = tensor })
    assert.are.equal("    1  tensor 2x2, min 0, max 0, mean 0\n    2  tensor 1, min 0, max 0, mean 0",
      text { tensor, fovea.zeros { 1 } })
  end)

  it("shows functions with parameters and place", function()
    assert.matches("^function%(model, image, options%)  fovea/explain%.lua:%d+$", text(fovea.explain))
    assert.are.equal("function (C)", text(string.len))
    assert.matches("^function%(%.%.%.%)  ", text(function(...) return ... end))
  end)

  it("cuts long texts in the middle", function()
    local lines = {}
    for i = 1, 100 do lines[i] = "line " .. i end
    local cut = display.fitted(table.concat(lines, "\n"), 10)
    assert.are.equal([[
line 1
line 2
line 3
line 4
line 5
line 6
  ... 91 lines more (print shows all) ...
line 98
line 99
line 100]], cut)
    assert.are.equal("a\nb", display.fitted("a\nb", 10))
    assert.are.equal("a\nb", display.fitted("a\nb"))
  end)

  it("wraps at words", function()
    local wrapped = require("fovea.terminal").wrapped
    assert.are.equal("aaa bbb\nccc", wrapped("aaa bbb ccc", 8))
    assert.are.equal("  aaa\n  bbb", wrapped("  aaa bbb", 6))
    assert.are.equal("äöü äöü\nß", wrapped("äöü äöü ß", 7))
    assert.are.equal("abcdefghij", wrapped("abcdefghij", 5))
    assert.are.equal("x y", wrapped("x y", nil))
    assert.are.equal("  a   some long\n      words\n      here", wrapped("  a   some long words here", 15))
  end)
end)
