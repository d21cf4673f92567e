local fovea = require "fovea"
local near = require "support.near"

--- Neighbour offsets that differ in at most `steps` of the axes.
local function offsets(depth, steps)
  local list = {}
  for z = -depth, depth do
    for y = -1, 1 do
      for x = -1, 1 do
        local n = math.abs(z) + math.abs(y) + math.abs(x)
        if n > 0 and n <= steps then list[#list + 1] = { z, y, x } end
      end
    end
  end
  return list
end

--- Labels by flood fill, in scan order; and the sizes.
local function flood(mask, d, h, w, neighbours)
  local x, labels, sizes = mask:values(), {}, {}
  for i = 1, #x do labels[i] = 0 end
  for i = 1, #x do
    if x[i] ~= 0 and labels[i] == 0 then
      sizes[#sizes + 1] = 0
      local stack = { i - 1 }
      labels[i] = #sizes
      while #stack > 0 do
        local at = table.remove(stack)
        sizes[#sizes] = sizes[#sizes] + 1
        local px, py, pz = at % w, at // w % h, at // (w * h)
        for _, o in ipairs(neighbours) do
          local z, y, u = pz + o[1], py + o[2], px + o[3]
          local j = (z * h + y) * w + u
          if z >= 0 and z < d and y >= 0 and y < h and u >= 0 and u < w and x[j + 1] ~= 0 and labels[j + 1] == 0 then
            labels[j + 1] = #sizes
            stack[#stack + 1] = j
          end
        end
      end
    end
  end
  return labels, sizes
end

describe("tensor components", function()
  it("are numbered in the scan order of their first voxel", function()
    local mask = fovea.tensor { { 0, 0, 1, 0, 1 }, { 1, 1, 0, 0, 1 }, { 0, 0, 0, 1, 0 } }
    local labels, n, sizes = mask:components { connectivity = 4 }
    assert.same({ { 0, 0, 1, 0, 2 }, { 3, 3, 0, 0, 2 }, { 0, 0, 0, 4, 0 } }, labels:to_table())
    assert.equal(4, n)
    assert.same({ 1, 2, 2, 1 }, sizes)
    labels, n, sizes = mask:components { connectivity = 8 }
    assert.same({ { 0, 0, 1, 0, 2 }, { 1, 1, 0, 0, 2 }, { 0, 0, 0, 2, 0 } }, labels:to_table())
    assert.equal(2, n)
    assert.same({ 3, 3 }, sizes)
  end)

  it("agree with a flood fill for every connectivity", function()
    local rules = { [4] = { 0, 1 }, [8] = { 0, 2 }, [6] = { 1, 1 }, [18] = { 1, 2 }, [26] = { 1, 3 } }
    for connectivity, rule in pairs(rules) do
      for _, density in ipairs { 0.1, 0.3, 0.45, 0.6, 0.9 } do
        local d = rule[1] == 0 and 1 or 7
        local mask = fovea.uniform({ 1, d, 11, 13 }, { seed = connectivity }):lt(density)
        local wanted, wanted_sizes = flood(mask, d, 11, 13, offsets(rule[1], rule[2]))
        local labels, n, sizes = mask:components { connectivity = connectivity }
        assert.same(wanted, labels:values())
        assert.same(wanted_sizes, sizes)
        assert.equal(#wanted_sizes, n)
        assert.is_true(labels:gt(0):equal(mask)) -- their union is the mask
      end
    end
  end)

  it("join a spiral and a comb", function()
    local comb = fovea.zeros { 6, 41 }
    for x = 1, 41, 2 do
      for y = 1, 5 do comb:set(y, x, 1) end
    end
    assert.equal(21, select(2, comb:components { connectivity = 8 }))
    for x = 1, 41 do comb:set(6, x, 1) end
    local labels, n, sizes = comb:components { connectivity = 4 }
    assert.equal(1, n)
    assert.same({ 21 * 5 + 41 }, sizes)
    assert.equal(1, labels(1, 41))
  end)

  it("default to 8 for images, 26 for volumes", function()
    local diagonal = fovea.tensor { { 1, 0 }, { 0, 1 } }
    assert.equal(1, select(2, diagonal:components()))
    assert.equal(1, select(2, diagonal:reshape({ 1, 1, 2, 2 }):components()))
    local corner = fovea.zeros({ 1, 1, 2, 2, 2 }):set(1, 1, 1, 1, 1, 1):set(1, 1, 2, 2, 2, 1)
    assert.equal(1, select(2, corner:components()))
    assert.equal(2, select(2, corner:components { connectivity = 18 }))
  end)

  it("treat an image and a volume of depth one alike", function()
    local mask = fovea.uniform({ 15, 16 }, { seed = 6 }):gt(0.5)
    for flat, deep in pairs { [4] = 6, [8] = 26 } do
      local a = mask:components { connectivity = flat }
      local b = mask:reshape({ 1, 1, 1, 15, 16 }):components { connectivity = deep }
      assert.is_true(a:equal(b:reshape { 15, 16 }))
    end
  end)

  it("of nothing are none; misfits are named", function()
    local labels, n, sizes = fovea.zeros({ 3, 3 }):components()
    assert.same({ 0, 0, {} }, { labels:sum(), n, sizes })
    assert.equal(0, select(2, fovea.zeros({ 0, 3 }):components()))
    assert.error_matches(function() fovea.zeros({ 2, 2 }):components { connectivity = 5 } end, "must be 4 or 8")
    assert.error_matches(function() fovea.zeros({ 2, 1, 4, 4 }):components { connectivity = 4 } end,
      "components: shape 2x1x4x4 is not one image")
    assert.error_matches(function() fovea.zeros({ 2, 3, 4, 4 }):components() end, "shape 2x3x4x4 is not one volume")
    assert.error_matches(function() fovea.zeros({ 4 }):components() end, "shape 4 is not one image")
  end)
end)

--- Distances by comparing every voxel with every voxel of the mask.
local function brute_distance(mask, h, w, spacing)
  local x, members, wanted = mask:values(), {}, {}
  local function position(i) return { i // (w * h) * spacing[1], i // w % h * spacing[2], i % w * spacing[3] } end
  for i = 1, #x do
    if x[i] ~= 0 then members[#members + 1] = position(i - 1) end
  end
  for i = 1, #x do
    local p, best = position(i - 1), math.huge
    for _, m in ipairs(members) do
      best = math.min(best, (p[1] - m[1]) ^ 2 + (p[2] - m[2]) ^ 2 + (p[3] - m[3]) ^ 2)
    end
    wanted[i] = math.sqrt(best)
  end
  return wanted
end

describe("tensor distance", function()
  it("is exact in 2-D and 3-D, with any spacing", function()
    for seed, share in ipairs { 0.995, 0.98, 0.9, 0.5 } do
      for _, spacing in ipairs { { 1, 1 }, { 0.5, 3 }, { 2.5, 0.7 } } do
        local mask = fovea.uniform({ 1, 1, 19, 23 }, { seed = seed }):gt(share)
        near.values(brute_distance(mask, 19, 23, { 1, spacing[1], spacing[2] }),
          mask:distance { spacing = spacing }, 1e-6)
      end
      for _, spacing in ipairs { { 1, 1, 1 }, { 3, 0.5, 0.7 } } do
        local mask = fovea.uniform({ 7, 9, 8 }, { seed = seed }):gt(share)
        near.values(brute_distance(mask, 9, 8, spacing), mask:distance { spacing = spacing }, 1e-6)
      end
    end
  end)

  it("is 0 inside, infinite without a mask, and one voxel long at the edge", function()
    local mask = fovea.tensor { { 1, 1, 0, 0 } }
    assert.same({ 0, 0, 1, 2 }, mask:distance():values())
    assert.same({ 2, 1, 0, 0 }, mask:lnot():distance():values()) -- depth inside the mask
    assert.same({ 1 / 0, 1 / 0 }, fovea.zeros({ 1, 2 }):distance():values())
    assert.same({ 0, 0 }, fovea.full({ 2, 1 }, 1):distance():values())
  end)

  it("takes an image for a volume of depth one", function()
    local mask = fovea.uniform({ 12, 14 }, { seed = 3 }):gt(0.95)
    local volume = mask:reshape({ 1, 1, 1, 12, 14 })
    assert.is_true(mask:distance():equal(volume:distance({ spacing = { 5, 1, 1 } }):reshape { 12, 14 }))
  end)

  it("covers long lines shared among threads", function()
    local mask = fovea.zeros({ 300, 200 }):set(1, 1, 1):set(300, 200, 1)
    local distance = mask:distance()
    near.number(199, distance(300, 1))
    near.number(199, distance(1, 200))
    near.number(math.sqrt(149 ^ 2 + 99 ^ 2), distance(150, 100))
  end)

  it("names misfits", function()
    local mask = fovea.zeros { 2, 4, 4 }
    assert.error_matches(function() mask:distance { spacing = { 1, 1 } } end, "shape 2x4x4 does not fit a spacing of 2")
    assert.error_matches(function() mask:distance { spacing = { 1, 0, 1 } } end, "spacing 0 is not a size")
    assert.error_matches(function() mask:distance { spacing = 1 } end, "spacing must be a list of 2 or 3 numbers")
    assert.error_matches(function() mask:distance { space = 1 } end, "distance: unknown option 'space'")
  end)
end)
