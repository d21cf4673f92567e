-- The contact sheet: a band for each network, and maps where the model's grid lies.
local collect = require "fovea.report.collect"
local fovea = require "fovea"
local results = require "support.results"
local scratch = require("support.scratch").new()
local sheet = require "fovea.report.sheet"

describe("the contact sheet", function()
  local folder

  setup(function() folder = results.make(scratch.folder, { "eye.png", "skin.png" }) end)
  teardown(function() results.remove(scratch.folder) end)

  it("shows the first image of a network: thresholds by layers", function()
    local report = assert(collect.read { folder })
    local one = assert(sheet.draw(report))
    local height, width = one:shape()[2], one:shape()[3]
    assert.is_true(width > 3 * 200 and width < 5 * 200, width) -- labels, the inputs, two layers
    assert.is_true(height > 3 * 166 and height < 4 * 200, height) -- three thresholds of 20 x 24
    assert.is_true(sheet.draw(assert(collect.read { folder })):equal(one))
  end)

  it("stands without the files, and is none without maps", function()
    local report = assert(collect.read { folder })
    for _, case in ipairs(report.cases) do
      for _, map in ipairs(case.maps) do
        map.view.map, map.view.image, map.view.prediction = "no.png", "../x.png", nil
      end
    end
    assert.is_truthy(sheet.draw(report))
    assert.is_nil(sheet.draw { cases = {} })
  end)

  it("draws what the overlay of the map shows", function()
    local image = fovea.image.new(fovea.full({ 3, 40, 40 }, 200))
    local view = require "fovea.report.view"
    local raw = fovea.zeros { 4, 4 }
    raw:set(1, 4, 2)
    local heat = require("fovea.heatmap").new { raw = raw, mask = fovea.zeros { 40, 40 }, image = image,
      geometry = { image = { 40, 40 }, resized = { 40, 40 }, grid = { 40, 40 }, top = 0, left = 0 },
      probability = fovea.zeros { 40, 40 }, status = "OK", range = { min = 0, max = 2, sum = 2 } }
    local found = assert(view.writer(scratch.folder):view(heat))
    local map = { layer = "l", threshold = "t", method = "m", score = "s", status = "OK", view = found,
      folder = scratch.folder }
    local picture = sheet.draw { cases = { { maps = { map }, layers = { "l" }, thresholds = { "t" },
      variants = { { method = "m", score = "s" } }, model_name = "n", image_name = "i", folder = "f", model = "n" } } }
    -- the last cell is 200 wide: its upper right corner is coloured, its lower left is as the image
    local width = picture:shape()[3]
    local function at(y, x) return { picture:get(1, y, x), picture:get(2, y, x), picture:get(3, y, x) } end
    local right = width - 12
    local corner, opposite = at(50, right - 10), at(220, right - 180)
    assert.same({ 200, 200, 200 }, opposite)
    assert.is_true(corner[3] < 150) -- yellow: the end of viridis
  end)
end)
