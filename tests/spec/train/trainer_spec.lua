-- Single steps: heads, frozen parameters, dropout, clipping, several outputs, what is refused.
local fovea = require "fovea"
local near = require "support.near"

--- A network of one dense weight per channel, two outputs, and dropout on the way to the second.
local function architecture(options)
  options = options or {}
  return {
    name = "toy", options = { { name = "rate", default = options.rate or 0 } },
    input = function() return { 1, 1, false, false } end,
    build = function(nn, x, o)
      local a = nn:conv("first", x, options.classes or 1, { kernel = 1 })
      if options.single then return nn:identity("output1", a) end
      local b = nn:conv("second", nn:dropout("drop", x, { rate = o.rate }), 1, { kernel = 1 })
      return { nn:identity("output1", a), nn:sigmoid("output2", b) }
    end,
  }
end

local function model_of(options)
  local model = assert(fovea.arch.model(architecture(options)))
  assert(model:at { 1, 1, 2, 2 })
  for _, entry in ipairs(model.parameters) do model.weights[entry.name]:fill(entry.name:find "bias" and 0 or 0.5) end
  return model
end

local INPUT = fovea.tensor { { { { 1, -2 }, { 3, 0 } } } }
local TARGET = fovea.tensor { { { { 1, 0 }, { 1, 1 } } } }
local PLAIN = { name = "sgd", rate = 1, momentum = 0 }

local function sigmoid(z) return 1 / (1 + math.exp(-z)) end

--- Mean over the pixels of (p - t) x, the gradient of a weight under binary cross-entropy; z = w x.
local function slope(w)
  local x, t, sum = INPUT:values(), TARGET:values(), 0
  for i = 1, 4 do sum = sum + (sigmoid(w * x[i]) - t[i]) * x[i] / 4 end
  return sum
end

local function weight(model, name) return model.weights[name .. ".weight"]:item() end

describe("a trainer", function()
  it("takes one step down the gradient, for all outputs, through the logits of a sigmoid", function()
    local model = model_of()
    local trainer = fovea.train.new(model, { loss = "bce", optimiser = PLAIN })
    local loss, details = assert(trainer:step(INPUT, TARGET))
    near.number(details.parts[1] + details.parts[2], loss)
    near.number(details.parts[1], details.parts[2])
    near.number(0.5 - slope(0.5), weight(model, "first"))
    near.number(0.5 - slope(0.5), weight(model, "second"))
    assert.are.equal(1, trainer.steps)
  end)

  it("weighs outputs, and leaves out those without a weight", function()
    local model = model_of()
    local trainer = fovea.train.new(model, { loss = "bce", optimiser = PLAIN, outputs = { output2 = 0.25 } })
    local loss, details = assert(trainer:step(INPUT, TARGET))
    near.number(0.25 * details.parts[1], loss)
    assert.are.equal(0.5, weight(model, "first"))
    near.number(0.5 - 0.25 * slope(0.5), weight(model, "second"))
    assert.has_error(function() fovea.train.new(model_of(), { outputs = { output3 = 1 } }):step(INPUT, TARGET) end)
  end)

  it("scales the gradient down to the norm", function()
    local model = model_of { single = true }
    local trainer = fovea.train.new(model, { loss = "bce", optimiser = PLAIN, clip = 0.01 })
    local _, details = assert(trainer:step(INPUT, TARGET))
    local bias = model.weights["first.bias"]:item()
    near.number(0.01, math.sqrt((weight(model, "first") - 0.5) ^ 2 + bias ^ 2), 1e-6)
    near.number(slope(0.5) / details.norm * -0.01, weight(model, "first") - 0.5, 1e-6)
  end)

  it("leaves frozen parameters as they are", function()
    local model = model_of()
    assert(fovea.train.new(model, { loss = "bce", optimiser = PLAIN, frozen = { "first.*" } }):step(INPUT, TARGET))
    assert.are.equal(0.5, weight(model, "first"))
    assert.are_not.equal(0.5, weight(model, "second"))
  end)

  it("drops by seed and step alone, and not outside of training", function()
    local function run(seed, steps, from)
      local model = model_of { rate = 0.5 }
      local trainer = fovea.train.new(model, { loss = "bce", optimiser = PLAIN, seed = seed })
      trainer.steps = from or 0
      local losses = {}
      for i = 1, steps do losses[i] = assert(trainer:step(INPUT, TARGET, 0)) end
      return losses
    end
    local first = run(1, 6)
    assert.are.same(first, run(1, 6))
    assert.are_not.same(first, run(2, 6))
    assert.are.same({ first[4], first[5], first[6] }, run(1, 3, 3))
    local model = model_of { rate = 0.5 }
    near.values({ sigmoid(0.5), sigmoid(-1), sigmoid(1.5), 0.5 }, model:forward(INPUT).output2)
  end)

  it("serves a softmax of two classes with one mask, and coarser outputs with shares", function()
    local model = model_of { single = true, classes = 2 }
    model.weights["first.weight"]:assign(fovea.tensor { { { { 0 } } }, { { { 1 } } } })
    local loss = assert(fovea.train.new(model, { loss = "cross_entropy", optimiser = PLAIN }):step(INPUT, TARGET, 0))
    local sum = 0
    for i, x in ipairs(INPUT:values()) do
      local p = sigmoid(x)
      sum = sum - math.log(TARGET:values()[i] == 1 and p or 1 - p) / 4
    end
    near.number(sum, loss)
    local target = require "fovea.train.target"
    near.values({ 0.75 }, target.of(TARGET, { 1, 1, 1, 1 }, "sigmoid"))
    near.values({ 0, 1, 0, 0, 1, 0, 1, 1 }, target.of(TARGET, { 1, 2, 2, 2 }, "softmax"))
    assert.has_error(function() target.of(TARGET, { 1, 3, 2, 2 }, "softmax") end)
    assert.has_error(function() target.of(TARGET, { 2, 1, 2, 2 }, "sigmoid") end)
  end)

  it("says no to losses of another kind, unknown options and models without weights", function()
    assert.has_error(function()
      fovea.train.new(model_of { single = true, classes = 2 }, { loss = "bce" }):step(INPUT, TARGET)
    end)
    assert.has_error(function() fovea.train.new(model_of(), { losses = "bce" }) end)
    assert.has_error(function() fovea.train.new(model_of(), { loss = "bse" }) end)
    assert.has_error(function() fovea.train.new(model_of(), { clip = 0 }) end)
    assert.has_error(function() fovea.train.new(model_of(), { activation = "tanh" }) end)
    assert.has_error(function()
      fovea.train.new(fovea.model { name = "m", input = { 1, 1, 2, 2 }, build = function(g, x)
        return g:relu { x, name = "y" }
      end }, {})
    end)
  end)

  it("stops before the update when a number is not finite", function()
    local model = model_of()
    local trainer = fovea.train.new(model, { loss = "bce", optimiser = PLAIN })
    local loss, message, code = trainer:step(INPUT * (0 / 0), TARGET)
    assert.is_nil(loss)
    assert.are.equal("nonfinite", code)
    assert.is_truthy(message:find "nan")
    assert.are.equal(0.5, weight(model, "first"))
    assert.are.equal(0, trainer.steps)
  end)
end)
