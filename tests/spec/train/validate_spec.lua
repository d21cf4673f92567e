-- Validation: losses and metrics of a network whose logits are known, averaged over images and classes.
local fovea = require "fovea"
local near = require "support.near"
local validate = require "fovea.train.validate"

--- A network that gives its input back as logits, by a 1x1 convolution with the identity.
local function model_of(channels)
  local model = assert(fovea.arch.model { name = "same",
    input = function() return { 1, channels, false, false } end,
    build = function(nn, x) return nn:conv("head", x, channels, { kernel = 1, bias = false }) end })
  assert(model:at { 1, channels, 2, 2 })
  local weight = model.weights["head.weight"]:fill(0)
  for c = 1, channels do weight:set(c, c, 1, 1, 1) end
  return model
end

local function loader_of(batches)
  return { steps = function() return #batches end,
    batch = function(_, epoch, step) return batches[step][1], batches[step][2], epoch end }
end

local function softplus(z) return math.log(1 + math.exp(z)) end

describe("validation", function()
  it("averages metrics over images and losses over batches", function()
    local trainer = fovea.train.new(model_of(1), { loss = "bce" })
    local logits = fovea.tensor { { { { 2, 1 }, { -1, -2 } } }, { { { 3, -1 }, { -1, -1 } } } }
    local truth = fovea.tensor { { { { 1, 0 }, { 1, 0 } } }, { { { 1, 0 }, { 0, 0 } } } }
    local empty = fovea.tensor { { { { -1, -1 }, { -1, -1 } } } }
    local found = assert(validate.run(trainer,
      loader_of { { logits, truth }, { empty, fovea.zeros { 1, 1, 2, 2 } } }, { "dice", "iou", "sensitivity" }))
    near.number((0.5 + 1 + 1) / 3, found.dice)
    near.number((1 / 3 + 1 + 1) / 3, found.iou)
    near.number((0.5 + 1) / 2, found.sensitivity) -- without a value where there is no foreground
    local first = (softplus(-2) + softplus(1) + softplus(1) + softplus(-2) + softplus(-3) + 3 * softplus(-1)) / 8
    near.number((first + softplus(-1)) / 2, found.loss)
  end)

  it("leaves the background of a softmax out and asks which class wins", function()
    local trainer = fovea.train.new(model_of(3), { loss = "cross_entropy" })
    -- winners: classes 1, 2, 3, 3; truth: 1, 2, 2, 3
    local logits = fovea.tensor { { { { 5, 0 }, { 1, 0 } }, { { 0, 5 }, { 0, 4 } }, { { 0, 1 }, { 5, 5 } } } }
    local truth = fovea.tensor { { { { 1, 0 }, { 0, 0 } }, { { 0, 1 }, { 1, 0 } }, { { 0, 0 }, { 0, 1 } } } }
    local found = assert(validate.run(trainer, loader_of { { logits, truth } }, { "dice" }))
    near.number((2 / 3 + 2 / 3) / 2, found.dice)
  end)

  it("sees weights as they are now", function()
    local model = model_of(1)
    local trainer = fovea.train.new(model, { loss = "bce" })
    local loader = loader_of { { fovea.full({ 1, 1, 2, 2 }, 1), fovea.full({ 1, 1, 2, 2 }, 1) } }
    assert.are.equal(1, assert(validate.run(trainer, loader, { "dice" })).dice)
    model.weights["head.weight"]:fill(-1)
    assert.are.equal(0, assert(validate.run(trainer, loader, { "dice" })).dice)
    near.number(-1, model:forward(fovea.full({ 1, 1, 2, 2 }, 1))[1]:mean())
  end)

  it("hands on what a loader says", function()
    local trainer = fovea.train.new(model_of(1))
    local loader = { steps = function() return 1 end, batch = function() return nil, "gone", "io" end }
    assert.are.same({ n = 3, [2] = "gone", [3] = "io" }, table.pack(validate.run(trainer, loader, { "dice" })))
  end)
end)
