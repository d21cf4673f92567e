-- --memory and --verbose of the commands that run a model, as a user meets them.
local command = require "support.command"
local fovea = require "fovea"
local scratch = require("support.scratch").new()
local tiny = require "support.tiny_onnx"

local FORETOLD = "fovea: tiny: %d+ MiB of memory at most: weights"

describe("fovea --memory", function()
  local model, image, recipe

  setup(function()
    model, image = scratch:write("tiny.onnx", tiny.bytes()), scratch:path "image.png"
    assert(fovea.image.write(image, fovea.uniform({ 3, 16, 16 }, { seed = 1, min = 0, max = 255 })))
    assert(fovea.image.write(scratch:path "image_mask.png", fovea.uniform({ 1, 16, 16 }, { seed = 2 }):gt(0.5) * 255))
    recipe = scratch:write("recipe.yaml", "models: tiny.onnx\nimages:\n  files: image.png\n  masks: '{name}_mask.png'\n"
      .. "layers: enc.relu*\nevaluate: true\nmemory: 1G\n")
  end)
  teardown(function() os.execute("rm -rf " .. command.quote(scratch.folder)) end)

  local function fails(status, words, ...)
    local found, out, err = command.run(words)
    assert.are.equal(status, found, out .. err)
    for _, text in ipairs { ... } do assert.is_truthy(err:find(text), err) end
    return err
  end

  it("explain tells what it takes, keeps to a budget or names the smallest", function()
    local words = { "explain", model, image, "--out", scratch:path "explain", "--verbose" }
    local function with(...) return table.move({ ... }, 1, select("#", ...), #words + 1, { table.unpack(words) }) end
    fails(0, words, FORETOLD)
    fails(0, with("--memory", "1.5G"), FORETOLD)
    local err = fails(1, with("--memory", "1M"), "image.png: .-: 1M of memory are allowed, the least that works at")
    fails(0, with("--memory", err:match "is (%d+M)"), FORETOLD)
    fails(2, with("--memory", "much"), "%-%-memory: 'much' is not a size such as 512M, 2G")
  end)

  it("run takes it from the recipe or the command line, and logs it", function()
    local words = { "run", recipe, "--out", scratch:path "run", "--verbose" }
    fails(0, words, FORETOLD)
    local log = assert(fovea.json.decode(scratch:read "run/log.jsonl":match "[^\n]+"))
    assert.is_true(log.memory > 32 << 20)
    words[6], words[7], words[8] = "--memory", "1M", "--force"
    fails(1, words, "1M of memory are allowed")
    fails(2, { "run", recipe, "--set", "memory=a lot" }, "'a lot' is not a size")
    fails(2, { "run", recipe, "--set", "memory=-5" }, "%-%-set memory: must be at least 1")
  end)

  it("evaluate and bench know it", function()
    fails(0, { "evaluate", model, image, "--masks", scratch:path "{name}_mask.png", "--memory", "1G", "--verbose" },
      FORETOLD)
    fails(1, { "evaluate", model, image, "--masks", scratch:path "{name}_mask.png", "--memory", "1M" }, "1M of memory")
    fails(0, { "bench", model, "--runs", "1", "--memory", "1G" })
    fails(2, { "bench", model, "--runs", "1", "--memory", "1M" }, "1M of memory are allowed")
  end)

  it("inspect shows what it will be", function()
    local status, out = command.run { "inspect", model, "--memory" }
    assert.are.equal(0, status)
    assert.is_truthy(out:find "memory of tiny at 1x3x16x16; maps of ")
    local least = assert(out:match "smallest %-%-memory%s+%d+M%s+(%d+M)\n")
    fails(0, { "explain", model, image, "--out", scratch:path "least", "--memory", least })
    local _, json = command.run { "inspect", model, "--memory", "--json", "--layer", "enc.relu*" }
    local found = assert(fovea.json.decode(json))
    assert.is_true(found.memory.forward.total <= found.memory.maps.total)
    assert.is_truthy(found.layers[1]:find "^enc.relu")
  end)
end)
