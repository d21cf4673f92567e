-- Sizes of memory as text.
local bytes = require "fovea.bytes"

describe("bytes", function()
  it("reads what people write", function()
    local cases = { ["512M"] = 512 << 20, ["2G"] = 2 << 30, ["1.5G"] = 3 << 29, ["64k"] = 1 << 16, ["1T"] = 1 << 40,
      ["2GiB"] = 2 << 30, ["2 gb"] = 2 << 30, ["1000"] = 1000, ["0.5K"] = 512 }
    for text, want in pairs(cases) do assert.are.equal(want, bytes.read(text), text) end
    assert.are.equal(4096, bytes.read(4096))
    assert.are.equal(1000000, bytes.read(1e6))
    assert.are.equal("integer", math.type(bytes.read(1e6)))
  end)

  it("refuses the rest", function()
    for _, text in ipairs { "",
      "M", "2X", "-1", "-1M", "0", "0M", "1.2.3M", "2 G G", "inf", "nan", "0x10", "9e99",
      "1e3M" } do
      assert.is_nil(bytes.read(text), text)
    end
    assert.is_nil(bytes.read(0 / 0))
    assert.is_nil(bytes.read(math.huge))
    assert.has_error(function() bytes.parse("2X", "--memory", 0) end,
      "--memory: '2X' is not a size such as 512M, 2G, 1.5G or a number of bytes")
    assert.has_error(function() bytes.parse({}, "memory", 0) end)
  end)

  it("writes what it reads, and sizes for people", function()
    assert.are.equal("512M", bytes.option(512 << 20))
    assert.are.equal("513M", bytes.option((512 << 20) + 1))
    assert.are.equal("200 bytes", bytes.text(200))
    assert.are.equal("1.5 MiB", bytes.text(3 << 19))
    assert.are.equal("377 MiB", bytes.text((376 << 20) + 1))
    assert.are.equal("20.50 GiB", bytes.text(41 << 29))
  end)
end)
