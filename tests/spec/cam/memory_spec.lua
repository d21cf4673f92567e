local fovea = require "fovea"
local core = require "fovea.core"
local alloc_sweep = require "support.alloc_sweep"

describe("cam and picture", function()
  it("say so and hold nothing when memory runs out", function()
    -- drawing raises, as methods of tensors do
    local function raising(f, ...)
      local arguments = { ... }
      return function()
        local ok, result = pcall(f, table.unpack(arguments))
        if ok then return result end
        assert.is_truthy(result:find("not enough memory", 1, true))
        return nil, result, "memory"
      end
    end
    local a, g = fovea.normal({ 1, 2, 3, 3 }, { seed = 1 }), fovea.normal({ 1, 2, 3, 3 }, { seed = 2 })
    local mask, map, table_ = fovea.full({ 3, 3 }, 1), fovea.normal({ 3, 3 }, { seed = 3 }), fovea.zeros { 256, 3 }
    local picture, alpha = fovea.zeros { 3, 3, 3 }, fovea.zeros { 2 }
    local calls = {
      function() return core.cam.channel_weights(g) end,
      function() return core.cam.combine_elements(a, g) end,
      function() return core.cam.combine_channels(a, alpha) end,
      function() return core.cam.seed(a, mask) end,
      function() return core.cam.normalise(map, "percentile", 2) end,
      function() return core.cam.normalise(map, "relu_max") end,
      raising(core.picture.colour, map, table_, 0, 1),
      raising(core.picture.blend, picture, picture, 0.5),
      raising(core.picture.window, map, 0, 0, 9, 9),
    }
    for _, call in ipairs(calls) do assert.is_true(alloc_sweep(call) >= 1) end
  end)
end)
