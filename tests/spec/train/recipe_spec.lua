-- Training recipes: from keys to a model, loaders and what a run depends on.
local fovea = require "fovea"
local reference = require "fovea.recipe.reference"
local scratch = require "support.scratch"

local function recipe_of(more)
  local recipe = {
    arch = "unet", arch_options = { width = 2, depth = 2 }, batch = 2, epochs = 2,
    loss = { name = "dice", smooth = 0.5 },
    data = { train = { phantom = "dermoscopy", count = 6, seed = 1, size = 32 } },
  }
  for key, value in pairs(more or {}) do recipe[key] = value end
  return recipe
end

local function message_of(more)
  local ok, message = pcall(fovea.train.plan, recipe_of(more))
  assert.is_false(ok)
  return message
end

describe("a training recipe", function()
  local place

  before_each(function() place = scratch.new() end)
  after_each(function() os.execute("rm -rf '" .. place.folder .. "'") end)

  it("becomes a model and loaders", function()
    local plan = assert(fovea.train.plan(recipe_of { seed = 4, out = place:path "a",
      preprocess = { channels = 1, mean = 0.5 }, arch_options = { width = 2, depth = 2, channels = 1 } }))
    assert.are.equal("training", plan.name)
    assert.are.equal(place:path "a", plan.folder)
    assert.are.equal(3, plan.loader:steps())
    local input, target = plan.loader:batch(1, 1)
    assert.are.same({ 2, 1, 32, 32 }, input:shape())
    assert.are.same({ 2, 1, 32, 32 }, target:shape())
    assert.is_true(input:min() < 0)
    assert.is_nil(plan.validation_loader)
    local other = assert(fovea.train.plan(recipe_of { seed = 5 }))
    local name = "encoder.1.conv1.weight"
    assert(plan.model:at { 1, 1, 32, 32 })
    assert.is_false(plan.model.weights[name]:slice(2, 1, 1):equal(other.model.weights[name]:slice(2, 1, 1)))
  end)

  it("validates on whole images in their order, one at a time", function()
    local plan = assert(fovea.train.plan(recipe_of { data = { train = recipe_of().data.train,
      validation = { phantom = "dermoscopy", count = 3, seed = 50, size = 48 }, patch = { 16, 16 },
      augment = { noise = 1 } } }))
    assert.are.same({ 2, 3, 16, 16 }, plan.loader:batch(1, 1):shape())
    assert.are.equal(3, plan.validation_loader:steps())
    assert.are.same({ 1, 3, 48, 48 }, plan.validation_loader:batch(1, 2):shape())
    assert.is_true(plan.validation_loader:batch(1, 2):equal((plan.validation_loader:batch(7, 2))))
  end)

  it("takes other epochs than one pass over the data", function()
    local plain = assert(fovea.train.plan(recipe_of()))
    local plan = assert(fovea.train.plan(recipe_of { steps_per_epoch = 4 }))
    assert.are.equal(4, plan.loader:steps())
    local at = { { 1, 1 }, { 1, 2 }, { 1, 3 }, { 2, 1 }, { 2, 2 } }
    for i, place_in_data in ipairs(at) do
      local batch = plan.loader:batch((i - 1) // 4 + 1, (i - 1) % 4 + 1)
      assert.is_true(batch:equal((plain.loader:batch(table.unpack(place_in_data)))))
    end
  end)

  it("trains, begins with given weights, and knows what has changed", function()
    local result = assert(fovea.train.run(recipe_of { out = place:path "a" }))
    assert.are.equal(2, #result.history)
    local plan = assert(fovea.train.plan(recipe_of { weights = result.weights }))
    local stored = assert(fovea.safetensors.read(result.weights))
    assert.is_true(stored["head.weight"]:equal(plan.model.weights["head.weight"]))
    local _, message = fovea.train.run(recipe_of { out = place:path "a", batch = 3 })
    assert.is_truthy(message:find("batch: 2, now 3", 1, true))
    _, message = fovea.train.run(recipe_of { out = place:path "a", preprocess = { mean = 0.25 } })
    assert.is_truthy(message:find("preprocess:", 1, true))
  end)

  it("is refused where it is wrong, with the key", function()
    assert.is_truthy(message_of { loss = "dise" }:find("loss: train: unknown loss 'dise'; did you mean 'dice'?", 1,
      true))
    assert.is_truthy(message_of { epoch = 3 }:find("unknown key 'epoch'; did you mean 'epochs'?", 1, true))
    assert.is_truthy(message_of { metrics = { "dice", "dise" } }:find("metrics[2]", 1, true))
    assert.is_truthy(message_of { batch = 7 }:find("6 samples do not make a batch of 7", 1, true))
    assert.is_truthy(message_of { early_stopping = {} }:find("patience", 1, true))
    assert.is_truthy(message_of { arch = "unett" }:find("did you mean 'unet'?", 1, true))
    local wrong = { train = { phantom = "dermoscopi", count = 6 } }
    assert.is_truthy(message_of { data = wrong }:find("data.train: ", 1, true))
    local recipe = recipe_of()
    recipe.data = nil
    assert.has_error(function() fovea.train.plan(recipe) end)
    local plan, message, code = fovea.train.plan(recipe_of { data = { train = { files = "nowhere/*.png",
      masks = "{name}.png" } } })
    assert.is_nil(plan)
    assert.is_truthy(message:find("data.train: ", 1, true) and code)
  end)

  it("has a schema that is shipped for editors", function()
    local file = assert(io.open "configs/train.schema.json")
    local text = file:read "a"
    file:close()
    assert.are.equal(reference.json_schema(require("fovea.train.schema").recipe, "Fovea training recipe") .. "\n", text)
  end)
end)
