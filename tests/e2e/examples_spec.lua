-- The examples and the demo run as they stand.
local command = require "support.command"
local fovea = require "fovea"
local lfs = require "lfs"
local scratch = require("support.scratch").new()

describe("examples", function()
  teardown(function() scratch:remove() end)

  local names = {}
  for name in lfs.dir "examples" do
    if name:find "^%d%d_.*%.lua$" then names[#names + 1] = name end
  end
  table.sort(names)

  for _, name in ipairs(names) do
    it(name .. " runs and prints something", function()
      local status, out, err = command.run { "examples/" .. name, scratch:path(name .. ".png") }
      assert.are.equal("", err)
      assert.are.equal(0, status)
      assert.is_true(#out > 0)
    end)
  end

  it("01_hello_heatmap.lua writes a panel", function()
    local path = scratch:path "panel.png"
    assert.are.equal(0, (command.run { "examples/01_hello_heatmap.lua", path }))
    local picture = assert(fovea.image.read(path))
    assert.is_true(picture.width > 3 * 256)
  end)

  it("the demo draws what it says", function()
    local status, out, err = command.run { "scripts/demo.lua", scratch:path "demo" }
    assert.are.equal(0, status, err)
    local contact_sheet = out:match "contact sheet%s+(%S+%.png)"
    assert.is_truthy(fovea.image.read(contact_sheet))
    local page = assert(io.open(out:match "open%s+(%S+%.html)"))
    assert.are.equal("<!doctype html>", page:read(15):lower())
    page:close()
  end)

  it("the network of the examples finds what was drawn", function()
    package.path = "examples/?.lua;" .. package.path
    local scene = require "scene"
    local heat = assert(fovea.explain(scene.model(), scene.image(), { layer = "enc2.relu" }))
    local _, n = heat.mask:components { connectivity = 8 }
    assert.are.equal(4, n)
    assert.is_true(heat:energy_inside(heat:image_mask()) > 0.9)
  end)
end)
