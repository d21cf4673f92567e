-- Many thresholds and layers of one image: the same bits as one by one; near those of a method that sees whole
-- gradients, and those of plain sums.
local core = require "fovea.core"
local fovea = require "fovea"
local gradcam = require "fovea.cam.gradcam"
local networks = require "support.networks"

local THRESHOLDS = { "quantile:0.6", "quantile:0.9", "quantile:0.6", "quantile:0.999" }

--- Grad-CAM once more: a plan does not know that means are enough for it.
local whole = { name = "whole", first_order = true, map = gradcam.map }

local function check(name, options, shape)
  local model = assert(fovea.arch.model(name, options, nil, { input_shape = shape, seed = 5 }))
  local input = fovea.uniform(shape, { seed = 3, min = -1, max = 1 })
  local function explain(settings)
    settings.layers = "candidates"
    return assert(fovea.explain_all(model, input, settings))
  end
  local many = explain { thresholds = THRESHOLDS }
  local gradients = explain { thresholds = THRESHOLDS, methods = { whole } }
  local exact, count = explain { thresholds = THRESHOLDS, exact = true }, 0
  for k, threshold in ipairs(THRESHOLDS) do
    for i, one in ipairs(explain { threshold = threshold }) do
      count = count + 1
      local heat, what = many[count], ("%s, layer %s, threshold %d"):format(name, one.layer, k)
      assert.are.equal(one.layer, heat.layer, what)
      assert.is_true(one.raw:equal(heat.raw), what)
      local size = math.max(gradients[count].raw:abs():max(), 1e-12)
      assert.is_true((gradients[count].raw - heat.raw):abs():max() <= 2e-4 * size, what)
      assert.are.same(one.statuses, heat.statuses, what)
      assert.are.same(gradients[count].statuses, heat.statuses, what)
      local scale = math.max(exact[count].raw:abs():max(), 1e-12)
      assert.is_true((exact[count].raw - heat.raw):abs():max() <= 1e-2 * scale, what .. i)
    end
  end
  assert.are.equal(#many, count)
  local before <close> = setmetatable({ core.threads() }, { __close = function(t) core.threads(t[1]) end })
  core.threads(before[1] == 3 and 2 or 3)
  for i, heat in ipairs(explain { thresholds = THRESHOLDS }) do
    -- the same bits, but where oneDNN adds up by threads: tests/spec/models/threads_spec.lua
    local scale = math.max(many[i].raw:abs():max(), 1e-12)
    assert.is_true((many[i].raw - heat.raw):abs():max() <= 1e-2 * scale,
      name .. " with other threads, layer " .. heat.layer)
  end
end

describe("many questions", function()
  for _, case in ipairs(networks.ALL) do
    it("have the answers of one in " .. networks.title(case), function() check(table.unpack(case)) end)
  end

  it("are asked once when they are the same", function()
    local name, options, shape = table.unpack(networks.SMALL[1])
    local model = assert(fovea.arch.model(name, options, nil, { input_shape = shape, seed = 5 }))
    local Plan, passes = core.Plan, 0
    local backward <close> = setmetatable({ Plan.backward }, { __close = function(t) Plan.backward = t[1] end })
    Plan.backward = function(plan)
      passes = passes + 1
      return backward[1](plan)
    end
    assert(fovea.explain_all(model, fovea.uniform(shape, { seed = 3 }), { thresholds = THRESHOLDS }))
    assert.are.equal(3, passes)
  end)
end)
