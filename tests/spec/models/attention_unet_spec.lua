-- Attention U-Net: counts and names of LeeJunHyun's AttU_Net.
local attention_unet = require "fovea.models.attention_unet"
local check = require "support.arch_check"

describe("attention_unet", function()
  it("has the counts and names of the public code", function()
    local model, foreign = check.counts("attention_unet", {}, 34878573), { "Conv_1x1.weight", "Conv_1x1.bias" }
    local function add(...)
      local list = check.leaves(...)
      table.move(list, 1, #list, #foreign + 1, foreign)
    end
    local function sequence(prefix) add(prefix, { "0", "1", "3", "4" }, true, { ["1"] = true, ["4"] = true }) end
    for i = 1, 5 do sequence(("Conv%d.conv."):format(i)) end
    for i = 2, 5 do
      sequence(("Up_conv%d.conv."):format(i))
      add(("Up%d.up."):format(i), { "1", "2" }, true, { ["2"] = true })
      for _, part in ipairs { "W_g", "W_x", "psi" } do
        add(("Att%d.%s."):format(i, part), { "0", "1" }, true, { ["1"] = true })
      end
    end
    check.names(model, attention_unet.maps.LeeJunHyun, foreign)
  end)

  it("explains its candidates", function()
    check.explains("attention_unet", { width = 4 }, { 1, 3, 32, 48 })
  end)
end)
