-- scripts/demo.lua with a model and an image of one's own: maps, sheet and page.
local command = require "support.command"
local fovea = require "fovea"
local results = require "support.results"
local scratch = require("support.scratch").new()
local tiny = require "support.tiny_onnx"

describe("the demo", function()
  teardown(function() results.remove(scratch.folder) end)

  it("explains a model and an image that are given", function()
    local model, image = scratch:write("tiny.onnx", tiny.bytes()), scratch:path "eye.png"
    assert(fovea.image.write(image, fovea.uniform({ 3, 20, 24 }, { seed = 1, min = 0, max = 255 })))
    local folder = scratch:path "demo"
    local status, out, err = command.run { "scripts/demo.lua", folder, model, image }
    assert.equal(0, status, err)
    assert.is_truthy(out:find("open           " .. folder .. "/index.html", 1, true), out)
    assert.equal(6, #assert(fovea.json.read(folder .. "/tiny/explain.json"))) -- 3 thresholds, 2 methods
    assert.is_truthy(scratch:read("demo/index.html"):find("6 heat maps", 1, true))
    assert.is_truthy(fovea.image.read(folder .. "/index.png"))
  end)
end)
