-- The sample networks that were taught a shortcut, and those that were not: what they find, and what maps show of it.
local fovea = require "fovea"
local shortcut = require "fovea.shortcut"

local SEEDS = 20

local function network(name) return assert(fovea.load(("examples/networks/%s.safetensors"):format(name))) end

--- Layers at which masked-sum Grad-CAM is known to tell the networks apart.
local CASES = {
  { phantom = "dermoscopy", layers = { "encoder.4.relu2", "decoder.1.relu2" } },
  { phantom = "lung_ct", layers = { "decoder.1.relu2", "decoder.3.relu2" } },
}

describe("a planted shortcut #slow", function()
  for _, case in ipairs(CASES) do
    it("shows in maps of the network that leans on it: " .. case.phantom, function()
      local rows, use = shortcut.compare { phantom = case.phantom, count = SEEDS, layers = case.layers,
        with = network(("unet_%s_shortcut"):format(case.phantom)), without = network("unet_" .. case.phantom) }
      assert.is_true(use.with.target > 0.9 and use.with.none < 0.1 and use.with.other < 0.1)
      assert.is_true(use.without.target > 0.9 and use.without.none > 0.9 and use.without.other > 0.9)
      for _, row in ipairs(rows) do
        if row.method == "gradcam" then
          assert.are.equal(SEEDS, row.n)
          assert.is_true(row.with > row.without and row.p < 0.01,
            ("%s: %g against %g, p = %g"):format(row.layer, row.with, row.without, row.p))
        end
      end
    end)
  end
end)
