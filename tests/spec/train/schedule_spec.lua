-- Schedules: factors of the learning rate at steps and epochs.
local near = require "support.near"
local part = require "fovea.train.part"

local PER_EPOCH, EPOCHS = 10, 5

--- Factor at a step (from 1).
local function factor(given, step, state)
  local schedule = part.find("schedule", given)
  return schedule.module.factor(schedule.options, { step = step, epoch = (step - 1) // PER_EPOCH + 1,
    steps_per_epoch = PER_EPOCH, steps = PER_EPOCH * EPOCHS, state = state })
end

local function higher(a, b, least) return a > b + (least or 0) end

describe("a schedule", function()
  it("constant, with a warm-up", function()
    for _, step in ipairs { 1, 7, 50 } do assert.are.equal(1, factor("constant", step)) end
    near.number(0.05, factor({ name = "constant", warmup = 2 }, 1))
    near.number(1, factor({ name = "constant", warmup = 2 }, 20))
    near.number(1, factor({ name = "constant", warmup = 2 }, 21))
  end)

  it("step, every few epochs or at named ones", function()
    local every = { name = "step", every = 2, factor = 0.5 }
    for epoch, wanted in ipairs { 1, 1, 0.5, 0.5, 0.25 } do near.number(wanted, factor(every, 10 * epoch)) end
    local at = { name = "step", at = { 1, 4 }, factor = 0.1 }
    for epoch, wanted in ipairs { 1, 0.1, 0.1, 0.1, 0.01 } do near.number(wanted, factor(at, 10 * epoch - 9)) end
  end)

  it("cosine, with a warm-up and a floor", function()
    near.number(1, factor("cosine", 1))
    near.number(0.5, factor("cosine", 26))
    near.number(0.5 * (1 + math.cos(math.pi * 0.98)), factor("cosine", 50))
    local warm = { name = "cosine", warmup = 1, floor = 0.2 }
    near.number(0.1, factor(warm, 1))
    near.number(1, factor(warm, 11))
    near.number(0.2 + 0.8 * 0.5, factor(warm, 31))
  end)

  it("plateau, after epochs without improvement", function()
    local schedule = part.find("schedule", { name = "plateau", patience = 1, factor = 0.1, floor = 0.05 })
    local state, factors = schedule.module.state(), {}
    for i, metric in ipairs { 0.5, 0.6, 0.6, 0.6, 0.7, 0.1, 0.2, 0.3, 0.3 } do
      schedule.module.observe(schedule.options, state, metric, higher)
      factors[i] = schedule.module.factor(schedule.options, { state = state })
    end
    for i, wanted in ipairs { 1, 1, 1, 0.1, 0.1, 0.1, 0.05, 0.05, 0.05 } do near.number(wanted, factors[i]) end
  end)

  it("is refused when misspelt", function()
    assert.has_error(function() part.find("schedule", "cosin") end)
    assert.has_error(function() part.find("schedule", { name = "cosine", warmpu = 1 }) end)
    assert.has_error(function() part.find("schedule", { name = "cosine", warmup = "two" }) end)
    assert.has_error(function() part.find("schedule", { name = "cosine", floor = 2 }) end)
    assert.has_error(function() part.find("schedule", { warmup = 2 }) end)
  end)
end)
