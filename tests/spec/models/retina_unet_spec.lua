-- retina-unet: the size of the published network.
local check = require "support.arch_check"

describe("retina_unet", function()
  it("has the published number of parameters", function()
    check.counts("retina_unet", {}, 471010)
  end)

  it("explains its candidates", function()
    check.explains("retina_unet", {}, { 1, 1, 16, 16 })
  end)
end)
