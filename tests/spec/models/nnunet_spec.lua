-- nnU-Net's plain convolutional U-Net: sizes computed from its plan, names of its files, heads of all levels.
local check = require "support.arch_check"
local fovea = require "fovea"
local nnunet = require "fovea.models.nnunet"

--- Parameters of a network with 3^d kernels, 2^d strides and two convolutions per stage.
local function parameters(widths, channels, classes, d)
  local sum, before = 0, channels
  local function conv(i, o) return i * o * 3 ^ d + o + 2 * o end
  for _, o in ipairs(widths) do
    sum, before = sum + conv(before, o) + conv(o, o), o
  end
  for level = #widths - 1, 1, -1 do
    local o = widths[level]
    sum = sum + widths[level + 1] * o * 2 ^ d + o + conv(2 * o, o) + conv(o, o) + o * classes + classes
  end
  return math.tointeger(sum)
end

describe("nnunet", function()
  it("has the sizes of its plan", function()
    check.counts("nnunet", {}, parameters({ 32, 64, 128, 256, 512, 512 }, 1, 2, 2))
    check.counts("nnunet", { dimensions = 3, channels = 4, classes = 4 },
      parameters({ 32, 64, 128, 256, 320, 320 }, 4, 4, 3))
  end)

  it("knows the names of nnU-Net's files, which repeat themselves", function()
    local model = assert(fovea.arch.model("nnunet", { widths = { 4, 8, 12 } }, nil, { input_shape = { 1, 1, 16, 16 } }))
    local foreign = {}
    local function add(prefix, layers)
      local list = check.leaves(prefix, layers, true)
      table.move(list, 1, #list, #foreign + 1, foreign)
    end
    local function stage(prefix)
      for i = 0, 1 do
        add(("%s.convs.%d."):format(prefix, i), { "conv", "norm", "all_modules.0", "all_modules.1" })
      end
    end
    for i = 0, 2 do
      stage(("encoder.stages.%d.0"):format(i))
      stage(("decoder.encoder.stages.%d.0"):format(i))
    end
    for i = 0, 1 do
      stage(("decoder.stages.%d"):format(i))
      add("", { ("decoder.transpconvs.%d"):format(i), ("decoder.seg_layers.%d"):format(i) })
    end
    check.names(model, nnunet.maps.nnunet, foreign)
  end)

  it("explains its candidates in images and anisotropic volumes, for each head", function()
    check.explains("nnunet", { widths = { 4, 8, 12 } }, { 1, 1, 16, 24 }, "output1")
    check.explains("nnunet", { dimensions = 3, widths = { 4, 8, 12 }, kernels = { { 1, 3, 3 } },
      strides = { 1, { 1, 2, 2 } } }, { 1, 1, 8, 16, 16 }, "output1")
    check.explains("nnunet", { widths = { 4, 8, 12 }, deep_supervision = false }, { 1, 1, 16, 16 }, "output1")
  end)
end)
