-- U-Net++: counts and names of 4uiiurz1/pytorch-nested-unet, deep supervision.
local check = require "support.arch_check"
local unetpp = require "fovea.models.unetpp"

describe("unetpp", function()
  it("has the counts and names of the public code", function()
    check.counts("unetpp", {}, 9163329)
    local model, foreign = check.counts("unetpp", { deep_supervision = true }, 9163428), {}
    local function add(...)
      local list = check.leaves(...)
      table.move(list, 1, #list, #foreign + 1, foreign)
    end
    for i = 0, 4 do
      for j = 0, 4 - i do
        add(("conv%d_%d."):format(i, j), { "conv1", "bn1", "conv2", "bn2" }, true, { bn1 = true, bn2 = true })
      end
    end
    add("", { "final1", "final2", "final3", "final4" }, true)
    check.names(model, unetpp.maps.nested_unet, foreign)
  end)

  it("explains its candidates, for each head when deeply supervised", function()
    check.explains("unetpp", { width = 4, depth = 4 }, { 1, 3, 16, 24 })
    check.explains("unetpp", { width = 4, deep_supervision = true }, { 1, 3, 32, 32 }, "output4")
  end)
end)
