local status = require "fovea.status"

describe("status", function()
  it("explains every status in one line", function()
    for _, name in ipairs(status.order) do
      local text = status.explanation[name]
      assert.is_string(text)
      assert.is_nil(text:find "\n")
    end
    local n = 0
    for _ in pairs(status.explanation) do n = n + 1 end
    assert.are.equal(#status.order, n)
  end)

  it("puts the gravest first", function()
    local main, all = status.summary { "TIES", "NONFINITE", "TIES", "OK", "CONSTANT" }
    assert.are.equal("NONFINITE", main)
    assert.same({ "NONFINITE", "CONSTANT", "TIES" }, all)
  end)

  it("is OK when nothing applies", function()
    local main, all = status.summary {}
    assert.are.equal("OK", main)
    assert.same({ "OK" }, all)
    assert.same({ "OK" }, select(2, status.summary { "OK", "OK" }))
  end)

  it("refuses unknown names", function()
    assert.error_matches(function() status.summary { "FINE" } end, "FINE")
  end)
end)
