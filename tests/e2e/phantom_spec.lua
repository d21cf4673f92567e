-- fovea phantom, and phantoms in the place of files, as a user runs them.
local command = require "support.command"
local fovea = require "fovea"
local scratch = require "support.scratch"

describe("fovea phantom", function()
  local folder = scratch.new()
  teardown(function() folder:remove() end)

  it("writes pictures and masks, the same as from Lua", function()
    local status, _, err = command.run { "phantom", "lung_ct", "--seed", "4", "--count", "2", "--size", "64", "--out",
      folder:path "drawn", "--parts" }
    assert.equal(0, status, err)
    for seed = 4, 5 do
      local made = fovea.phantom.make("lung_ct", { seed = seed, size = 64 })
      local base = folder:path(("drawn/lung_ct.%d"):format(seed))
      assert.is_true(made.image.tensor:equal(assert(fovea.image.read(base .. ".png")).tensor))
      for part, mask in pairs({ mask = made.mask, ribs = made.parts.ribs }) do
        assert.is_true((mask * 255):reshape { 1, 64, 64 }:equal(assert(fovea.image.read(("%s.%s.png"):format(base,
          part))).tensor), part)
      end
    end
  end)

  it("draws the same in another interpreter", function()
    local code = [[local f = require "fovea"; local h = {}
      for _, n in ipairs(f.phantom.names()) do
        h[#h + 1] = f.phantom.make(n, { seed = 11, size = 48 }).image.tensor:hash()
      end
      print(table.concat(h, " "))]]
    local hashes = {}
    for i, name in ipairs(fovea.phantom.names()) do
      hashes[i] = fovea.phantom.make(name, { seed = 11, size = 48 }).image.tensor:hash()
    end
    local status, out, err = command.run({ "-e", code }, { env = "OMP_NUM_THREADS=3" })
    assert.equal(0, status, err)
    assert.equal(table.concat(hashes, " ") .. "\n", out)
  end)

  it("refuses what it does not know, before it makes a folder", function()
    local status, _, err = command.run { "phantom", "fundus", "--marker", "here", "--out", folder:path "none" }
    assert.equal(2, status)
    assert.equal("fovea: phantom: unknown marker 'here' (known: chance, none, other, target)\n", err)
    assert.same({ "drawn" }, folder:names())
    status, _, err = command.run { "phantom", "fundus", "--count", "0", "--out", folder:path "none" }
    assert.equal(2, status)
    assert.equal("fovea: --count: at least 1\n", err)
  end)

  it("is an image and a mask of fovea explain, and a record of it can be repeated", function()
    local path = "phantom:dermoscopy:7,size=64"
    local status, _, err = command.run { "explain", "random", path, "--arch", "unet", "--arch-option", "width=4",
      "--out", folder:path "maps", "--ground-truth", path, "--threshold", "fn", "--layer", "encoder.5.relu2" }
    assert.equal(0, status, err)
    local records = assert(fovea.json.decode(folder:read "maps/explain.json"))
    assert.equal(path, records[1].image)
    assert.equal(path, records[1].ground_truth.path)
    assert.matches("^%x+$", records[1].image_hash)
    status, _, err = command.run { "explain", "--from", folder:path "maps/explain.json", "--out", folder:path "again" }
    assert.equal(0, status, err)
    assert.equal("", err)
    local again = assert(fovea.json.decode(folder:read "again/explain.json"))
    assert.equal(records[1].range.max, again[1].range.max)
  end)
end)
