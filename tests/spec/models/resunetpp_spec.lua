-- ResUNet++: parameters computed from the layers of the author's code, its names in PyTorch and Keras.
local check = require "support.arch_check"
local fovea = require "fovea"
local resunetpp = require "fovea.models.resunetpp"

local function conv(i, o, k) return i * o * k * k + o end

local function residual(i, o, is_stem)
  return conv(i, o, 3) + conv(o, o, 3) + conv(i, o, 1) + (is_stem and 0 or 2 * i) + 2 * o + 2 * o + 2 * o * (o // 8)
end

local function pyramid(i, o) return 4 * (conv(i, o, 3) + 2 * o) + conv(o, o, 1) end

local function decoder(g, x, o)
  return 2 * g + conv(g, x, 3) + 2 * (2 * x + conv(x, x, 3)) + residual(g + x, o)
end

describe("resunetpp", function()
  local PARAMETERS = residual(3, 16, true) + residual(16, 32) + residual(32, 64) + residual(64, 128)
    + pyramid(128, 256) + decoder(64, 256, 128) + decoder(32, 128, 64) + decoder(16, 64, 32) + pyramid(32, 16)
    + conv(16, 1, 1)

  it("has the author's layers, by their names", function()
    local model, foreign = check.counts("resunetpp", {}, PARAMETERS), { "output.weight", "output.bias" }
    local function add(prefix, layers, norms)
      local set = {}
      for _, name in ipairs(norms or {}) do set[name] = true end
      local list = check.leaves(prefix, layers, true, set)
      table.move(list, 1, #list, #foreign + 1, foreign)
    end
    local function squeeze(prefix)
      foreign[#foreign + 1], foreign[#foreign + 2] = prefix .. "net.0.weight", prefix .. "net.2.weight"
    end
    add("c1.c1.", { "0", "1", "3" }, { "1" })
    add("c1.c2.", { "0", "1" }, { "1" })
    squeeze "c1.attn."
    for _, block in ipairs { "c2.", "c3.", "c4.", "d1.r1.", "d2.r1.", "d3.r1." } do
      add(block .. "c1.", { "0", "2", "3", "5" }, { "0", "3" })
      add(block .. "c2.", { "0", "1" }, { "1" })
      squeeze(block .. "attn.")
    end
    for step = 1, 3 do
      for _, branch in ipairs { "g_conv.", "x_conv.", "gc_conv." } do
        add(("d%d.a1."):format(step) .. branch, { "0", "2" }, { "0" })
      end
    end
    for _, block in ipairs { "b1.", "aspp." } do
      for i = 1, 4 do add(("%sc%d."):format(block, i), { "0", "1" }, { "1" }) end
      add(block, { "c5" })
    end
    check.names(model, resunetpp.maps.DebeshJha_torch, foreign)
  end)

  it("knows the numbered layers of the Keras original", function()
    local model = assert(fovea.arch.model("resunetpp", { variant = "keras" }, nil, { input_shape = { 1, 3, 32, 32 } }))
    local foreign = {}
    local function add(kind, last, leaves)
      for i = 0, last do
        for _, leaf in ipairs(leaves) do
          foreign[#foreign + 1] = (i == 0 and kind or ("%s_%d"):format(kind, i)) .. "." .. leaf
        end
      end
    end
    add("conv2d", 40, { "weight", "bias" })
    add("batch_normalization", 36, { "weight", "bias", "running_mean", "running_var" })
    add("dense", 13, { "weight" })
    check.names(model, resunetpp.maps.DebeshJha_keras, foreign)
  end)

  it("explains its candidates", function()
    check.explains("resunetpp", { widths = { 8, 8, 16, 16, 24 } }, { 1, 3, 32, 48 })
    check.explains("resunetpp", { widths = { 8, 8, 16, 16, 24 }, variant = "keras" }, { 1, 3, 32, 32 })
  end)
end)
