-- Losses, optimisers and schedules by name, from files of one's own, and as functions.
local fovea = require "fovea"
local near = require "support.near"
local part = require "fovea.train.part"
local scratch = require "support.scratch"

local LOSS = [[
return {
  options = { { name = "factor", default = 2, min = 0, doc = "of the mean logit" } },
  value = function(logits, _, options)
    return options.factor * logits:mean(), logits * 0 + options.factor / logits:count()
  end,
}
]]

local function model_of()
  return assert(fovea.arch.model { name = "toy", input = function() return { 1, 1, false, false } end,
    build = function(nn, x) return nn:conv("head", x, 1, { kernel = 1, bias = false }) end })
end

local INPUT, TARGET = fovea.tensor { { { { 1, 2 }, { 3, 6 } } } }, fovea.zeros { 1, 1, 2, 2 }
local LOADER = { steps = function() return 1 end, batch = function() return INPUT, TARGET end }

--- Change of the one weight by a step of 1 down the gradient, which is factor x mean(x) = 3 factor.
local function change(loss)
  local model = model_of()
  assert(model:at(INPUT:shape()))
  local before = model.weights["head.weight"]:item()
  local trainer = fovea.train.new(model, { loss = loss, optimiser = { name = "sgd", rate = 1, momentum = 0 } })
  assert(trainer:step(INPUT, TARGET))
  return model.weights["head.weight"]:item() - before
end

describe("a part of training", function()
  local place

  setup(function() place = scratch.new() end)
  teardown(function() os.execute("rm -rf '" .. place.folder .. "'") end)

  it("is found by name, with defaults and checks", function()
    local found = part.find("loss", { name = "dice", smooth = 0 })
    assert.are.same({ smooth = 0, per_image = false }, found.options)
    assert.has_error(function() part.find("loss", { name = "dice", per_image = 1 }) end)
    assert.has_error(function() part.find("loss", { name = "dice", smooth = -1 }) end)
    assert.has_error(function() part.find("optimiser", "adm") end)
    assert.has_error(function() part.find("loss", 3) end)
    for _, kind in ipairs { "loss", "optimiser", "schedule" } do
      for _, name in ipairs(fovea.train.names(kind)) do assert.is_string(part.find(kind, name).module.doc) end
    end
  end)

  it("comes from a file of one's own", function()
    local path = place:write("mean.lua", LOSS)
    near.number(-6, change("file:" .. path), 1e-5)
    near.number(-1.5, change { name = "file:" .. path, factor = 0.5 }, 1e-5)
    assert.has_error(function() change { name = "file:" .. path, factr = 1 } end)
    assert.has_error(function() change("file:" .. place:write("bad.lua", "return 3")) end)
    assert.has_error(function() change("file:" .. place:write("worse.lua", "return +")) end)
    assert.has_error(function() change("file:" .. place:path "nowhere.lua") end)
  end)

  it("is a function from Lua", function()
    near.number(-3, change(function(logits) return logits:mean(), logits * 0 + 1 / logits:count() end), 1e-5)
  end)

  it("in a file is part of what a run depends on", function()
    local path = place:write("changing.lua", LOSS)
    local options = { loss = "file:" .. path, folder = place:path "run", epochs = 1 }
    assert(fovea.train.fit(model_of(), LOADER, options))
    assert(fovea.train.fit(model_of(), LOADER, options))
    place:write("changing.lua", LOSS .. "\n")
    local _, message = fovea.train.fit(model_of(), LOADER, options)
    assert.is_truthy(message:find("loss_file", 1, true))
  end)

  it("in a recipe is looked for beside it", function()
    place:write("mean.lua", LOSS)
    local path = place:write("recipe.yaml", "arch: unet\narch_options: { width: 2, depth: 2 }\nbatch: 2\nepochs: 1\n"
      .. "data: { train: { phantom: dermoscopy, count: 2, size: 32 } }\nloss: { name: 'file:mean.lua', factor: 3 }\n")
    local plan = assert(fovea.train.plan(path, { out = place:path "out" }))
    assert.are.equal("file:" .. place:path "mean.lua", plan.settings.loss.name)
    assert(fovea.train.run(plan, {}))
  end)
end)
