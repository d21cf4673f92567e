-- Rows and sums from the steps of a plan.
local fovea = require "fovea"
local profile = require "fovea.bench.profile"

local function step(phase, pass, node, implementation, seconds, bytes, macs)
  return { phase = phase, pass = pass, node = node, op = "conv", shape = { 1, 2 }, implementation = implementation,
    seconds = seconds, bytes = bytes, macs = macs }
end

describe("fovea.bench.profile", function()
  it("joins the steps of a layer and counts its arithmetic once per pass", function()
    local rows = profile.rows {
      step("prepare", "forward", "a", "reorder", 5, 7, 100),
      step("forward", nil, "a", "layout", 1, 10, 100),
      step("forward", "forward", "a", "conv", 2, 20, 100),
      step("forward", "forward", "a", "conv", 4, 40, 100),
      step("backward", nil, "a", "sum", 1, 1, 100),
      step("backward", "data", "a", "conv", 3, 30, 100),
      step("backward", "weights", "a", "conv", 3, 30, 100),
    }
    assert.equal(3, #rows)
    assert.equal(0, rows[1].macs)
    assert.same({ "forward", "a", 7, 70, 100, "layout + conv" },
      { rows[2].phase, rows[2].layer, rows[2].seconds, rows[2].bytes, rows[2].macs, rows[2].implementation })
    assert.same({ "backward", 7, 61, 200, "sum + conv" },
      { rows[3].phase, rows[3].seconds, rows[3].bytes, rows[3].macs, rows[3].implementation })
    local sums = profile.totals(rows, "op")
    assert.same({ name = "conv", seconds = 19, bytes = 138, macs = 300, count = 3 }, sums[1])
  end)

  it("knows what the plan of a convolution does", function()
    local g = fovea.graph()
    local x = g:input({ 1, 4, 6, 5 }, { name = "image" })
    local y = g:conv { x, g:param(fovea.uniform({ 3, 4, 3, 3 }, { seed = 1 })), pad = 1, name = "conv" }
    local plan = assert(g:plan { mode = "explain", taps = { y }, seeds = { y }, gradients = { x } })
    assert(plan:set_input(x, fovea.uniform({ 1, 4, 6, 5 }, { seed = 2 })))
    local collect, steps = profile.collector(plan)
    for _ = 1, 3 do
      assert(plan:forward())
      assert(plan:set_seed(y, fovea.full({ 1, 3, 6, 5 }, 1)))
      assert(plan:backward())
      collect()
    end
    local macs, passes = 0, {}
    for _, row in ipairs(profile.rows(steps())) do
      macs = macs + row.macs
      if row.macs > 0 then
        passes[row.phase] = true
        assert.equal(6 * 5 * 3 * 4 * 9, row.macs)
        assert.is_true(row.bytes >= 4 * (6 * 5 * 7 + 3 * 4 * 9))
        assert.is_true(row.seconds > 0)
      end
    end
    assert.same({ forward = true, backward = true }, passes)
    assert.equal(2 * 6 * 5 * 3 * 4 * 9, macs)
  end)
end)
