-- Little W-Net: the size of the published network, both heads.
local check = require "support.arch_check"

describe("little_wnet", function()
  it("has the published number of parameters", function()
    check.counts("little_wnet", {}, 68482)
  end)

  it("explains its candidates", function()
    check.explains("little_wnet", {}, { 1, 3, 32, 32 }, "output2")
  end)
end)
