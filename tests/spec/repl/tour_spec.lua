-- The tour of the prompt says what happens; its lines also run in the stock interpreter.
local lfs = require "lfs"
local scratch = require("support.scratch").new()
local session = require "fovea.repl.session"
local tour = require "support.tour"

local PATH = "examples/tour_of_the_repl.md"

--- A path with all relative parts made absolute, for code that changes the folder.
local function absolute(path)
  return (path:gsub("[^;]+", function(part) return part:find "^/" and part or lfs.currentdir() .. "/" .. part end))
end

describe("examples/tour_of_the_repl.md #smoke", function()
  local steps, folder, path = tour.steps(PATH), lfs.currentdir(), package.path
  local modules = absolute(package.cpath)

  setup(function()
    package.path = absolute(path .. ";examples/?.lua")
    for _, step in ipairs(steps) do
      if step.file then scratch:write(step.file, step.text) end
    end
    assert(lfs.chdir(scratch.folder))
  end)

  teardown(function()
    assert(lfs.chdir(folder))
    package.path = path
    scratch:remove()
  end)

  it("says what the prompt answers", function()
    local said, env = {}, nil
    local function write(text) said[#said + 1] = text end
    env = setmetatable({ print = function(...)
      local words = table.pack(...)
      for i = 1, words.n do words[i] = tostring(words[i]) end
      write(table.concat(words, "\t") .. "\n")
    end }, { __index = _G })
    local current = session.new { env = env, write = write }
    env.help = function(what) write(require("fovea.help").text(what) .. "\n") end
    local print_before = print
    _G.print = env.print -- what show() writes
    local count = 0
    local ok, problem = pcall(function()
      for _, step in ipairs(steps) do
        if step.input then
          for i = #said, 1, -1 do said[i] = nil end
          for _, line in ipairs(step.input) do current:feed(line) end
          local text = table.concat(said)
          assert(tour.matches(step.output, text),
            ("%s:%d\nexpected:\n%s\ngot:\n%s"):format(PATH, step.line, step.output, text))
          count = count + 1
        end
      end
    end)
    _G.print = print_before
    assert(ok, problem)
    assert.is_true(count > 25)
  end)

  if os.getenv "FOVEA_SUITE" ~= "stock" then return end -- below: what the stock interpreter can do by itself

  it("runs in lua5.4 -i", function()
    local lines = { 'fovea, help = require "fovea", require("fovea").help' }
    for _, step in ipairs(steps) do
      local wrong = step.output and step.output:find "^error: "
      for _, line in ipairs(step.input and not wrong and step.input or {}) do
        lines[#lines + 1] = (line:gsub("^local ", ""))
      end
    end
    lines[#lines + 1] = 'print("finished", heat.status)'
    local input = scratch:write("input.lua", table.concat(lines, "\n") .. "\n")
    local pipe = io.popen(("LUA_PATH='%s' LUA_CPATH='%s' lua5.4 -i <%s 2>&1"):format(package.path,
      modules, input))
    local said = pipe:read "a"
    pipe:close()
    assert.is_falsy(said:find("stack traceback", 1, true), said)
    assert.is_truthy(said:find("finished\tOK", 1, true), said)
  end)
end)
