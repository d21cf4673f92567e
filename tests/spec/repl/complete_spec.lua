-- Completion without a terminal.
local complete = require "fovea.repl.complete"
local fovea = require "fovea"
local scratch = require("support.scratch").new()
local tiny = require "support.tiny_onnx"
local lfs = require "lfs"

describe("completion", function()
  local env

  setup(function()
    env = { fovea = fovea, string = string, data = { alpha = 1, alphabet = 2, _hidden = 3, list = { { beta = 1 } } },
      t = fovea.zeros { 2, 2 }, model = assert(fovea.load(scratch:write("tiny.onnx", tiny.bytes()))),
      image = fovea.image.new(fovea.zeros { 3, 4, 4 }) }
    scratch:write("my_strategy.lua", "return 0.5\n")
  end)

  teardown(function()
    lfs.rmdir(scratch:path "folder")
    scratch:remove()
  end)

  --- What Tab inserts behind a text, or the names it lists.
  local function tab(text)
    local insert, listing = complete.complete(text, env, 80)
    return insert or listing
  end

  it("knows globals and keywords", function()
    assert.are.equal("ea", tab "fov")
    assert.are.equal("nction", tab "fu")
    assert.are.equal("a", tab "x = dat")
    assert.is_nil(tab "nothing_like_it")
  end)

  it("knows fields through dots, numbers and tables behind tables", function()
    assert.are.equal("lain", tab "fovea.exp")
    assert.are.equal("alpha     alphabet", tab "data.alpha")
    assert.are.equal("lpha", tab "data.a")
    assert.are.equal("eta", tab "x = data.list[1].b")
    assert.are.equal("hidden", tab "data._")
    assert.is_nil(tab "data.nothing.a")
    assert.are.equal("ain", tab "fovea.expl")
    assert.are.equal("plain", tab "'a' .. fovea.ex")
  end)

  it("knows methods of userdata, of objects and of strings, and nothing else after a colon", function()
    assert.are.equal("ile", tab "t:quant")
    assert.are.equal("ault_", tab "model:def")
    assert.is_nil(tab "model:nam")
    assert.are.equal("e", tab "model.nam")
    assert.are.equal("b", tab "image:rg")
    assert.is_nil(tab "data:al")
  end)

  it("knows strategies that are made when asked for", function()
    assert.are.equal("tsu", tab "fovea.threshold.o")
  end)

  it("completes layer names of the model that is meant", function()
    assert.are.equal('.Conv"', tab 'model:layer "head')
    assert.are.equal(".Conv'", tab "model:layer('head")
    assert.are.equal("enc.conv.Conv  enc.relu.Relu", tab 'model:layers("enc.')
    assert.are.equal('.Conv"', tab 'fovea.explain(model, image, { layer = "head')
    assert.are.equal('.Conv"', tab 'fovea.explain_all(model, image, { layers = { "enc.conv.Conv", "head')
    assert.are.equal('.Conv"', tab 'x = { layer = "head')
    env.other = { layer = 1 }
    assert.is_nil((complete.complete('other:layer "head', env)))
  end)

  it("completes strategies, methods and other names of options", function()
    assert.are.equal('su"', tab 'threshold = "ot')
    assert.are.equal("su", tab 'threshold = "component(ot')
    assert.are.equal('escam"', tab 'fovea.explain(model, image, { methods = { "hir')
    assert.are.equal('obability"', tab 'score = "pr')
    assert.are.equal('ridis"', tab 'heat:overlay { colormap = "vi')
    assert.are.equal('cam"', tab 'help "grad')
    assert.are.equal('plete"', tab 'require "fovea.repl.com')
  end)

  it("completes the options of a documented function", function()
    assert.are.equal("ore = ", tab "fovea.explain(model, image, { sc")
    assert.are.equal("ocess = ", tab 'fovea.explain(model, image, { layer = "x", prepr')
    assert.are.equal("ite = ", tab "fovea.image.new(t, { wh")
    assert.are.equal("a", tab "f { dat")
  end)

  it("completes files in other strings and after file:", function()
    lfs.mkdir(scratch:path "folder")
    assert.are.equal('y.onnx"', tab(('fovea.load "%s/tin'):format(scratch.folder)))
    assert.are.equal("der/", tab(('x = "%s/fol'):format(scratch.folder)))
    assert.are.equal('ategy.lua"', tab(('threshold = "file:%s/my_str'):format(scratch.folder)))
    assert.are.equal("folder/          my_strategy.lua  tiny.onnx", tab(('"%s/'):format(scratch.folder)))
  end)

  it("leaves comments and long strings alone, and finds its way through other code", function()
    assert.is_nil(tab "-- fov")
    assert.is_nil(tab "x = [[ fov")
    assert.are.equal("ea", tab "x = [[ a ]] fov")
    assert.are.equal("ea", tab "x = 'it\\'s' -- remark\nfov")
    assert.are.equal('su"', tab 'f(")") g { a = { "}" }, threshold = "ot')
  end)

  it("indents where nothing is", function()
    assert.are.equal("  ", tab "")
    assert.are.equal("  ", tab "for i = 1, 2 do\n  ")
  end)

  it("lists in columns, numbers in their order", function()
    env.many = {}
    for i = 1, 12 do env.many["conv_" .. i] = true end
    local listing = select(2, complete.complete("many.conv_", env, 30))
    assert.are.equal([[
conv_1   conv_5   conv_9
conv_2   conv_6   conv_10
conv_3   conv_7   conv_11
conv_4   conv_8   conv_12]], listing)
  end)

  it("never runs anything", function()
    local touched = false
    env.trap = setmetatable({}, { __index = function() touched = true end })
    tab "trap.x"
    tab "trap.x.y"
    tab "f(error()).x"
    assert.is_false(touched)
  end)
end)
