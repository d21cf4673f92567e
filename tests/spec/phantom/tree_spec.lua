-- Trees of vessels: connected, tapering, forking by Murray's law, within their bounds.
local random = require "fovea.random"
local tree = require "fovea.phantom.shared.tree"

local function rules(more)
  local all = { step = 0.02, waver = 0.05, fork = 0.2, spread = 0.7, thinnest = 0.004, taper = 0.99, most = 400,
    inside = function(x, y) return x > 0 and x < 1 and y > 0 and y < 1 end }
  for key, value in pairs(more or {}) do all[key] = value end
  return all
end

local ROOT = { x = 0.5, y = 0.5, angle = 0.3, radius = 0.012, value = 1 }

describe("a tree", function()
  it("hangs together: every stroke begins where its parent ended", function()
    for seed = 1, 10 do
      local list = tree.grow(random.new(seed), { ROOT }, rules())
      assert.is_true(#list > 10)
      local ends = { ["0.5 0.5"] = true }
      for _, s in ipairs(list) do
        assert.is_true(ends[("%.12g %.12g"):format(s[1], s[2])] or false)
        assert.near(0.02, math.sqrt((s[4] - s[1]) ^ 2 + (s[5] - s[2]) ^ 2), 1e-12)
        assert.near(s[3] * 0.99, s[6], 1e-12)
        assert.equal(1, s[7])
        ends[("%.12g %.12g"):format(s[4], s[5])] = true
      end
    end
  end)

  it("divides the cube of the radius at a fork", function()
    local checked = 0
    for seed = 1, 20 do
      local list = tree.grow(random.new(seed), { ROOT }, rules { taper = 1 })
      local from = {}
      for _, s in ipairs(list) do
        local key = ("%.12g %.12g"):format(s[1], s[2])
        from[key] = from[key] or {}
        table.insert(from[key], s[3])
      end
      for _, s in ipairs(list) do
        local out = from[("%.12g %.12g"):format(s[4], s[5])]
        if out and #out == 2 then
          checked = checked + 1
          assert.near(s[6] ^ 3, out[1] ^ 3 + out[2] ^ 3, 1e-12)
        end
      end
    end
    assert.is_true(checked > 20, checked)
  end)

  it("stays inside, ends when thin, and stops at the most", function()
    local list = tree.grow(random.new(3), { ROOT }, rules { inside = function(x) return x < 0.6 end })
    for _, s in ipairs(list) do assert.is_true(s[4] < 0.6 and s[6] >= 0.004) end
    assert.equal(25, #tree.grow(random.new(3), { ROOT }, rules { most = 25, fork = 0 }))
    local alone = tree.grow(random.new(3), { ROOT }, rules { fork = 0, waver = 0, inside = function() return true end })
    assert.equal(math.floor(math.log(0.004 / 0.012) / math.log(0.99)), #alone)
    local last = alone[#alone]
    assert.near(0.3, math.atan(last[5] - 0.5, last[4] - 0.5), 1e-9)
  end)

  it("follows the one who steers, and adds to a list", function()
    local list = { "before" }
    local turning = rules { fork = 0, waver = 0, steer = function() return 0.1 end, most = 11 }
    tree.grow(random.new(1), { ROOT }, turning, list)
    assert.equal("before", list[1])
    local angle = 0.3
    for i = 2, #list do
      angle = angle + 0.1
      assert.near(math.cos(angle), (list[i][4] - list[i][1]) / 0.02, 1e-9)
    end
  end)
end)
