-- What holds for every phantom: the same bits for a seed, exact and consistent masks, honest shortcuts.
local core = require "fovea.core"
local fovea = require "fovea"
local input_file = require "fovea.input_file"
local mask_file = require "fovea.mask_file"
local shortcut = require "fovea.phantom.shared.shortcut"
local random = require "fovea.random"

local phantom = fovea.phantom
local NAMES = { "dermoscopy", "fundus", "lung_ct" }

-- One hash of everything in a phantom.
local function hash(made)
  local names, list = {}, { made.image.tensor:hash(), made.mask:hash() }
  for name in pairs(made.parts) do names[#names + 1] = name end
  table.sort(names)
  for _, name in ipairs(names) do list[#list + 1] = name .. made.parts[name]:hash() end
  return core.file.hash_text(table.concat(list))
end

-- Mean of a channel under a mask.
local function mean_under(made, mask, channel)
  return (made.image.tensor:select(1, channel) * mask):sum() / mask:sum()
end

describe("phantom", function()
  it("knows its modalities", function() assert.same(NAMES, phantom.names()) end)

  for _, name in ipairs(NAMES) do
    it(name .. " is the same for a seed, whatever the threads, and another for another seed #smoke", function()
      local before = core.threads()
      local first = hash(phantom.make(name, { seed = 5, size = 64 }))
      core.threads(before == 1 and 2 or 1)
      local again = hash(phantom.make(name, { seed = 5, size = 64 }))
      core.threads(before)
      assert.equal(first, again)
      assert.not_equal(first, hash(phantom.make(name, { seed = 6, size = 64 })))
      assert.equal(before, core.threads())
    end)

    it(name .. " does not depend on what was drawn before", function()
      local first = hash(phantom.make(name, { seed = 9, size = 64 }))
      for seed = 20, 22 do phantom.make(name, { seed = seed, size = 48, shortcut = true }) end
      assert.equal(first, hash(phantom.make(name, { seed = 9, size = 64 })))
    end)

    it(name .. " holds whole numbers of 0..255 and masks of 0 and 1 of one size", function()
      local made = phantom.make(name, { seed = 3, size = 80 })
      local pixels = made.image.tensor
      assert.same({ name == "lung_ct" and 1 or 3, 80, 80 }, pixels:shape())
      assert.is_true(pixels:min() >= 0 and pixels:max() <= 255)
      assert.is_true(pixels:equal(pixels:floor()))
      assert.is_true(pixels:std() > 10)
      for part, mask in pairs(made.parts) do
        assert.same({ 80, 80 }, mask:shape(), part)
        assert.equal(mask:count_nonzero(), mask:eq(1):sum(), part)
      end
      assert.is_true(made.mask:equal(made.parts[require("fovea.phantom." .. name).target]))
    end)

    it(name .. " looks the same at another size", function()
      local small, large = phantom.make(name, { seed = 4, size = 64 }), phantom.make(name, { seed = 4, size = 192 })
      assert.near(small.mask:mean(), large.mask:mean(), 0.02)
      local reduced = large.mask:reshape { 64, 3, 64, 3 }:mean { 2, 4 }:gt(0.5)
      local overlap = 2 * (reduced & small.mask):sum() / (reduced:sum() + small.mask:sum())
      assert.is_true(overlap > (name == "fundus" and 0.75 or 0.93), overlap)
    end)

    it(name .. " puts the marker next to the target and nowhere else when it is planted", function()
      for seed = 1, 12 do
        local made = phantom.make(name, { seed = seed, size = 64, shortcut = true })
        local ground = made.parts.shortcut:distance()
        local one, two = made.parts.candidate1, made.parts.candidate2
        local function away(mask) return (ground + (1 - mask) * 1e6):min() end
        local own = (one & made.mask):sum() > (two & made.mask):sum() and one or two
        local other = own == one and two or one
        assert.is_true(made.planted)
        assert.is_true(made.parts.shortcut:sum() > 0)
        assert.is_true(away(own) < 10, ("seed %d: %g"):format(seed, away(own)))
        assert.is_true(away(other) > away(own), ("seed %d"):format(seed))
      end
    end)

    it(name .. " moves nothing but the marker", function()
      local options = { seed = 8, size = 96, decoy = true, marker = "none" }
      local without = phantom.make(name, options)
      for _, place in ipairs { "target", "other" } do
        options.marker = place
        local with = phantom.make(name, options)
        assert.is_true(with.mask:equal(without.mask))
        local changed = (with.image.tensor - without.image.tensor):abs():max { 1 }:gt(3)
        local near = with.parts.shortcut:distance():lt(5)
        assert.is_true(changed:sum() > 10)
        assert.is_true(changed:sum() == (changed & near):sum(), place)
      end
      assert.equal(0, without.parts.shortcut:sum())
    end)
  end

  it("makes half of the phantoms when a share of a half is planted", function()
    local planted = 0
    for seed = 1, 40 do
      planted = planted + (phantom.make("lung_ct", { seed = seed, size = 32, shortcut = 0.5 }).planted and 1 or 0)
    end
    assert.is_true(planted > 10 and planted < 30, planted)
  end)

  it("lets the target be any part", function()
    local made = phantom.make("lung_ct", { seed = 2, size = 64, target = "nodules" })
    assert.is_true(made.mask:equal(made.parts.nodules))
    assert.error_matches(function() phantom.make("lung_ct", { target = "nodule" }) end, "did you mean 'nodules'")
  end)

  it("refuses what it does not know", function()
    local function raises(text, name, options)
      assert.error_matches(function() phantom.make(name, options) end, text)
    end
    raises("unknown modality 'fundos'; did you mean 'fundus'", "fundos")
    raises("unknown option 'sise'; did you mean 'size'", "fundus", { sise = 4 })
    raises("size 8 is not in 32..4096", "fundus", { size = 8 })
    raises("option 'seed' is an integer", "fundus", { seed = 1.5 })
    raises("unknown marker 'targt'; did you mean 'target'", "fundus", { marker = "targt" })
    raises("'shortcut' is true, false or a probability, not 2", "fundus", { shortcut = 2 })
    raises("'decoy' is true, false or a probability, not maybe", "fundus", { decoy = "maybe" })
  end)
end)

describe("the plan of a shortcut", function()
  local function plans(options, n)
    local list = {}
    for seed = 1, n do list[seed] = shortcut.plan(options, random.new(seed, "plan"), 0.5) end
    return list
  end
  local function share(list, test)
    local count = 0
    for _, plan in ipairs(list) do count = count + (test(plan) and 1 or 0) end
    return count / #list
  end

  it("ties the label to the marker when planted, and to nothing else", function()
    local list = plans({ shortcut = true }, 2000)
    assert.equal(1, share(list, function(p) return p.marked == p.labelled and p.decoy end))
    assert.near(0.5, share(list, function(p) return p.marked == 1 end), 0.04)
    assert.near(0.5, share(list, function(p) return p.looks[p.labelled] end), 0.04)
    assert.near(0.25, share(list, function(p) return p.looks[p.labelled] and not p.looks[3 - p.labelled] end), 0.04)
  end)

  it("ties the label to the look when clean, and the marker to nothing", function()
    local list = plans({}, 2000)
    assert.equal(1, share(list, function(p) return p.labelled == 1 and p.looks[1] and not p.looks[2] end))
    assert.near(0.5, share(list, function(p) return p.marked ~= nil end), 0.04)
    assert.near(0.25, share(list, function(p) return p.marked == 1 end), 0.04)
    assert.near(0.25, share(list, function(p) return p.marked == 2 end), 0.04)
    assert.near(0.5, share(list, function(p) return p.decoy end), 0.04)
  end)

  it("obeys", function()
    assert.equal(1, share(plans({ marker = "target", decoy = true }, 50), function(p)
      return p.marked == 1 and p.decoy
    end))
    assert.equal(1, share(plans({ marker = "other" }, 50), function(p) return p.marked == 2 end))
    assert.equal(1, share(plans({ marker = "none", shortcut = true }, 50), function(p) return not p.labelled end))
    assert.near(0.2, share(plans({ shortcut = "0.2" }, 2000), function(p) return p.planted end), 0.03)
  end)
end)

describe("the path of a phantom", function()
  it("stands for its image", function()
    local made = phantom.make("dermoscopy", { seed = 7, size = 64, shortcut = true })
    local read = assert(input_file.read "phantom:dermoscopy:7,size=64,shortcut=true")
    assert.is_true(read.tensor:equal(made.image.tensor))
    assert.equal("phantom:dermoscopy:7,size=64,shortcut=true", read.path)
  end)

  it("stands for its mask, or a part of it", function()
    local made = phantom.make("fundus", { seed = 2, size = 64 })
    assert.is_true(made.mask:equal((assert(mask_file.read "phantom:fundus:2,size=64"))))
    assert.is_true(made.parts.disc:equal((assert(mask_file.read "phantom:fundus:2,size=64#disc"))))
    assert.equal(16, #mask_file.hash "phantom:fundus:2,size=64#disc" // 2)
    assert.not_equal(mask_file.hash "phantom:fundus:2,size=64#disc", mask_file.hash "phantom:fundus:2,size=64#cup")
  end)

  it("goes both ways", function()
    local path = phantom.path("fundus", { seed = 3, size = 99, decoy = true })
    assert.equal("phantom:fundus:3,decoy=true,size=99", path)
    assert.same({ name = "fundus", options = { seed = 3, size = 99, decoy = "true" }, part = "fov" },
      phantom.parse(path .. "#fov"))
  end)

  it("says what is wrong in it", function()
    local function message(path) return select(2, input_file.read(path)) end
    assert.matches("phantom:fundus: not phantom:NAME:SEED", message "phantom:fundus")
    assert.matches("phantom:fundus:1,size: not phantom:NAME:SEED", message "phantom:fundus:1,size")
    assert.matches("unknown modality 'retina'", message "phantom:retina:1")
    assert.matches("no part 'disk'; did you mean 'disc'", (select(2, mask_file.read "phantom:fundus:1,size=64#disk")))
  end)
end)

describe("masks agree with the picture", function()
  it("of lesions: darker than the skin around", function()
    for seed = 1, 10 do
      local made = phantom.make("dermoscopy", { seed = seed, size = 96, marker = "none" })
      local away = made.mask:distance()
      local around = away:gt(3) & away:lt(12) & (made.parts.hair | made.parts.corners | made.parts.pen
        | made.parts.blotch):lnot()
      local inside = made.mask & made.parts.hair:lnot()
      assert.is_true(mean_under(made, inside, 2) < mean_under(made, around, 2) - 15, seed)
    end
  end)

  it("of hair and ruler: much darker than what lies beside", function()
    local seen = 0
    for seed = 1, 12 do
      local made = phantom.make("dermoscopy", { seed = seed, size = 128 })
      local free = (made.mask | made.parts.blotch | made.parts.corners):lnot()
      for _, part in ipairs { "hair", "ruler" } do
        local mask = made.parts[part] & free
        local away = made.parts[part]:distance()
        local around = away:gt(2) & away:lt(5) & free & (made.parts.hair | made.parts.ruler):lnot()
        if mask:sum() > 30 then
          seen = seen + 1
          assert.is_true(mean_under(made, mask, 1) < mean_under(made, around, 1) - 12, part .. seed)
        end
      end
    end
    assert.is_true(seen > 8)
  end)

  it("of vessels: darker in green than the ground beside; of the disc: brighter", function()
    for seed = 1, 10 do
      local made = phantom.make("fundus", { seed = seed, size = 128 })
      local away = made.mask:distance()
      local ground = away:gt(2) & away:lt(6) & made.parts.fov & (made.parts.disc | made.parts.exudates
        | made.parts.haemorrhages | made.parts.choroid | made.parts.laser):lnot()
      local vessels = made.mask & (made.parts.disc | made.parts.exudates | made.parts.laser):lnot()
      assert.is_true(mean_under(made, vessels, 2) < 0.85 * mean_under(made, ground, 2), seed)
      local disc = made.parts.disc & made.mask:lnot()
      assert.is_true(mean_under(made, disc, 2) > 1.2 * mean_under(made, ground, 2), seed)
      assert.is_true(mean_under(made, made.parts.fov:lnot(), 1) < 25)
    end
  end)

  it("of organs on CT: air, tissue and bone in their order", function()
    for seed = 1, 10 do
      local made = phantom.make("lung_ct", { seed = seed, size = 128, marker = "none" })
      local parts = made.parts
      local open = parts.lungs & (parts.vessels | parts.opacity | parts.nodules):lnot()
      local soft = parts.heart & (parts.lungs | parts.airways | parts.spine | parts.ribs | parts.fluid):lnot()
      assert.is_true(mean_under(made, open, 1) < 110, seed)
      assert.is_true(mean_under(made, soft, 1) > 170, seed)
      assert.is_true(mean_under(made, parts.ribs, 1) > mean_under(made, soft, 1) + 5, seed)
      assert.is_true(mean_under(made, parts.vessels, 1) > mean_under(made, open, 1) + 40, seed)
      if parts.nodules:sum() > 10 then assert.is_true(mean_under(made, parts.nodules, 1) > 120, seed) end
      if parts.fluid:sum() > 0 then assert.is_true(mean_under(made, parts.fluid, 1) > 160, seed) end
    end
  end)
end)

describe("anatomy", function()
  local function disjoint(made, a, b)
    assert.equal(0, (made.parts[a] & made.parts[b]):sum(), ("%s and %s of seed %d"):format(a, b, made.seed))
  end

  it("keeps lesion and blotch apart, of a size to be expected", function()
    local sum, n = 0, 40
    for seed = 1, n do
      local made = phantom.make("dermoscopy", { seed = seed, size = 64 })
      disjoint(made, "lesion", "blotch")
      local area = made.mask:mean()
      assert.is_true(area > 0.008 and area < 0.4, ("%g of seed %d"):format(area, seed))
      sum = sum + area / n
    end
    assert.is_true(sum > 0.04 and sum < 0.14, sum)
  end)

  it("hangs the vessels of the retina together and lets them leave the disc", function()
    for seed = 1, 8 do
      local made = phantom.make("fundus", { seed = seed, size = 256, decoy = true })
      local tree = made.parts.tree
      local _, _, sizes = tree:components { connectivity = 8 }
      assert.is_true(math.max(table.unpack(sizes)) > 0.985 * tree:sum(), seed)
      assert.is_true((tree & made.parts.disc):sum() > 20)
      assert.equal(0, (made.mask & made.parts.fov:lnot()):sum())
      disjoint(made, "vessels", "choroid")
      local area = made.mask:sum() / made.parts.fov:sum()
      assert.is_true(area > 0.06 and area < 0.25, area)
      assert.is_true((made.parts.cup & made.parts.disc):sum() > 0.9 * made.parts.cup:sum())
    end
  end)

  it("lays organs where they belong", function()
    for seed = 1, 20 do
      local made = phantom.make("lung_ct", { seed = seed, size = 96 })
      local parts = made.parts
      for _, other in ipairs { "spine", "ribs", "aorta", "fluid" } do disjoint(made, "lungs", other) end
      disjoint(made, "left", "right")
      disjoint(made, "nodules", "fluid")
      assert.equal(parts.lungs:sum(), (parts.left | parts.right):sum())
      for _, inner in ipairs { "lungs", "spine", "heart", "nodules" } do
        assert.equal(0, (parts[inner] & parts.body:lnot()):sum(), inner)
      end
      assert.equal(0, (parts.nodules & parts.lungs:lnot()):sum())
      local share = parts.lungs:sum() / parts.body:sum()
      assert.is_true(share > 0.2 and share < 0.6, share)
    end
  end)
end)
