-- help prints what the sources say, of everything that is public.
local core = require "fovea.core"
local docs = require "fovea.docs"
local fovea = require "fovea"
local help = require "fovea.help"
local lookup = require "fovea.lookup"
local scratch = require("support.scratch").new()

local function shows(what, ...)
  local text = help.text(what)
  for _, wanted in ipairs { ... } do assert.matches(wanted, text, 1, true) end
  return text
end

describe("help", function()
  teardown(function() scratch:remove() end)

  it("gives an overview", function() shows(nil, "fovea.load(path)", "help(x)") end)

  it("explains functions by value and by name", function()
    local text = shows(fovea.explain, "fovea.explain(model, image, options)", "One heat map.", "returns ", "threshold ")
    assert.are.equal(text, help.text "fovea.explain")
    shows("explain", "fovea.explain(model, image, options)")
    shows(fovea.image.read, "fovea.image.read(path, options)", "Reads a PNG, JPEG, TIFF, GIF, BMP or PNM file,")
    shows(fovea.zeros, "fovea.zeros")
    shows(core.Tensor.quantile, "Tensor:quantile", "linear interpolation")
    shows("Heatmap:overlay", "Heatmap:overlay(options)", "contour")
  end)

  it("explains every op, strategy, method and metric #slow", function()
    for _, op in ipairs(core.ops()) do shows(op.name, "op " .. op.name .. ":", op.doc) end
    shows(core.Graph.conv, "op conv:", "stride", "step of the kernel")
    for what, package_name in pairs { ["threshold strategy"] = "fovea.threshold", method = "fovea.cam",
      metric = "fovea.metric" } do
      for _, name in ipairs(lookup.names(package_name)) do
        local file = assert(docs.file(assert(package.searchpath(package_name .. "." .. name, package.path))))
        assert.is_true(#file.head > 0, name)
        shows(name, ("%s '%s'"):format(what, name), file.head[1])
      end
    end
    shows(fovea.threshold.otsu, "threshold strategy 'otsu'", "bins")
  end)

  it("explains every public function of the toolkit #slow", function()
    for name, value in pairs(fovea) do
      if type(value) == "function" then
        assert.is_falsy(help.text(value):find("without documentation", 1, true), "fovea." .. name)
      end
    end
  end)

  it("explains modules, classes, objects and statuses", function()
    shows(fovea.threshold, "module fovea.threshold", ".parse(spec)", "otsu")
    shows("Heatmap", "class fovea.Heatmap", ":energy_inside(mask)", "raw")
    shows("Tensor", "class fovea.Tensor", "quantile")
    shows(fovea.zeros { 1 }, "class fovea.Tensor")
    shows(fovea.image.new(fovea.zeros { 3, 2, 2 }), "class fovea.Image", ":rgb()")
    shows("EMPTY_TARGET", "selects no pixel")
    shows(12, "a number")
  end)

  it("says when it knows nothing, with the nearest name", function()
    shows("gradcan", "did you mean 'gradcam'")
    shows("", "nothing is known")
  end)

  it("explains functions of the user's own files", function()
    local path = scratch:write("mine.lua", [[
--- Doubles.
---@param x number
local function double(x) return 2 * x end
return double
]])
    shows(dofile(path), "double(x)", "Doubles.", "x  number", "mine.lua:3")
    shows(load "return 1", "function without documentation")
  end)
end)

describe("docs", function()
  it("reads heads, functions, classes and tags that go on", function()
    local path = scratch.folder .. ".lua"
    local file = assert(io.open(path, "w"))
    file:write [[
--- Head of the file.
--- More of it.
local M = {}

---@class fovea.Thing
---@field size integer how big
local Thing = {}

--- Turns. A second sentence.
---@param angle number in
--- degrees
---@return boolean
function Thing:turn(angle) return angle > 0 end

--- A value.
M.value = 3

local function unseen() end

return M, unseen
]]
    file:close()
    local found = assert(docs.file(path))
    os.remove(path)
    assert.are.same({ "Head of the file.", "More of it." }, found.head)
    assert.are.equal("fovea.Thing", found.classes[1].name)
    assert.are.equal("Thing", found.classes[1].variable)
    local turn = found.entries[1]
    assert.are.same({ "turn", "Thing", true, "(angle)", 13 }, { turn.name, turn.owner, turn.colon, turn.parameters,
      turn.line })
    assert.are.equal("angle number in degrees", turn.tags[1].text)
    assert.are.equal("Turns", docs.summary(turn))
    assert.are.equal("value", found.entries[2].name)
    assert.is_nil(docs.file "/no/such/file.lua")
  end)
end)
