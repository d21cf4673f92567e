-- fovea run with a network that a training recipe makes: trained once, taken when it is there, evaluated, merged.
local command = require "support.command"
local csv = require "fovea.report.csv"
local fovea = require "fovea"
local lfs = require "lfs"
local scratch = require("support.scratch").new()

local TRAIN = [[
name: tiny
arch: unet
arch_options: { width: 4, depth: 2 }
data:
  train: { phantom: dermoscopy, count: 8, size: 32 }
  validation: { phantom: dermoscopy, count: 2, seed: 100, size: 32 }
preprocess: { channels: 3, size: { policy: pad, multiple: 4 } }
batch: 4
epochs: 2
out: %s
]]

local COMMON = [[
layers: candidates
strategies: [0.5, otsu]
scores: [logit, probability]
metrics: [gini]
evaluate: { metrics: [dice, auc] }
outputs:
  summaries: [layer, threshold+score]
  charts: [gini]
  figure: [ { columns: layers, only: { score: logit }, cell: 32 }, { columns: scores, cell: 32 } ]
]]

local RUN = [[
extends: common.yaml
models: { train: { extends: train.yaml, epochs: 1 } }
images: { phantom: dermoscopy, count: 2, seed: 9001, size: 32 }
]]

describe("fovea run with a network to train", function()
  local recipe

  setup(function()
    scratch:write("train.yaml", TRAIN:format(scratch:path "network"))
    scratch:write("common.yaml", COMMON)
    recipe = scratch:write("run.yaml", RUN)
  end)

  teardown(function() os.execute("rm -rf " .. command.quote(scratch.folder)) end)

  local function run(out, words)
    local all = { "run", recipe, "--out", scratch:path(out) }
    table.move(words or {}, 1, words and #words or 0, #all + 1, all)
    return command.run(all, { env = "OMP_NUM_THREADS=1" })
  end

  local function rows(path) return assert(csv.decode(scratch:read(path))) end

  it("a dry run trains nothing and says so", function()
    local status, said = run("dry", { "--dry-run" })
    assert.equal(0, status)
    assert.matches("tiny is not trained yet: 1 epochs come first", said, 1, true)
    assert.is_nil(lfs.attributes(scratch:path "network", "mode"))
  end)

  it("trains, evaluates, explains; the second time the network is taken", function()
    local status, said, complained = run "out"
    assert.equal(0, status)
    assert.matches("training tiny: epoch 1/1, loss ", complained)
    assert.matches("16 cases: 16 computed", said)
    local weights = scratch:read "network/tiny.safetensors"
    status, said, complained = run "out"
    assert.equal(0, status)
    assert.matches("16 were there", said)
    assert.not_matches("training", complained)
    assert.equal(weights, scratch:read "network/tiny.safetensors")
  end)

  it("scores the segmentation of every image once, as fovea evaluate does", function()
    local found = rows "out/evaluation.csv"
    assert.equal(2, #found)
    local _, said = command.run({ "evaluate", scratch:path "network/tiny.safetensors", "--phantom", "dermoscopy",
      "--count", "2", "--seed", "9001", "--phantom-option", "size=32", "--json" }, { env = "OMP_NUM_THREADS=1" })
    for i, image in ipairs(assert(fovea.json.decode(said)).images) do
      assert.equal(image.image, found[i].image)
      assert.is_true(math.abs(image.scores.dice - tonumber(found[i].dice)) < 1e-9)
      assert.is_true(math.abs(image.scores.auc - tonumber(found[i].auc)) < 1e-9)
    end
    assert.matches("| tiny  | Dice ", scratch:read "out/evaluation_summary.md", 1, true)
  end)

  it("pools by what is asked for, and draws the figures that are asked for", function()
    local pooled = rows "out/summary_by_threshold+score.csv"
    assert.equal(4, #pooled)
    local sum, count = 0, 0
    for _, row in ipairs(rows "out/cases.csv") do
      if row.threshold == "otsu" and row.score == "logit" then
        sum, count = sum + tonumber(row.pixels), count + 1
      end
    end
    assert.equal("otsu", pooled[3].threshold)
    assert.equal("logit", pooled[3].score)
    assert.equal(tostring(count), pooled[3].maps)
    assert.is_true(math.abs(sum / count - tonumber(pooled[3].pixels_mean)) < 1e-6)
    for _, name in ipairs { "layers-01", "layers-02", "scores-01", "scores-04" } do
      assert.equal("file", lfs.attributes(scratch:path(("out/figures/%s.png"):format(name)), "mode"))
    end
    assert.is_nil(lfs.attributes(scratch:path "out/figures/layers-03.png", "mode"))
  end)

  it("shards joined, and workers, give the same tables", function()
    for i = 1, 2 do assert.equal(0, (run("shard" .. i, { "--shard", i .. "/2" }))) end
    local shards = { scratch:path "shard1", scratch:path "shard2" }
    assert.equal(0, (command.run { "merge", shards[1], shards[2], "--out", scratch:path "all" }))
    assert.equal(0, (run("jobs", { "--jobs", "2" })))
    for _, name in ipairs { "cases.csv", "evaluation.csv", "evaluation_summary.csv", "summary_by_layer.md", "plan.json",
      "figures/scores-03.png", "figures/chart-01-gini.png" } do
      assert.equal(scratch:read("out/" .. name), scratch:read("all/" .. name), name)
      assert.equal(scratch:read("out/" .. name), scratch:read("jobs/" .. name), name)
    end
  end)

  it("explains the first images only, and scores all", function()
    assert.equal(0, (run("some", { "--set", "explain=1" })))
    assert.equal(8, #rows "some/cases.csv")
    assert.equal(scratch:read "out/evaluation.csv", scratch:read "some/evaluation.csv")
    for i = 1, 2 do run("part" .. i, { "--set", "explain=1", "--shard", i .. "/2" }) end
    local parts = { scratch:path "part1", scratch:path "part2" }
    assert.equal(0, (command.run { "merge", parts[1], parts[2], "--out", scratch:path "joined" }))
    assert.equal(scratch:read "out/evaluation.csv", scratch:read "joined/evaluation.csv")
  end)

  it("refuses weights of another network, and trains in another folder", function()
    local status, _, complained = run("other", { "--set", "models.train.arch_options.width=6" })
    assert.equal(2, status)
    assert.matches("other settings", complained)
    status = run("other", { "--set", "models.train.arch_options.width=6", "--set",
      "models.train.out=" .. scratch:path "wide" })
    assert.equal(0, status)
    assert.equal("file", lfs.attributes(scratch:path "wide/tiny.safetensors", "mode"))
  end)

  it("takes weights named by path, if they are of this network", function()
    local words = { "--set", "models.path=" .. scratch:path "network/tiny.safetensors", "--set",
      "models.train.out=" .. scratch:path "nowhere" }
    assert.equal(0, (run("path", words)))
    assert.is_nil(lfs.attributes(scratch:path "nowhere", "mode"))
    assert.equal(scratch:read "out/cases.csv", scratch:read "path/cases.csv")
  end)

  it("a training that cannot begin takes its own cases down only", function()
    scratch:write("bad.yaml", RUN:gsub("models: .-\n", ([[
models:
  - { name: a, train: { extends: train.yaml, epochs: 1 } }
  - { name: b, train: { extends: train.yaml, out: %s, data: { train: { phantom: null, files: "none*.png" } } } }
]]):format(scratch:path "bad")))
    local status, said = command.run({ "run", scratch:path "bad.yaml", "--out", scratch:path "mixed" },
      { env = "OMP_NUM_THREADS=1" })
    assert.equal(1, status, said) -- there are no such images
    scratch:write("bad.yaml", (RUN:gsub("models: .-\n", ([[
models:
  - { name: a, train: { extends: train.yaml, epochs: 1 } }
  - { name: b, train: { extends: train.yaml, name: b, out: %s, weights: none.safetensors } }
]]):format(scratch:path "bad"))))
    status, said = command.run({ "run", scratch:path "bad.yaml", "--out", scratch:path "mixed" },
      { env = "OMP_NUM_THREADS=1" })
    assert.equal(1, status)
    assert.matches("16 failed", said)
  end)

  it("a key that is empty takes away that of the file that is extended", function()
    scratch:write("heavy.yaml", "extends: train.yaml\nweights: none.safetensors\nearly_stopping: { patience: 2 }\n")
    scratch:write("light.yaml", (RUN:gsub("extends: train.yaml, epochs: 1", ("extends: heavy.yaml, epochs: 1, "
      .. "weights: null, out: %s"):format(scratch:path "light"))))
    assert.equal(0, (command.run({ "run", scratch:path "light.yaml", "--out", scratch:path "l1" },
      { env = "OMP_NUM_THREADS=1" })))
    scratch:write("light.yaml", (RUN:gsub("extends: train.yaml", "extends: heavy.yaml")))
    local words = { "run", scratch:path "light.yaml", "--out", scratch:path "l2", "--set", "models.train.weights=",
      "--set", "evaluate=", "--set", "models.train.out=" .. scratch:path "light2" }
    assert.equal(0, (command.run(words, { env = "OMP_NUM_THREADS=1" })))
    assert.equal(scratch:read "l1/cases.csv", scratch:read "l2/cases.csv")
    assert.is_nil(lfs.attributes(scratch:path "l2/evaluation.csv"))
  end)

  it("misuse is told with its place", function()
    local function complaint(words)
      local status, _, text = run("misuse", words)
      assert.equal(2, status)
      return text
    end
    assert.matches("did you mean 'dice'", complaint { "--set", "evaluate.metrics=[dise]" })
    assert.matches("did you mean 'layer'", complaint { "--set", "outputs.summaries=[lyer]" })
    assert.matches("did you mean 'gini'", complaint { "--set", "outputs.charts=[gine]" })
    assert.matches("said by the training recipe", complaint { "--set", "models.arch=unet" })
    assert.matches("unknown key 'epoch'", complaint { "--set", "models.train.epoch=3" })
    assert.matches("needs 'path' or 'train'", complaint { "--set", "models={name: x}" })
    scratch:write("circle.yaml", "extends: circle.yaml\n")
    local status, _, text = command.run { "run", scratch:path "circle.yaml" }
    assert.equal(2, status)
    assert.matches("more than 10 files in a row", text)
  end)
end)
