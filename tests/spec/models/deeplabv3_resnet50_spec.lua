-- DeepLabV3 with a ResNet-50: counts and names of torchvision.
local check = require "support.arch_check"
local deeplab = require "fovea.models.deeplabv3_resnet50"

describe("deeplabv3_resnet50", function()
  it("has the counts and names of torchvision", function()
    check.counts("deeplabv3_resnet50", { classes = 21 }, 39638869)
    local model = check.counts("deeplabv3_resnet50", { classes = 21, auxiliary = true }, 42004074)
    local foreign = {}
    local function add(prefix, convs, norms, has_bias)
      local set = {}
      for _, name in ipairs(norms) do set[name] = true end
      local list = check.leaves(prefix, convs, has_bias, set)
      table.move(list, 1, #list, #foreign + 1, foreign)
      list = check.leaves(prefix, norms, false, set)
      table.move(list, 1, #list, #foreign + 1, foreign)
    end
    add("backbone.", { "conv1" }, { "bn1" })
    for stage, count in ipairs { 3, 4, 6, 3 } do
      for block = 0, count - 1 do
        local prefix = ("backbone.layer%d.%d."):format(stage, block)
        add(prefix, { "conv1", "conv2", "conv3" }, { "bn1", "bn2", "bn3" })
        if block == 0 then add(prefix .. "downsample.", { "0" }, { "1" }) end
      end
    end
    for branch = 0, 3 do add(("classifier.0.convs.%d."):format(branch), { "0" }, { "1" }) end
    add("classifier.0.convs.4.", { "1" }, { "2" })
    add("classifier.0.project.", { "0" }, { "1" })
    add("classifier.", { "1" }, { "2" })
    add("classifier.", { "4" }, {}, true)
    add("aux_classifier.", { "0" }, { "1" })
    add("aux_classifier.", { "4" }, {}, true)
    check.names(model, deeplab.maps.torchvision, foreign)
  end)

  it("explains its candidates for both heads, at the size of the image", function()
    local model = check.explains("deeplabv3_resnet50", { auxiliary = true, classes = 3 }, { 1, 3, 32, 40 }, "output")
    assert.are.same({ 1, 3, 32, 40 }, model:layer("output").shape)
  end)
end)
