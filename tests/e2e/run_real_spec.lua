-- A recipe on the real M2U-Net: 3 images x 2 layers x 5 strategies x 2 methods, killed at ten moments, and in shards.
local command = require "support.command"
local fovea = require "fovea"
local lfs = require "lfs"
local real = require "support.real"
local scratch = require("support.scratch").new()

local TABLES = { "cases.csv", "cases.jsonl", "summary.csv", "summary.md", "summary.txt", "plan.json" }

describe("fovea run on a real network #slow", function()
  teardown(function() os.execute("rm -rf " .. command.quote(scratch.folder)) end)

  local function recipe()
    local model, image = real.need "models/m2unet_chasedb1.onnx", real.need "datasets/CHASE_DB1/Image_01L.jpg"
    local here = lfs.currentdir()
    local function absolute(path) return path:sub(1, 1) == "/" and path or ("%s/%s"):format(here, path) end
    return scratch:write("real.yaml", ([[
models: %s
images: { data_set: chase_db1, root: %s, limit: 3 }
preprocess: { channels: 3, size: { policy: fixed, width: 256, height: 256 } }
layers: auto
strategies: [0.5, otsu, "quantile:0.95", { name: top_k, k: 500 }, "component(0.5):largest"]
methods: [gradcam, hirescam]
metrics: [energy_inside, "roc_auc:ground_truth", gini]
outputs: { overlays: false, figure: false, raw: true }
]]):format(absolute(model), absolute(image):match "^(.*)/"))
  end

  local function run(path, out, words)
    local all = { "run", path, "--out", scratch:path(out) }
    table.move(words or {}, 1, words and #words or 0, #all + 1, all)
    local status, _, err = command.run(all)
    assert.equal(0, status, err)
  end

  local function same(a, b)
    for _, name in ipairs(TABLES) do
      assert.is_true(scratch:read(a .. "/" .. name) == scratch:read(b .. "/" .. name), name .. " differs")
    end
  end

  it("gives the same tables killed and restarted, in shards, and in processes", function()
    local path, start = recipe(), fovea.clock()
    run(path, "whole")
    local seconds = fovea.clock() - start
    assert.equal(60, select(2, scratch:read("whole/cases.jsonl"):gsub("\n", "")))
    for _, part in ipairs(fovea.uniform({ 10 }, { seed = 5, min = 0.1, max = 0.8 }):values()) do
      os.execute(("timeout -s KILL %.3f %s run %s --out %s >/dev/null 2>&1"):format(part * seconds,
        command.quote(os.getenv "FOVEA" or "bin/fovea"), command.quote(path), command.quote(scratch:path "killed")))
    end
    run(path, "killed")
    same("whole", "killed")
    local words = { "merge", "--out", scratch:path "merged" }
    for index = 1, 4 do
      run(path, "shard" .. index, { "--shard", index .. "/4" })
      words[#words + 1] = scratch:path("shard" .. index)
    end
    assert.equal(0, (command.run(words)))
    same("whole", "merged")
    run(path, "jobs", { "--jobs", "2" })
    same("whole", "jobs")
  end)
end)
