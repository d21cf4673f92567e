-- Which tensor becomes which parameter: names, maps, order, and the report of what does not fit.
local match = require "fovea.import.match"

local function parameters(list)
  local expected = {}
  for i, entry in ipairs(list) do expected[i] = { name = entry[1], shape = entry[2] } end
  return expected
end

local function weights(list, ordered)
  local w = { names = {}, shapes = {}, dtypes = {}, ordered = ordered ~= false }
  for i, entry in ipairs(list) do
    w.names[i], w.shapes[entry[1]], w.dtypes[entry[1]] = entry[1], entry[2], entry[3] or "float32"
  end
  return w
end

local net = parameters { { "conv.weight", { 8, 3, 3, 3 } }, { "conv.bias", { 8 } }, { "bn.weight", { 8 } },
  { "head.weight", { 1, 8, 1, 1 } } }

local function renamed(rename)
  local list = {}
  for i, entry in ipairs(net) do list[i] = { rename(entry.name), entry.shape } end
  return list
end

describe("match", function()
  it("takes equal names in any order and skips counters", function()
    local list = renamed(function(name) return name end)
    list[1], list[3] = list[3], list[1]
    table.insert(list, { "bn.num_batches_tracked", {}, "int64" })
    local found = match.find(net, weights(list))
    assert.is_true(match.complete(found))
    assert.equal("names", found.how)
    assert.equal("", match.report(found))
    assert.same({ ["conv.weight"] = "conv.weight", ["conv.bias"] = "conv.bias", ["bn.weight"] = "bn.weight",
      ["head.weight"] = "head.weight" }, found.found)
  end)

  it("leaves off what stands before all names", function()
    for _, prefix in ipairs { "net.", "model.network." } do
      local list = renamed(function(name) return prefix .. name end)
      local found = match.find(net, weights(list, false))
      assert.is_true(match.complete(found))
      assert.equal(prefix, found.prefix)
      table.insert(list, 1, { "criterion.weight", { 2 } })
      found = match.find(net, weights(list, false))
      assert.same({ "criterion.weight" }, found.unexpected)
      assert.same({}, found.missing)
    end
  end)

  it("lists what is missing, unexpected and of another shape", function()
    local found = match.find(net, weights { { "conv.weight", { 8, 1, 3, 3 } }, { "conv.bias", { 8 } },
      { "bn.weight", { 8 } }, { "hed.weight", { 1, 8, 1, 1 } } })
    assert.is_false(match.complete(found))
    assert.same({ "head.weight" }, found.missing)
    assert.same({ "hed.weight" }, found.unexpected)
    assert.is_nil(found.found["conv.weight"])
    assert.equal("1 missing: head.weight\n1 unexpected: hed.weight\n"
      .. "1 of another shape: conv.weight is 8x1x3x3, the network has 8x3x3x3", match.report(found))
    local many = {}
    for i = 1, 20 do many[i] = { "p" .. i, {} } end
    assert.is_truthy(match.report(match.find(parameters(many), weights {})):find(
      "20 missing: p1, p2, p3, p4, p5, p6, p7, p8, and 12 more", 1, true))
  end)

  it("accepts a matrix for a 1x1 convolution, and nothing else", function()
    local se = parameters { { "fc.weight", { 4, 8, 1, 1 } } }
    assert.is_true(match.complete(match.find(se, weights { { "fc.weight", { 4, 8 } } })))
    assert.is_false(match.complete(match.find(se, weights { { "fc.weight", { 8, 4 } } })))
    assert.is_false(match.complete(match.find(se, weights { { "fc.weight", { 1, 4, 8 } } })))
  end)

  local maps = {
    upper = function(name) return name:find "^%u" and name:lower() or nil end,
    ignoring = function(name)
      if name == "AUX" then return false end
      return name:find "^%u" and name:lower() or nil
    end,
    shapes = function(name, shape) return name == "only" and #shape == 4 and "conv.weight" or nil end,
  }

  it("tries the maps of the architecture and takes the best", function()
    local list = renamed(string.upper)
    local found = match.find(net, weights(list, false), { maps = maps })
    assert.is_true(match.complete(found))
    assert.equal("map ignoring", found.how)
    table.insert(list, { "AUX", { 3 } })
    found = match.find(net, weights(list, false), { maps = maps })
    assert.is_true(match.complete(found))
    found = match.find(net, weights(list, false), { maps = maps, map = "upper" })
    assert.same({ "AUX" }, found.unexpected)
    found = match.find(net, weights(list, false), { maps = maps, map = "names" })
    assert.same({}, found.found)
    found = match.find(net, weights(list, false), { map = function(name)
      return name == "AUX" and "conv.bias" or nil
    end })
    assert.equal(1, #found.misshaped)
    assert.has_error(function() match.find(net, weights(list), { maps = maps, map = "uper" }) end,
      "load: unknown map 'uper'; did you mean 'upper'? (known: names, order, ignoring, shapes, upper)")
  end)

  it("does not give one parameter two tensors", function()
    local found = match.find(net, weights({ { "a", { 8 } }, { "b", { 8 } } }, false),
      { map = function() return "conv.bias" end })
    assert.same({ ["conv.bias"] = "a" }, found.found)
    assert.same({ "b" }, found.unexpected)
  end)

  it("goes by shape and order only when all agree", function()
    local other = renamed(function(name) return "x" .. name:gsub("conv", "layer1"):gsub("bn", "layer2") end)
    local found = match.find(net, weights(other))
    assert.is_true(match.complete(found))
    assert.equal("order", found.how)
    assert.equal("xlayer2.weight", found.found["bn.weight"])
    -- a file without an order of its own, a wish for names, kinds that differ, one too many
    assert.is_false(match.complete(match.find(net, weights(other, false))))
    assert.is_false(match.complete(match.find(net, weights(other), { map = "names" })))
    local swapped = { other[1], other[3], other[2], other[4] }
    assert.is_false(match.complete(match.find(net, weights(swapped))))
    assert.is_false(match.complete(match.find(net, weights { other[1], other[2], other[3] })))
    -- names that agree contradict the order
    local crossed = { { "a.weight", { 2 } }, { "b.weight", { 2 } } }
    local plan = parameters { { "b.weight", { 2 } }, { "c.weight", { 2 } } }
    assert.is_false(match.complete(match.find(plan, weights(crossed))))
    assert.is_true(match.complete(match.find(plan, weights(crossed), { map = "order" })))
  end)
end)
