local core = require "fovea.core"
local fovea = require "fovea"
local layers = require "fovea.layers"

describe("layers", function()
  local g, x

  before_each(function()
    g = core.graph()
    x = g:input({ 1, 3, 32, 32 }, { name = "image" })
  end)

  local function conv(name, src, channels, kernel, options)
    local w = g:param(fovea.full({ channels, src:shape()[2], kernel, kernel }, 0.1), { name = name .. ".weight" })
    options = options or {}
    return g:conv { src, w, name = name, pad = kernel // 2, stride = options.stride }
  end

  local function relu(name, src) return g:relu { src, name = name } end

  local function up(name, src, size) return g:resample { src, size = size, mode = "linear", name = name } end

  describe("by default", function()
    it("are not the head of a network without a decoder", function()
      local features = relu("features", conv("backbone", x, 8, 3, { stride = 4 }))
      local classifier = relu("classifier.relu", conv("classifier", features, 8, 3))
      local logits = up("logits", conv("head", classifier, 2, 1), { 32, 32 })
      assert.same({ "classifier", "features" }, layers.default(g, logits))
      assert.is_true(layers.tautological(logits)["classifier.relu"])
    end)

    it("are not the bins of a pyramid", function()
      local features = relu("features", conv("backbone", x, 8, 3, { stride = 2 }))
      local bin = g:avg_pool { features, kernel = { 8, 8 }, name = "bin" }
      local back = up("back", relu("bin.relu", conv("bin.conv", bin, 4, 1)), { 16, 16 })
      local joined = relu("joined.relu", conv("joined", g:concat { features, back, axis = 2 }, 8, 3))
      local logits = up("logits", conv("head", joined, 2, 1), { 32, 32 })
      assert.same({ "joined", "features" }, layers.default(g, logits))
    end)

    it("are maps, not tokens, windows or gates of one channel", function()
      local patches = conv("patches", x, 8, 5, { stride = 4 })
      local tokens = g:transpose { g:reshape { patches, shape = { 1, 8, 64 } }, permutation = { 1, 3, 2 } }
      local mixed = g:add { tokens, g:tanh { tokens }, name = "mixed" }
      local windows = g:relu { g:reshape { mixed, shape = { 16, 2, 2, 8 } }, name = "windows" }
      local map = g:reshape { g:transpose { windows, permutation = { 1, 4, 2, 3 } }, shape = { 1, 8, 8, 8 } }
      local gate = g:sigmoid { conv("gate", map, 1, 1) }
      local decoder = relu("decoder.relu", conv("decoder", up("up", g:mul { map, gate }, { 16, 16 }), 4, 3))
      local logits = up("logits", conv("head", decoder, 2, 3), { 32, 32 })
      assert.same({ "patches", "decoder.relu" }, layers.default(g, logits))
    end)
  end)

  it("can be shown over the input when batch and axes agree", function()
    local input = { 2, 3, 32, 32 }
    assert.is_true(layers.is_map({ shape = { 2, 8, 4, 4 } }, input))
    assert.is_false(layers.is_map({ shape = { 2, 64, 8 } }, input))
    assert.is_false(layers.is_map({ shape = { 32, 8, 4, 4 } }, input))
  end)
end)
