-- U-Net: counts of the public code bases, each way up, their parameter names.
local check = require "support.arch_check"
local unet = require "fovea.models.unet"

local NORMS = { ["1"] = true, ["4"] = true }

local function sequence(prefix, has_bias)
  return check.leaves(prefix, { "0", "1", "3", "4" }, has_bias, NORMS)
end

local function joined(...)
  local all = {}
  for _, list in ipairs { ... } do table.move(list, 1, #list, #all + 1, all) end
  return all
end

describe("unet", function()
  it("has the counts of milesial/Pytorch-UNet, and its names", function()
    local model = check.counts("unet", { classes = 2, conv_bias = false }, 31037698)
    local foreign = joined(sequence "inc.double_conv.", { "outc.conv.weight", "outc.conv.bias" })
    for i = 1, 4 do
      foreign = joined(foreign, sequence(("down%d.maxpool_conv.1.double_conv."):format(i)),
        sequence(("up%d.conv.double_conv."):format(i)), check.leaves("", { ("up%d.up"):format(i) }, true))
    end
    check.names(model, unet.maps.milesial, foreign)
    check.counts("unet", { up = "bilinear", up_conv = false, coordinates = "align_corners" }, 17267393)
  end)

  it("has the counts of LeeJunHyun's U_Net, and its names", function()
    local model, foreign = check.counts("unet", { up = "nearest" }, 34527041), { "Conv_1x1.weight", "Conv_1x1.bias" }
    for i = 1, 5 do foreign = joined(foreign, sequence(("Conv%d.conv."):format(i), true)) end
    for i = 2, 5 do
      foreign = joined(foreign, sequence(("Up_conv%d.conv."):format(i), true),
        check.leaves(("Up%d.up."):format(i), { "1", "2" }, true, { ["2"] = true }))
    end
    check.names(model, unet.maps.LeeJunHyun, foreign)
  end)

  it("has the counts of mateuszbuda's brain segmentation, and its names", function()
    local model = check.counts("unet", { width = 32, conv_bias = false, concat = "up_first" }, 7763041)
    local foreign = { "conv.weight", "conv.bias" }
    local function block(scope, short)
      for i = 1, 2 do
        foreign = joined(foreign, check.leaves("", { ("%s.%sconv%d"):format(scope, short, i) }),
          check.leaves(scope .. ".", { short .. "norm" .. i }, false, { [short .. "norm" .. i] = true }))
      end
    end
    for i = 1, 4 do
      block("encoder" .. i, "enc" .. i)
      block("decoder" .. i, "dec" .. i)
      foreign = joined(foreign, check.leaves("", { "upconv" .. i }, true))
    end
    block("bottleneck", "bottleneck")
    check.names(model, unet.maps.mateuszbuda, foreign)
  end)

  it("has the size of the original paper's network without normalisation", function()
    check.counts("unet", { classes = 2, channels = 1, norm = "none" }, 31030658)
  end)

  it("explains its candidates with every way up", function()
    local shape = { 1, 3, 32, 32 }
    check.explains("unet", { width = 4 }, shape)
    check.explains("unet", { width = 4, norm = "none", up = "bilinear", concat = "up_first" }, shape)
    check.explains("unet", { width = 4, up = "bilinear", up_conv = false }, shape)
    check.explains("unet", { width = 4, depth = 3, up = "nearest", classes = 3 }, shape)
  end)
end)
