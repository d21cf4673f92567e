-- fovea bench as a user runs it.
local command = require "support.command"
local fovea = require "fovea"

local NET = { "bench", "random", "--arch", "unet", "--arch-option", "width=4", "--arch-option", "depth=3", "--size",
  "32x16", "--runs", "2", "--threads", "1" }

local function run(...)
  local words = table.move(NET, 1, #NET, 1, {})
  for _, word in ipairs { ... } do words[#words + 1] = word end
  return command.run(words)
end

describe("fovea bench", function()
  it("prints a row per task", function()
    local status, out, err = run()
    assert.equal(0, status, err)
    assert.truthy(out:find("unet at 1x3x16x32; map at ", 1, true))
    assert.truthy(out:find "\nforward +[%d.]+ +[%d.]+ +[%d.]+ +%d+ +%d+ %% +[%d.]+\nmap ")
    assert.truthy(out:find "\nmost memory of this process: %d+ MB\n")
  end)

  it("--profile lists the layers of both passes with their implementations", function()
    local status, out = run "--profile"
    assert.equal(0, status)
    assert.truthy(out:find "\nforward +encoder%.1%.relu1 +conv +1x4x16x32 .*:")
    assert.truthy(out:find "\nbackward +decoder%.2%.relu2 +conv ")
  end)

  it("--json says the same to programs", function()
    local status, out = run("--json", "--profile", "--layer", "encoder.3.relu2")
    assert.equal(0, status)
    local told = assert(fovea.json.decode(out))
    assert.same({ 1, 3, 16, 32 }, told.input)
    assert.equal("map", told.tasks[2].task)
    assert.is_true(told.peak > 0 and told.tasks[1].seconds > 0 and told.tasks[1].flops > 0)
    assert.equal("encoder.1.relu1", told.tasks[1].layers[1].layer)
  end)

  it("refuses what makes no sense", function()
    local status, _, err = run("--layer", "nothing")
    assert.equal(2, status)
    assert.truthy(err:find("nothing", 1, true))
    assert.equal(2, (run("--size", "32")))
    assert.equal(2, (command.run { "bench", "random", "--arch", "unet", "--runs", "0" }))
    assert.equal(1, (command.run { "bench", "no_such_file.onnx" }))
  end)
end)
