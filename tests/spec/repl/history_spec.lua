-- The file in which the prompt keeps what was typed.
local history = require "fovea.repl.history"
local scratch = require("support.scratch").new()

describe("history", function()
  teardown(function()
    os.execute("rm -rf " .. scratch:path "state")
    scratch:remove()
  end)

  it("is in the state folder of the user", function()
    local function path(variables) return history.path(function(name) return variables[name] end) end
    assert.are.equal("/s/fovea/history", path { XDG_STATE_HOME = "/s", HOME = "/h" })
    assert.are.equal("/h/.local/state/fovea/history", path { HOME = "/h" })
    assert.are.equal("/h/.local/state/fovea/history", path { XDG_STATE_HOME = "relative", HOME = "/h" })
    assert.is_nil(path {})
  end)

  it("keeps entries of any text, in order, and makes its folders", function()
    local path = scratch:path "state/deep/fovea/history"
    local entries = { "x = 1", "for i = 1, 2 do\n  print(i)\nend", [[s = "\n and \\n"]], "ä" }
    assert.are.same({}, history.load(path))
    for _, text in ipairs(entries) do assert.is_true(history.append(path, text)) end
    assert.are.same(entries, history.load(path))
  end)

  it("forgets the oldest", function()
    local path, lines = scratch:path "long", {}
    for i = 1, 3 * history.KEPT do lines[i] = "n = " .. i end
    scratch:write("long", table.concat(lines, "\n") .. "\n")
    local entries = history.load(path)
    assert.are.equal(history.KEPT, #entries)
    assert.are.equal("n = " .. 3 * history.KEPT, entries[#entries])
    assert.are.equal(history.KEPT, select(2, scratch:read("long"):gsub("\n", "")))
    assert.are.same(entries, history.load(path))
    assert.are.same({ "long" }, { scratch:names()[1] })
  end)

  it("does without a place to write", function()
    assert.is_false(history.append(nil, "x"))
    assert.is_false(history.append("/dev/null/history", "x"))
    assert.are.same({}, history.load(nil))
  end)
end)
