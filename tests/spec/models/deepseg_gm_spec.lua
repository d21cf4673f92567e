-- deepseg_gm: the size of the published network.
local check = require "support.arch_check"

describe("deepseg_gm", function()
  it("has the published number of parameters", function()
    check.counts("deepseg_gm", {}, 126177)
  end)

  it("explains its candidates", function()
    check.explains("deepseg_gm", {}, { 1, 1, 24, 32 })
  end)
end)
