-- The loop: epochs, validation, the best weights, early stopping, going on from a state, what stops it.
local fovea = require "fovea"
local lfs = require "lfs"
local near = require "support.near"
local scratch = require "support.scratch"

local ARCH = {
  name = "toy", options = { { name = "width", default = 2 } }, input = function() return { 1, 1, false, false } end,
  preprocess = { channels = 1, scale = 1 / 255 },
  build = function(nn, x, options)
    local y = nn:recurrent_conv("loop", nn:conv("first", x, options.width), { steps = 1 })
    return nn:conv("head", nn:dropout("drop", y, { rate = 0.2 }), 1, { kernel = 1 })
  end,
}

--- Batches of noise with a bright square; a function of epoch and step.
local function loader_of(steps, first, broken)
  return { steps = function() return steps end, batch = function(_, epoch, step)
    local seed = first + epoch * 100 + step
    local target = fovea.zeros { 2, 1, 8, 8 }
    local at = seed % 5 + 1
    for n = 1, 2 do
      for i = at, at + 2 do
        for j = 2, 5 do target:set(n, 1, i, j, 1) end
      end
    end
    local input = fovea.normal({ 2, 1, 8, 8 }, { seed = seed }) + target * 2
    if broken and epoch == broken[1] and step == broken[2] then input = input * (0 / 0) end
    return input, target
  end }
end

local function model_of() return assert(fovea.arch.model(ARCH, {}, {}, { seed = 5 })) end

local function options_of(more)
  local options = { epochs = 3, loss = "dice_bce", optimiser = { name = "nadam", rate = 0.05 }, clip = 1,
    schedule = { name = "plateau", patience = 0 }, validation = loader_of(2, 5000), seed = 9, name = "toy" }
  for key, value in pairs(more or {}) do options[key] = value end
  return options
end

