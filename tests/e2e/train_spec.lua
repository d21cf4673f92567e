-- fovea train as a user runs it: a run killed at random moments, weights that explain, misuse.
local command = require "support.command"
local fovea = require "fovea"
local scratch = require("support.scratch").new()

local NETWORK = [[
-- Everything with a state of its own: batch statistics, shared weights, dropout, two outputs.
return {
  options = { { name = "width", default = 4 } },
  input = function() return { 1, 3, false, false } end,
  preprocess = { channels = 3, scale = 1 / 255, mean = 0.5, std = 0.25 },
  build = function(nn, x, options)
    local y = nn:scope("encoder"):conv_block(x, options.width)
    local z = nn:recurrent_block("deep", nn:max_pool("pool", y, { kernel = 2 }), 2 * options.width, { steps = 1 })
    z = nn:up("up", nn:dropout("drop", z, { rate = 0.3 }), { channels = 4, mode = "transposed" })
    local first = nn:conv("coarse", nn:concat("concat", y, z), 1, { kernel = 1 })
    return { nn:sigmoid("output1", first), nn:conv("output2", nn:scope("decoder"):conv_block(z, 4), 1, { kernel = 1 }) }
  end,
}
]]

local RECIPE = [[
name: net
arch: ./network.lua
arch_options: { width: 4 }
data:
  train: { phantom: dermoscopy, count: 24, seed: 1, size: 64 }
  validation: { phantom: dermoscopy, count: 4, seed: 101, size: 64 }
  patch: [48, 48]
  foreground_share: 0.5
  augment: { flip: true, rotate: 20, elastic: 2, brightness: 0.1, noise: 0.02 }
loss: dice_bce
outputs: { output1: 0.5, output2: 1 }
optimiser: { name: nadam, rate: 0.01 }
schedule: { name: plateau, patience: 0 }
clip: 1
batch: 4
epochs: 5
checkpoint_steps: 2
seed: 3
]]

local SAME = { "net.safetensors", "log.csv", "curve.png" }

describe("fovea train", function()
  local recipe

  setup(function()
    scratch:write("network.lua", NETWORK)
    recipe = scratch:write("recipe.yaml", RECIPE)
  end)

  local function clear(path) os.execute("rm -rf " .. command.quote(path)) end

  teardown(function() clear(scratch.folder) end)

  local function train(out, words, path)
    local all = { "train", path or recipe, "--out", scratch:path(out) }
    table.move(words or {}, 1, words and #words or 0, #all + 1, all)
    return command.run(all, { env = "OMP_NUM_THREADS=1" })
  end

  --- Kills a run after some seconds; whether it was still there.
  local function killed(out, seconds)
    local fovea_path = os.getenv "FOVEA" or (io.popen("pwd"):read "l" .. "/bin/fovea")
    local _, how, code = os.execute(("OMP_NUM_THREADS=1 timeout -s KILL %.3f %s train %s --out %s >/dev/null 2>&1")
      :format(seconds, command.quote(fovea_path), command.quote(recipe), command.quote(scratch:path(out))))
    return how == "signal" or code == 137
  end

  it("goes on after SIGKILL at five random moments, to the same bits", function()
    local start = fovea.clock()
    assert.are.equal(0, (train "whole"))
    local whole, kills, attempt, moments = fovea.clock() - start, 0, 0, {}
    while kills < 5 and attempt < 20 do
      attempt = attempt + 1
      local seconds = whole * (0.15 + 0.35 * math.random())
      moments[#moments + 1] = ("%.3f"):format(seconds)
      if killed("killed", seconds) then kills = kills + 1 else clear(scratch:path "killed") end
    end
    assert.are.equal(5, kills)
    local status, said, complained = train("killed", { "--json" })
    assert.are.equal(0, status, complained)
    assert.are.equal(5, fovea.json.decode(said).epochs)
    for _, name in ipairs(SAME) do
      local same = scratch:read("whole/" .. name) == scratch:read("killed/" .. name)
      assert.is_true(same, ("%s differs after kills at %s s"):format(name, table.concat(moments, ", ")))
    end
    local a, b = assert(fovea.safetensors.read(scratch:path "whole/state.safetensors")),
      assert(fovea.safetensors.read(scratch:path "killed/state.safetensors"))
    for name, tensor in pairs(a) do assert.is_true(tensor:equal(b[name]), name) end
  end)

  it("writes weights that explain", function()
    assert.are.equal(0, (train("unet", { "--set", "arch=unet", "--set", "arch_options={width: 4, depth: 2}",
      "--set", "outputs={head: 1}", "--set", "epochs=1" })))
    local status, _, complained = command.run { "explain", scratch:path "unet/net.safetensors",
      "phantom:dermoscopy:7,size=64", "--out", scratch:path "maps" }
    assert.are.equal(0, status, complained)
  end)

  it("lists what it would do, and its keys", function()
    local status, said = train("dry", { "--dry-run", "--json" })
    local facts = fovea.json.decode(said)
    assert.are.equal(0, status)
    assert.are.same({ 24, 4, 30, { 4, 3, 48, 48 } },
      { facts.images, facts.validation_images, facts.steps, facts.input })
    assert.is_truthy(select(2, train("dry", { "--dry-run" })):find "5 epochs of 6 steps")
    local _, reference = command.run { "train", "--schema" }
    assert.is_truthy(reference:find "early_stopping: keys")
    assert.is_truthy(reference:find("optimiser nadam: Adam with Nesterov's momentum\n    rate [0.002]: ", 1, true))
    assert.are.equal("Fovea training recipe", fovea.json.decode(select(2, command.run { "train", "--schema",
      "json" })).title)
  end)

  it("says where a recipe is wrong", function()
    local function complaint(line, ...)
      local path = scratch:write("wrong.yaml", RECIPE .. line .. "\n")
      local words = { "--dry-run" }
      for _, word in ipairs { ... } do words[#words + 1], words[#words + 2] = "--set", word end
      local status, _, complained = train("wrong", words, path)
      assert.are.equal(2, status, complained)
      return complained
    end
    assert.is_truthy(complaint "epoch: 3":find("wrong.yaml:19: unknown key 'epoch'; did you mean 'epochs'?", 1, true))
    assert.is_truthy(complaint("", "loss=dise"):find("--set loss: train: unknown loss 'dise'; did you mean 'dice'?", 1,
      true))
    assert.is_truthy(complaint("", "loss={name: dice, smoth: 2}"):find("smoth", 1, true))
    assert.is_truthy(complaint("", "data.augment.rotat=3"):find("augment", 1, true))
    assert.is_truthy(complaint("", "data.train.phantom=dermascopy"):find("dermascopy", 1, true))
    assert.is_truthy(complaint("", "arch_options.widht=3"):find("widht", 1, true))
    assert.is_truthy(complaint("", "batch=0"):find("at least 1", 1, true))
    assert.are.equal(2, (command.run { "train" }))
    assert.are.equal(1, (train("wrong", { "--set", "data.train={files: nowhere/*.png, masks: 'm/{name}.png'}" })))
  end)

  it("refuses to go on with other settings, unless told to begin anew", function()
    local short = { "--set", "epochs=1", "--set", "data.train.count=4" }
    assert.are.equal(0, (train("other", short)))
    local status, _, complained = train("other", { "--set", "epochs=1", "--set", "data.train.count=8" })
    assert.are.equal(1, status)
    assert.is_truthy(complained:find("train: \"4 items", 1, true))
    assert.are.equal(0, (train("other", { "--force", table.unpack(short) })))
  end)
end)
