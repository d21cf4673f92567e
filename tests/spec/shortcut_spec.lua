-- The test of shortcuts: its statistics by hand, and what it says of networks that have learned nothing.
local fovea = require "fovea"
local shortcut = require "fovea.shortcut"

-- The share of all signs that give a sum of ranks as high as this one, by trying them all.
local function by_trying(differences)
  local ranks, observed = {}, 0
  for i, d in ipairs(differences) do
    ranks[i] = 0.5
    for _, e in ipairs(differences) do
      ranks[i] = ranks[i] + (math.abs(e) < math.abs(d) and 1 or math.abs(e) == math.abs(d) and 0.5 or 0)
    end
    if d > 0 then observed = observed + ranks[i] end
  end
  local high = 0
  for signs = 0, (1 << #ranks) - 1 do
    local sum = 0
    for i, rank in ipairs(ranks) do sum = sum + (signs >> (i - 1) & 1) * rank end
    if sum >= observed then high = high + 1 end
  end
  return high / (1 << #ranks)
end

describe("the signed-rank test", function()
  it("counts the signs that are as good", function()
    assert.near(1 / 32, shortcut.signed_rank { 1, 2, 3, 4, 5 }, 1e-12)
    assert.near(2 / 32, shortcut.signed_rank { -1, 2, 3, 4, 5 }, 1e-12)
    assert.near(3 / 32, shortcut.signed_rank { 1, -2, 3, 4, 5 }, 1e-12)
    assert.near(1, shortcut.signed_rank { -1, -2, -3 }, 1e-12)
    assert.near(2 ^ -20, shortcut.signed_rank { 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20 },
      1e-15)
  end)

  it("shares the ranks of ties and leaves zeros out", function()
    for _, list in ipairs { { 1, 1, -1, 2, 3 }, { 0.5, -0.5, 4, 4, 4, -2, 7 }, { 3, 3, 3, 3, -3, -3 } } do
      assert.near(by_trying(list), shortcut.signed_rank(list), 1e-12)
    end
    assert.near(1 / 8, shortcut.signed_rank { 0, 1, 2, 0, 3 }, 1e-12)
    assert.equal(1, shortcut.signed_rank { 0, 0 })
  end)
end)

describe("shortcut.compare", function()
  it("finds no difference between a network and itself", function()
    local model = fovea.arch.model("unet", { width = 4, depth = 3 })
    local rows, use = shortcut.compare { with = model, without = model, phantom = "dermoscopy", count = 2, size = 32,
      layers = { "encoder.3.relu2", "decoder.1.relu2" }, thresholds = { "quantile:0.5" } }
    assert.equal(4, #rows)
    for _, row in ipairs(rows) do
      assert.equal(row.with, row.without)
      assert.equal(1, row.p)
      assert.equal(2, row.n)
      assert.is_true(row.chance > 0.01 and row.chance < 0.1)
    end
    assert.same({ "encoder.3.relu2", "gradcam" }, { rows[1].layer, rows[1].method })
    assert.same(use.with, use.without)
    assert.same({ "none", "other", "target" }, (function()
      local keys = {}
      for key in pairs(use.with) do keys[#keys + 1] = key end
      table.sort(keys)
      return keys
    end)())
  end)

  it("explains the candidate alone when it is asked to", function()
    local model = fovea.arch.model("unet", { width = 4, depth = 3 })
    local rows = shortcut.compare { with = model, without = model, phantom = "fundus", count = 1, size = 32,
      focus = true, layers = { "encoder.3.relu2" }, methods = { "gradcam" } }
    assert.equal(1, #rows)
    assert.equal(1, rows[1].p)
  end)

  it("refuses unknown options", function()
    assert.error_matches(function() shortcut.compare { phantoms = "fundus" } end, "did you mean 'phantom'")
  end)
end)
