-- Architectures by name and by path, their options, models over them.
local fovea = require "fovea"
local lfs = require "lfs"
local scratch = require "support.scratch"

local SMALL = { input_shape = { 1, 3, 16, 16 } }

describe("arch", function()
  local folder

  setup(function() folder = scratch.new() end)
  teardown(function() folder:remove() end)

  local function file(name, text) return folder:write(name, text) end

  local function raises(word, f, ...)
    local ok, message = pcall(f, ...)
    assert.is_false(ok)
    assert.is_truthy(tostring(message):find(word, 1, true), message)
  end

  it("has every network as a table with name, doc and documented options", function()
    assert.are.equal(14, #fovea.arch.names())
    for _, name in ipairs(fovea.arch.names()) do
      local found = fovea.arch.find(name)
      assert.are.equal(name, found.name)
      assert.is_string(found.doc)
      for _, option in ipairs(found.options) do assert.is_string(option.doc, name .. " " .. option.name) end
      assert.is_truthy(lfs.attributes(("tests/spec/models/%s_spec.lua"):format(name)), name)
    end
  end)

  it("blank: the list of parameters without values for them", function()
    local whole = assert(fovea.arch.model("unet", { width = 8 }, {}, SMALL))
    local blank = assert(fovea.arch.model("unet", { width = 8 }, {}, { input_shape = { 1, 3, 16, 16 }, blank = true }))
    assert.same(whole.parameters, blank.parameters)
    for name, tensor in pairs(whole.weights) do assert.same(tensor:shape(), blank.weights[name]:shape()) end
  end)

  it("refuses unknown names, options and values, with the nearest", function()
    raises("did you mean 'r2unet'", fovea.arch.find, "r2unett")
    raises("did you mean 'depth'", fovea.arch.model, "r2unet", { dept = 3 })
    raises("option 't' must be of kind integer", fovea.arch.model, "r2unet", { t = "many" })
    raises("did you mean 'nearest'", fovea.arch.model, "r2unet", { up = "neerest" })
    raises("did you mean 'seed'", fovea.arch.model, "r2unet", {}, {}, { sed = 1 })
  end)

  it("reads options from text", function()
    local options = fovea.arch.options(fovea.arch.find "unetpp", { width = "8", deep_supervision = "true" })
    assert.are.equal(8, options.width)
    assert.is_true(options.deep_supervision)
    assert.is_false(fovea.arch.options(fovea.arch.find "unetpp", { deep_supervision = "false" }).deep_supervision)
    assert.are.same({ 8, 16 }, fovea.arch.options(fovea.arch.find "r2unet", { widths = "8,16" }).widths)
    assert.are.equal(0.5, fovea.arch.options(fovea.arch.find "double_unet", { epsilon = "0.5" }).epsilon)
    assert.is_nil(fovea.arch.options(fovea.arch.find "double_unet").epsilon)
  end)

  it("works from a file that returns a function", function()
    local path = file("my_net.lua", [[
return function(nn, x)
  return nn:conv("head", nn:scope("block"):conv_block(x, 4), 1, { kernel = 1 })
end
]])
    local model = assert(fovea.arch.model(path, {}, nil, SMALL))
    assert.are.equal("my_net", model.name)
    assert.are.same({ "head" }, model:outputs())
    assert.are.same(model:default_layers(), model:candidate_layers())
    assert.is_truthy(fovea.explain(model, fovea.uniform({ 1, 3, 16, 16 }, { seed = 1 })))
  end)

  it("works from a file that returns a table", function()
    local path = file("two.lua", [[
return {
  name = "two", options = { { name = "channels", default = 2, doc = "" } },
  input = function(options) return { 1, options.channels, false, false } end,
  build = function(nn, x) return { nn:conv("a", x, 1), nn:conv("b", nn:relu("r", nn:conv("c", x, 3)), 1) } end,
  explained = "b", candidate_layers = function() return { "r" } end,
}
]])
    local shape = { 1, 5, 8, 8 }
    local model = assert(fovea.arch.model(path, { channels = 5 }, nil, { input_shape = shape }))
    local heats = assert(fovea.explain_all(model, fovea.uniform(shape, { seed = 1 }), { layers = "candidates" }))
    assert.are.equal(1, #heats)
    assert.are.equal("r", heats[1].layer)
    assert.are.equal("b", heats[1].output)
  end)

  it("says what is wrong with a file", function()
    local model, message, code = fovea.arch.model(folder:path "none.lua")
    assert.is_nil(model)
    assert.are.equal("io", code)
    assert.is_truthy(message:find("none.lua", 1, true))
    local bad = { ["syntax.lua"] = "return {", ["number.lua"] = "return 3", ["throws.lua"] = "error 'no'" }
    for name, text in pairs(bad) do
      local _, why, kind = fovea.arch.model(file(name, text))
      assert.are.equal("format", kind)
      assert.is_truthy(why:find(name, 1, true), why)
    end
  end)

  it("keeps weights in a store that models share", function()
    local weights = {}
    local first = assert(fovea.arch.model("m2unet", {}, weights, { input_shape = { 1, 3, 32, 32 }, seed = 1 }))
    assert.are.equal(weights, first.weights)
    local count = 0
    for _, entry in ipairs(first.parameters) do
      assert.are.same(entry.shape, weights[entry.name]:shape())
      count = count + 1
    end
    for _ in pairs(weights) do count = count - 1 end
    assert.are.equal(0, count)
    local input = fovea.uniform({ 1, 3, 64, 32 }, { seed = 2 })
    local second = assert(fovea.arch.model("m2unet", {}, weights, { seed = 9 }))
    assert.is_true(first:forward(input)[1]:equal(second:forward(input)[1]))
    local other = assert(fovea.arch.model("m2unet", {}, {}, { seed = 9 }))
    assert.is_false(first:forward(input)[1]:equal(other:forward(input)[1]))
    raises("in the weights, the network has", fovea.arch.model, "m2unet", { channels = 1 }, weights)
  end)
end)
