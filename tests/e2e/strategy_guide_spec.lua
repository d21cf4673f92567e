-- examples/how_to_write_a_strategy.md: its code runs as it stands, and a strategy file gives the same map in Lua, on
-- the command line and in a recipe.
local command = require "support.command"
local fovea = require "fovea"
local onnx = require "support.tiny_onnx"
local lfs = require "lfs"
local scratch = require("support.scratch").new()

local function read(path)
  local file = assert(io.open(path))
  local text = file:read "a"
  file:close()
  return text
end

--- The blocks of a Markdown file: language, name of a file or nil, text.
local function blocks(path)
  local list = {}
  for head, body in read(path):gmatch "\n```([^\n]+)\n(.-)\n```" do
    list[#list + 1] = { language = head:match "^%a+", file = head:match "file=(%S+)", text = body .. "\n" }
  end
  return list
end

describe("how to write a strategy", function()
  local here = lfs.currentdir()
  local found = blocks "examples/how_to_write_a_strategy.md"

  setup(function()
    for _, block in ipairs(found) do
      if block.file then scratch:write(block.file, block.text) end
    end
  end)

  teardown(function() scratch:remove() end)

  local environment = ("LUA_PATH='%s/lua/?.lua;%s/lua/?/init.lua;;' LUA_CPATH='%s/build/?.so;;'"):format(here, here,
    here)

  it("runs every block", function()
    local count = 0
    for i, block in ipairs(found) do
      if block.language == "lua" and not block.file then
        local text = block.text:gsub('"examples/%?%.lua;"', ("%q"):format(here .. "/examples/?.lua;"))
        scratch:write("block.lua", text)
        local status, out, err = command.run({ "block.lua" }, { folder = scratch.folder, env = environment })
        assert.are.equal(0, status, ("block %d: %s"):format(i, err))
        assert.are.equal("", err)
        count = count + #out
      end
    end
    assert.is_true(count > 0)
  end)

  it("shows strategies that select something", function()
    package.path = "examples/?.lua;" .. package.path
    local scene = require "scene"
    local model, image = scene.model(), scene.image()
    local truth = fovea.full({ image.height, image.width }, 1)
    local tried = 0
    for _, block in ipairs(found) do
      if block.file then
        local heat = assert(fovea.explain(model, image, { threshold = "file:" .. scratch:path(block.file),
          ground_truth = truth }))
        assert.is_true(heat.count > 0, block.file)
        assert.are.equal("OK", heat.status, block.file)
        tried = tried + 1
      end
    end
    assert.is_true(tried >= 5)
  end)

  it("gives the same bits in Lua, on the command line and from the record", function()
    local path = scratch:path "certain.lua"
    local model, image = scratch:write("tiny.onnx", onnx.bytes()), scratch:path "image.png"
    assert(fovea.image.write(image, fovea.uniform({ 3, 16, 16 }, { seed = 2, min = 0, max = 255 })))
    local heat = assert(fovea.explain(assert(fovea.load(model)), assert(fovea.image.read(image)), {
      layer = "deep.relu*", threshold = "file:" .. path }))
    local function run(out, ...)
      local status, _, err = command.run { "explain", "--out", scratch:path(out), "--raw", "npy", ... }
      assert.are.equal(0, status, err)
      local record = assert(fovea.json.decode(scratch:read(out .. "/explain.json")))[1]
      return assert(fovea.npy.read(scratch:path(out .. "/" .. record.raw))), err
    end
    local shown = run("cli", "--layer", "deep.relu*", "--threshold", "file:" .. path, "--", model, image)
    assert.is_true(shown:equal(heat.raw))
    local again, said = run("again", "--from", scratch:path "cli/explain.json" .. "#1")
    assert.is_true(again:equal(heat.raw))
    assert.is_falsy(said:find "changed")
    os.execute("rm -rf " .. scratch:path "cli" .. "/* " .. scratch:path "again" .. "/*")
  end)
end)
