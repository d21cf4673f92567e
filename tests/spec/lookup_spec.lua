local lookup = require "fovea.lookup"

describe("lookup", function()
  it("finds the nearest name, or none", function()
    assert.are.equal("otsu", lookup.nearest("ostu", { "argmax", "otsu" }))
    assert.are.equal("quantile", lookup.nearest("Quantil", { "quantile", "otsu" }))
    assert.is_nil(lookup.nearest("watershed", { "argmax", "otsu" }))
    assert.is_nil(lookup.nearest("x", {}))
  end)

  it("raises for unknown option keys, with a suggestion, at the caller", function()
    local function f(options) lookup.check_keys(options, { "alpha", "contour" }, "overlay") end
    f(nil)
    f { alpha = 1 }
    local ok, message = pcall(function() f { alhpa = 1 } end)
    assert.is_false(ok)
    assert.matches("lookup_spec.lua:%d+: overlay: unknown option 'alhpa'; did you mean 'alpha'%?", message)
  end)

  it("lists and loads the modules of a folder", function()
    local names, there = lookup.names "fovea.threshold", {}
    for i, name in ipairs(names) do
      there[name] = true
      assert.is_true(i == 1 or names[i - 1] < name)
    end
    assert.is_true(there.argmax and there.fixed and there.otsu and not there.init)
    assert.are.equal("otsu", lookup.load("fovea.threshold", "otsu", "x").name)
    for _, name in ipairs { "init", "../status", "none", "" } do
      assert.error_matches(function() lookup.load("fovea.threshold", name, "unknown strategy") end, "known: .*argmax")
    end
  end)
end)