local function hash(model)
  local parts = {}
  for _, entry in ipairs(model.parameters) do parts[#parts + 1] = model.weights[entry.name]:hash() end
  return table.concat(parts)
end

local function read(path)
  local file = assert(io.open(path, "rb"))
  local text = file:read "a"
  file:close()
  return text
end

--- A callback that interrupts after so many steps.
local function stop_after(count)
  return function(event)
    if event.kind == "step" then count = count - 1 end
    if count == 0 then error("stopped here", 0) end
  end
end

describe("fit", function()
  local place

  before_each(function() place = scratch.new() end)
  after_each(function() os.execute("rm -rf '" .. place.folder .. "'") end)

  it("runs epochs and reports rows", function()
    local model, events = model_of(), { step = 0, epoch = 0 }
    local result = assert(fovea.train.fit(model, loader_of(4, 0), options_of {
      report = function(event) events[event.kind] = events[event.kind] + 1 end }))
    assert.are.same({ step = 12, epoch = 3 }, events)
    assert.are.equal("done", result.finished)
    assert.are.equal(3, #result.history)
    assert.are.equal(12, result.history[3].steps)
    assert.is_true(result.history[3].loss < result.history[1].loss)
    for _, name in ipairs { "dice", "iou", "loss" } do
      assert.is_number(result.history[1]["validation_" .. name])
    end
    assert.is_nil(result.weights)
  end)

  it("writes weights that load by themselves, a log and a curve", function()
    local named = assert(fovea.arch.model("unet", { width = 2, depth = 2, channels = 1 }))
    local folder = place:path "out/deep"
    local result = assert(fovea.train.fit(named, loader_of(2, 0), { epochs = 2, folder = folder, name = "small" }))
    assert.are.equal(folder .. "/small.safetensors", result.weights)
    local again = assert(fovea.load(result.weights))
    local input = (loader_of(1, 7)):batch(1, 1)
    assert.is_true(named:forward(input)[1]:equal(again:forward(input)[1]))
    assert.are.equal(2, again.options.depth)
    assert.are.same(named.preprocess, again.preprocess)
    local log = read(folder .. "/log.csv")
    assert.are.equal("epoch,steps,rate,loss,norm", log:match "^[^\n]*")
    near.number(result.history[2].loss, tonumber(log:match "2,4,[^,]*,([^,]*)"), 1e-9)
    assert.are.same({ 3, 280, 640 }, assert(fovea.image.read(folder .. "/curve.png")):rgb():shape())
  end)

  it("goes on from any step to the same weights", function()
    local undisturbed = model_of()
    local all = assert(fovea.train.fit(undisturbed, loader_of(4, 0), options_of { folder = place:path "a" }))
    for _, steps in ipairs { 1, 3, 4, 7, 11 } do
      local folder = place:path("b" .. steps)
      local more = { folder = folder, checkpoint_steps = 2 }
      more.report = stop_after(steps)
      assert.has_error(function() fovea.train.fit(model_of(), loader_of(4, 0), options_of(more)) end, "stopped here")
      more.report = nil
      local model = model_of()
      local result = assert(fovea.train.fit(model, loader_of(4, 0), options_of(more)))
      assert.are.equal(steps > 1, result.resumed)
      assert.are.equal(hash(undisturbed), hash(model))
      assert.are.same(all.history, result.history)
      for _, name in ipairs { "toy.safetensors", "log.csv", "curve.png" } do
        assert.is_true(read(place:path("a/" .. name)) == read(folder .. "/" .. name), name)
      end
    end
  end)

  it("is done when it is done", function()
    local options = options_of { folder = place:path "a" }
    assert(fovea.train.fit(model_of(), loader_of(2, 0), options))
    local model, steps = model_of(), 0
    options.report = function() steps = steps + 1 end
    local result = assert(fovea.train.fit(model, loader_of(2, 0), options))
    assert.are.equal(0, steps)
    assert.are.equal(3, #result.history)
    options.force = true
    assert(fovea.train.fit(model, loader_of(2, 0), options))
    assert.are.equal(9, steps)
  end)

  it("refuses to go on with other settings, and says which", function()
    local folder = place:path "a"
    assert(fovea.train.fit(model_of(), loader_of(2, 0), options_of { folder = folder }))
    local function message(more, loader)
      more.folder = folder
      local result, text, code = fovea.train.fit(model_of(), loader or loader_of(2, 0), options_of(more))
      assert.is_nil(result)
      assert.are.equal("mismatch", code)
      return text
    end
    assert.is_truthy(message { epochs = 4 }:find("epochs: 3, now 4", 1, true))
    assert.is_truthy(message { optimiser = "adam" }:find('now "adam"', 1, true))
    assert.is_truthy(message({}, loader_of(3, 0)):find("steps_per_epoch: 2, now 3", 1, true))
    assert.is_truthy(message { config = { data = "x" } }:find('data: null, now "x"', 1, true))
    assert.is_truthy(message { threads = fovea.threads() + 1 }:find("threads:", 1, true))
  end)

  it("keeps the best weights, or the last ones", function()
    local values, epochs = {}, 6
    for _, keep in ipairs { "best", "last" } do
      local model = model_of()
      local result = assert(fovea.train.fit(model, loader_of(3, 0), options_of { epochs = epochs, keep = keep,
        optimiser = { name = "sgd", rate = 2, momentum = 0.9 }, schedule = "constant", folder = place:path(keep) }))
      local best = -1
      for _, row in ipairs(result.history) do best = math.max(best, row.validation_dice) end
      assert.are.equal(best, result.best.value)
      assert.are.equal(best, result.history[result.best.epoch].validation_dice)
      local _, metadata = assert(fovea.safetensors.read(place:path(keep .. "/toy.safetensors")))
      values[keep] = fovea.json.decode(metadata["fovea.trained"])
      if keep == "best" then assert.are.equal(result.best.epoch, values.best.epoch) end
    end
    assert.are.equal(epochs, values.last.epoch)
  end)

  it("stops early when nothing improves", function()
    local result = assert(fovea.train.fit(model_of(), loader_of(2, 0), options_of { epochs = 30,
      optimiser = { name = "sgd", rate = 1e-9 }, early_stopping = { patience = 2, least = 0.01 } }))
    assert.are.equal("early", result.finished)
    assert.are.equal(3, #result.history)
    local by_loss = assert(fovea.train.fit(model_of(), loader_of(2, 0), options_of { epochs = 30, watch = "loss",
      optimiser = { name = "sgd", rate = 1e-9 }, early_stopping = { patience = 4, least = 10 } }))
    assert.are.equal(5, #by_loss.history)
  end)

  it("stops at a loss that is not finite and keeps the state of the epoch before", function()
    local folder = place:path "a"
    local result, message, code = fovea.train.fit(model_of(), loader_of(4, 0, { 2, 3 }), options_of { folder = folder })
    assert.is_nil(result)
    assert.are.equal("nonfinite", code)
    assert.is_truthy(message:find "^epoch 2, step 3: the .*nan")
    assert.is_truthy(message:find("the state after epoch 1 is kept in " .. folder, 1, true))
    local reference = model_of()
    assert(fovea.train.fit(reference, loader_of(4, 0), options_of()))
    local model = model_of()
    assert(fovea.train.fit(model, loader_of(4, 0), options_of { folder = folder }))
    assert.are.equal(hash(reference), hash(model))
  end)

  it("says what is wrong with a state file, and what is asked wrongly", function()
    lfs.mkdir(place:path "a")
    place:write("a/state.safetensors", "no such thing")
    local result, message = fovea.train.fit(model_of(), loader_of(2, 0), options_of { folder = place:path "a" })
    assert.is_nil(result)
    assert.is_truthy(message:find("state.safetensors", 1, true))
    assert(fovea.safetensors.write(place:path "a/state.safetensors", { a = fovea.zeros { 1 } }))
    result, message = fovea.train.fit(model_of(), loader_of(2, 0), options_of { folder = place:path "a" })
    assert.is_nil(result)
    assert.is_truthy(message:find("not the state of a training run", 1, true))
    assert.has_error(function() fovea.train.fit(model_of(), loader_of(2, 0), { epoch = 2 }) end)
    assert.has_error(function() fovea.train.fit(model_of(), loader_of(2, 0), { watch = "dice" }) end)
    assert.has_error(function() fovea.train.fit(model_of(), loader_of(2, 0), options_of { watch = "dise" }) end)
  end)

  it("hands on what a loader says", function()
    local loader = { steps = function() return 1 end, batch = function() return nil, "eye.png: gone", "io" end }
    local result, message, code = fovea.train.fit(model_of(), loader, options_of())
    assert.is_nil(result)
    assert.are.same({ "eye.png: gone", "io" }, { message, code })
  end)

  it("fixes the running statistics after some epochs", function()
    local function statistics(model)
      local parts = {}
      for _, entry in ipairs(model.parameters) do
        if entry.statistic then parts[#parts + 1] = model.weights[entry.name]:hash() end
      end
      assert.is_true(#parts > 0)
      return table.concat(parts)
    end
    local function trained(epochs, fixed)
      local model = model_of()
      assert(fovea.train.fit(model, loader_of(3, 1), options_of { epochs = epochs, schedule = "constant", keep = "last",
        statistics_epochs = fixed }))
      return model
    end
    local fixed = trained(3, 1)
    assert.are.equal(statistics(trained(1)), statistics(fixed))
    assert.are_not.equal(statistics(trained(3)), statistics(fixed))
    assert.are_not.equal(hash(trained(1)), hash(fixed))
  end)
end)
