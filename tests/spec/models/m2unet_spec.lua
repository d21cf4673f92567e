-- M2U-Net: the size of the published network.
local check = require "support.arch_check"

describe("m2unet", function()
  it("has the published number of parameters", function()
    check.counts("m2unet", {}, 549748)
  end)

  it("explains its candidates", function()
    check.explains("m2unet", {}, { 1, 3, 32, 64 })
  end)
end)
