-- The prompt in a real terminal (tmux): completion, history, Ctrl-C, pictures, help. And from a pipe.
local command = require "support.command"
local scratch = require("support.scratch").new()
local terminal = require "support.terminal"
local fovea = require "fovea"
local tiny = require "support.tiny_onnx"

local slow = os.getenv "FOVEA_MEMORY_ONLY" ~= nil

describe("fovea in a terminal #slow", function()
  local opened = {}
  local model, image

  setup(function()
    model = scratch:write("tiny.onnx", tiny.bytes())
    image = scratch:path "image.png"
    assert(fovea.image.write(image, fovea.uniform({ 3, 32, 32 }, { seed = 1, min = 0, max = 255 })))
  end)

  after_each(function()
    for _, t in ipairs(opened) do t:close() end
    opened = {}
  end)

  teardown(function()
    os.execute("rm -rf " .. command.quote(scratch:path "state"))
    scratch:remove()
  end)

  --- The prompt in a terminal, ready for input.
  local function prompt(arguments, options)
    options = options or {}
    local env = { "XDG_STATE_HOME=" .. scratch:path "state", "TERM=tmux-256color" }
    for _, entry in ipairs(options.env or {}) do env[#env + 1] = entry end
    local t = terminal.start(command.quote(os.getenv "FOVEA" or "bin/fovea") .. " " .. (arguments or ""),
      { env = env, columns = options.columns, rows = options.rows })
    opened[#opened + 1] = t
    t:wait "\n> "
    return t
  end

  --- A test that needs a terminal.
  local function interactive(name, f)
    it(name, function()
      if slow then return pending "not under a memory checker" end
      if not terminal.available() then return pending "tmux is not there" end
      f()
    end)
  end

  interactive("greets, prints values, leaves with Ctrl-D", function()
    local t = prompt()
    t:wait "help() for help"
    t:enter("6 * 7", "\n42\n")
    t:press "C-d"
    t:wait "[status 0]"
  end)

  interactive("completes layers, fields, methods, options and files", function()
    local t = prompt(("repl %s %s"):format(model, image))
    t:type 'model:layer "hea'
    t:press "Tab"
    t:wait 'model:layer "head.Conv"'
    t:press "Enter"
    t:wait "head.Conv  conv  1x1x16x16"
    t:type 'model:layer "d'
    t:press("Tab", "Tab")
    t:wait "deep.conv.Conv  deep.relu.Relu"
    t:press "C-u"
    t:type "fovea.expl"
    t:press "Tab"
    t:wait "> fovea.explain"
    t:press "C-u"
    t:type 'fovea.explain(model, image, { meth'
    t:press "Tab"
    t:type '= "hire'
    t:press "Tab"
    t:wait '= "hirescam"'
    t:press "C-u"
    t:type(('fovea.load "%s/tin'):format(scratch.folder))
    t:press "Tab"
    t:wait(function(screen) return screen:gsub("\n", ""):find('/tiny.onnx"', 1, true) end)
  end)

  interactive("keeps the history between sessions, inputs of several lines whole", function()
    local t = prompt()
    t:enter("first_word = 11", "\n> ")
    t:enter("for i = 1, 2 do", ">> ")
    t:enter("print(i * 100)", "\n>> ")
    t:enter("end", "200")
    t:press "C-d"
    t:wait "[status 0]"
    t = prompt()
    t:press "Up"
    t:wait "print(i * 100)"
    t:press "Enter"
    t:wait "200"
    t:type "fir"
    t:press "Up"
    t:wait "> first_word = 11"
    t:press "Enter"
    t:enter("first_word + 1", "\n12\n")
    t:press "C-d"
    t:wait "[status 0]"
  end)

  interactive("stops a long loop with Ctrl-C and keeps its state", function()
    local t = prompt()
    t:enter("kept = 5", "\n> ")
    t:enter("n = 0 print 'started' while true do n = n + 1 end", "\nstarted\n")
    t:press "C-c"
    t:wait "interrupted at input 2:1"
    t:enter("n > 0, kept", function(screen) return screen:find "\ntrue%s+5\n" end)
    t:type "half of a line"
    t:press "C-c"
    t:wait "half of a line^C"
    t:enter("kept + 1", "\n6\n")
  end)

  interactive("stops a loop of passes through a model", function()
    local t = prompt(("repl %s %s"):format(model, image))
    t:enter("print 'started' while true do fovea.explain(model, image) end", "\nstarted\n")
    t:press "C-c"
    t:wait "interrupted"
    t:enter("fovea.explain(model, image).class", "\n1\n")
  end)

  interactive("stops a loop that catches errors with a second Ctrl-C", function()
    local t = prompt()
    t:enter("print 'started' while true do pcall(function() while true do end end) end", "\nstarted\n")
    t:press "C-c"
    t:wait "^C"
    t:press "C-c"
    t:wait "interrupted"
    t:enter("2 + 3", "\n5\n")
  end)

  interactive("draws a heat map in half blocks, in colour", function()
    local t = prompt(("repl %s %s"):format(model, image))
    t:enter("heat = fovea.explain(model, image, { threshold = 'quantile:0.5' })", "\n> ")
    t:enter("heat", "▄▄▄▄▄▄▄▄")
    assert.is_truthy(t:wait("fovea.Heatmap: gradcam"):find("range", 1, true))
    assert.is_truthy(t:screen(true):find("\27%[[%d;]*38;2;%d+;%d+;%d+"))
    t:press "C-l"
    t:enter("model:layer('enc.relu.Relu'):show { rows = 8 }", "channels ")
  end)

  interactive("draws nothing where it was told not to", function()
    local t = prompt(("repl %s %s"):format(model, image), { env = { "FOVEA_PICTURES=none" } })
    t:enter("image:show()", "3x32x32")
    assert.is_falsy(t:screen():find("▄", 1, true))
  end)

  interactive("helps, and cuts long tables in the middle", function()
    local t = prompt(("repl %s %s"):format(model, image), { rows = 11 })
    t:enter("help 'gradcam'", "Grad-CAM of a masked sum")
    t:enter("model", "lines more (print shows all)")
  end)

  interactive("shows the line of an error and goes on", function()
    local t = prompt()
    t:enter("1 + nil", "error: attempt to perform arithmetic on a nil value")
    t:wait "1 | 1 + nil"
    t:enter("'still', 'here'", function(screen) return screen:find "\nstill%s+here\n" end)
  end)
end)

describe("fovea repl from a pipe", function()
  it("prints text only and tells by its status whether something failed", function()
    local status, out, err = command.run({ "repl" }, { input = "x = 20\nx + 1\nfor i = 1, 2 do\nprint(i)\nend\n" })
    assert.are.equal("21\n1\n2\n", out)
    assert.are.equal("", err)
    assert.are.equal(0, status)
    status, out, err = command.run({ "repl" }, { input = "error 'oops'\n'on'\nfunction f(" })
    assert.are.equal(1, status)
    assert.are.equal("on\n", out)
    assert.matches("error: oops\n    1 | error 'oops'", err, 1, true)
    assert.matches("expected near <eof>", err, 1, true)
  end)

  it("loads model and image, or says why not", function()
    local folder = require("support.scratch").new()
    local model, image = folder:write("tiny.onnx", tiny.bytes()), folder:path "image.png"
    assert(fovea.image.write(image, fovea.uniform({ 3, 16, 16 }, { seed = 1, min = 0, max = 255 })))
    local status, out = command.run({ "repl", model, image },
      { input = "model.name\nimage\nmodel:layer('enc.relu.Relu'):activation():shape()\nimage:show()\n" })
    assert.are.equal(0, status)
    assert.are.equal(("tiny\nfovea.Image: 3x16x16, 8 bits, %s\n{ 1, 4, 16, 16 }\nfovea.Image: 3x16x16, 8 bits, %s\n")
      :format(image, image), out)
    local failed, _, err = command.run { "repl", folder:path "none.onnx" }
    assert.are.equal(1, failed)
    assert.matches("none.onnx: no such file", err, 1, true)
    folder:remove()
  end)

  it("gives the same bits from a strategy file as the command line", function()
    local folder = require("support.scratch").new()
    local model, image = folder:write("tiny.onnx", tiny.bytes()), folder:path "image.png"
    assert(fovea.image.write(image, fovea.uniform({ 3, 16, 16 }, { seed = 1, min = 0, max = 255 })))
    local strategy = folder:write("mine.lua", [[
-- the brighter half of what is above the mean
return function(u)
  local above = u:gt(u:mean())
  return above * u:ge(u:quantile(0.75))
end
]])
    local typed_status, out = command.run({ "repl", model, image }, { input = ([[
heat = fovea.explain(model, image, { layer = "enc.relu.Relu", threshold = "file:%s" })
fovea.npy.write("%s", heat.raw)
]]):format(strategy, folder:path "typed.npy") })
    assert.are.equal(0, typed_status)
    assert.are.equal("true\n", out)
    local status = command.run { "explain", model, image, "--out", folder:path "out", "--layer", "enc.relu.Relu",
      "--threshold", "file:" .. strategy, "--raw", "npy" }
    assert.are.equal(0, status)
    local file = assert(io.open(folder:path "out/explain.json"))
    local record = assert(fovea.json.decode(file:read "a"))[1]
    file:close()
    local typed = assert(fovea.npy.read(folder:path "typed.npy"))
    assert.is_true(typed:max() ~= typed:min())
    assert.are.equal(typed:hash(), assert(fovea.npy.read(folder:path("out/" .. record.raw))):hash())
    os.execute("rm -rf " .. command.quote(folder.folder))
  end)
end)
