-- The examples of RFC 4648, and every byte.
local base64 = require "fovea.report.base64"

describe("base64", function()
  it("has the results of RFC 4648", function()
    local examples = { [""] = "", f = "Zg==", fo = "Zm8=", foo = "Zm9v", foob = "Zm9vYg==", fooba = "Zm9vYmE=",
      foobar = "Zm9vYmFy" }
    for bytes, text in pairs(examples) do assert.equal(text, base64.encode(bytes)) end
    assert.equal("AAAA////", base64.encode "\0\0\0\255\255\255")
    assert.equal("+/+/", base64.encode "\xfb\xff\xbf")
  end)

  it("decodes back, whatever the bytes", function()
    local alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    local function decode(text)
      local bits, bytes = {}, {}
      for character in text:gsub("=", ""):gmatch "." do
        local value = alphabet:find(character, 1, true) - 1
        for bit = 5, 0, -1 do bits[#bits + 1] = value >> bit & 1 end
      end
      for i = 1, #bits - 7, 8 do
        local value = 0
        for k = i, i + 7 do value = value * 2 + bits[k] end
        bytes[#bytes + 1] = string.char(value)
      end
      return table.concat(bytes)
    end
    local all = {}
    for i = 0, 255 do all[#all + 1] = string.char(i, 255 - i, i * 7 % 256) end
    local bytes = table.concat(all)
    for cut = 0, 2 do assert.equal(bytes:sub(1, #bytes - cut), decode(base64.encode(bytes:sub(1, #bytes - cut)))) end
  end)
end)
