-- Gradients of what is multiplied by a gate for each channel, or averaged over all positions, alone and together with
-- others: they are added up in one go.
local core = require "fovea.core"
local fovea = require "fovea"

local SHAPE, GATE = { 2, 20, 11, 13 }, { 2, 20, 1, 1 }
local POSITIONS = 11 * 13

--- A map that a convolution makes, and users of it by name; each has a seed and the gradient that comes of that.
local function network(users)
  local g = core.graph()
  local c = { graph = g, input = g:input { 2, 3, 11, 13 }, given = {}, seeds = {}, outputs = {} }
  c.x = g:conv { c.input, g:param(fovea.normal({ 20, 3, 3, 3 }, { seed = 1 })), pad = 1, activation = "relu" }
  c.want = fovea.zeros(SHAPE)
  for k, kind in ipairs(users) do
    local seed, y = fovea.normal(kind == "mean" and GATE or SHAPE, { seed = 10 + k }), nil
    if kind == "gate" then
      local gate, value = g:input(GATE), fovea.uniform(GATE, { seed = 20 + k })
      c.given[gate] = value
      y = k % 2 == 0 and g:mul { c.x, gate } or g:mul { gate, c.x }
      c.want = c.want + seed * value
    elseif kind == "mean" then
      y = g:global_avg_pool { c.x }
      c.want = c.want + seed * (1 / POSITIONS)
    else
      y = g:abs { c.x } -- it is not below zero
      c.want = c.want + seed
    end
    c.seeds[k], c.outputs[k] = seed, y
  end
  return c
end

local function run(c, options)
  local spec = { mode = "explain", taps = c.outputs, seeds = c.outputs, gradients = { c.x } }
  for key, value in pairs(options or {}) do spec[key] = value end
  local plan = assert(c.graph:plan(spec))
  assert(plan:set_input(c.input, fovea.normal({ 2, 3, 11, 13 }, { seed = 2 })))
  for node, value in pairs(c.given) do assert(plan:set_input(node, value)) end
  assert(plan:forward())
  for k, seed in ipairs(c.seeds) do assert(plan:set_seed(c.outputs[k], seed)) end
  assert(plan:backward())
  return plan
end

local function count(plan, implementation)
  local found = 0
  for _, step in ipairs(plan:steps()) do
    if step.implementation == implementation then found = found + 1 end
  end
  return found
end

describe("gradients through gates of channels and global means", function()
  it("are the sums of their definition", function()
    for _, users in ipairs { { "gate" }, { "mean" }, { "gate", "mean" }, { "mean", "gate" }, { "gate", "gate" },
      { "mean", "mean" }, { "plain", "gate" }, { "plain", "mean" }, { "gate", "plain", "mean" },
      { "plain", "mean", "gate", "mean", "gate", "plain" } } do
      local c = network(users)
      local plan = run(c)
      local off = (plan:gradient(c.x) - c.want):abs():max()
      -- where x is 0 the slope of abs is 0 too: those elements are left out
      if table.concat(users):find "plain" then
        local open = plan:value(c.outputs[1])
        for k, kind in ipairs(users) do if kind == "plain" then open = plan:value(c.outputs[k]) end end
        off = ((plan:gradient(c.x) - c.want) * (open / (open + 1e-30))):abs():max()
      end
      assert.is_true(off < 2e-6, table.concat(users, " ") .. " is off by " .. off)
      assert.is_true(count(plan, "affine:own") >= 1)
      assert.are.equal(0, count(plan, "spread:own"))
    end
  end)

  it("have the same bits, whatever else is asked for, for any number of threads", function()
    local c = network { "gate", "mean", "plain" }
    local before, hashes = fovea.threads(), {}
    for threads = 1, 3 do
      fovea.threads(threads)
      hashes[threads] = run(c):gradient(c.x):hash()
    end
    fovea.threads(before)
    assert.are.same({ hashes[1], hashes[1], hashes[1] }, hashes)
    local means = run(c, { gradients = {}, means = { c.x } }):gradient_means(c.x)
    local more = run(c, { gradients = { c.x, c.outputs[1] }, means = { c.x, c.outputs[1] } })
    assert.are.equal(means:hash(), more:gradient_means(c.x):hash())
    assert.are.equal(hashes[1], more:gradient(c.x):hash())
  end)

  it("are made of sums that training leaves apart", function()
    local c = network { "gate", "mean" }
    local plan = run(c, { mode = "train" })
    assert.are.equal(0, count(plan, "affine:own"))
    assert.is_true((plan:gradient(c.x) - c.want):abs():max() < 2e-6)
  end)
end)
