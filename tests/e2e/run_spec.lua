-- fovea run and fovea merge as a user runs them: whole runs, killed runs, shards, workers, broken cases, misuse.
local command = require "support.command"
local fovea = require "fovea"
local lfs = require "lfs"
local scratch = require("support.scratch").new()
local tiny = require "support.tiny_onnx"

local TABLES = { "cases.csv", "cases.jsonl", "summary.csv", "summary.md", "summary.txt", "plan.json",
  "figures/strategies-01.png", "figures/strategies-02.png" }

local RECIPE = [[
models: tiny.onnx
images:
  files: images/*.png
  masks: masks/{name}_mask.png
layers: [enc.relu*, deep.relu*]
strategies: [0.5, otsu, "quantile:0.9", { name: top_k, k: 20 }, file:own.lua]
methods: [gradcam, hirescam]
metrics: [energy_inside, "roc_auc:ground_truth", gini]
outputs: { raw: true, figure: { cell: 48 } }
]]
local CASES = 3 * 2 * 5 * 2

describe("fovea run", function()
  local recipe

  setup(function()
    for _, folder in ipairs { "images", "masks", "single", "configs" } do lfs.mkdir(scratch:path(folder)) end
    scratch:write("tiny.onnx", tiny.bytes())
    scratch:write("own.lua", "return function(u)\n  return u:gt(u:mean())\nend\n")
    for i = 1, 3 do
      assert(fovea.image.write(scratch:path(("images/eye%d.png"):format(i)),
        fovea.uniform({ 3, 20, 24 }, { seed = i, min = 0, max = 255 })))
      assert(fovea.image.write(scratch:path(("masks/eye%d_mask.png"):format(i)),
        fovea.uniform({ 1, 20, 24 }, { seed = 10 + i }):gt(0.5) * 255))
    end
    recipe = scratch:write("recipe.yaml", RECIPE)
  end)

  teardown(function() os.execute("rm -rf " .. command.quote(scratch.folder)) end)

  --- Runs a recipe into a folder of the scratch; words come after.
  local function run(out, words, path)
    local all = { "run", path or recipe, "--out", scratch:path(out) }
    table.move(words or {}, 1, words and #words or 0, #all + 1, all)
    return command.run(all, { env = "OMP_NUM_THREADS=1" })
  end

  local function json(out, words, path)
    local all = { "--json" }
    table.move(words or {}, 1, words and #words or 0, 2, all)
    local status, said, complained = run(out, all, path)
    return assert(fovea.json.decode(said), complained), status, complained
  end

  local function merge(folders, out)
    local words = { "merge" }
    for _, folder in ipairs(folders) do words[#words + 1] = scratch:path(folder) end
    words[#words + 1], words[#words + 2] = "--out", scratch:path(out)
    return command.run(words)
  end

  local function names_in(folder)
    local names = {}
    for name in lfs.dir(scratch:path(folder)) do
      if name ~= "." and name ~= ".." then names[#names + 1] = name end
    end
    table.sort(names)
    return names
  end

  local function same(a, b)
    for _, name in ipairs(TABLES) do
      assert.is_true(scratch:read(a .. "/" .. name) == scratch:read(b .. "/" .. name), name .. " differs")
    end
  end

  local function rows(out)
    return assert(require("fovea.report.csv").decode(scratch:read(out .. "/cases.csv")))
  end

  -- The run that others are compared with.
  local whole

  local function undisturbed()
    if whole then return whole end
    local start = fovea.clock()
    local status, out, err = run "whole"
    whole = { status = status, out = out, err = err, seconds = fovea.clock() - start }
    assert.equal(0, status, err)
    return whole
  end

  it("writes tables, pictures, raw maps, records and figures", function()
    local said = undisturbed().out
    assert.is_truthy(said:find(("%d cases: %d computed, 0 were there, 0 failed"):format(CASES, CASES), 1, true), said)
    local table_rows = rows "whole"
    assert.equal(CASES, #table_rows)
    local first = table_rows[1]
    assert.same({ "tiny", "eye1", "enc.relu.Relu", "0.5", "gradcam", "logit" },
      { first.model, first.image, first.layer, first.threshold, first.method, first.score })
    for _, row in ipairs(table_rows) do
      local picture = assert(fovea.image.read(scratch:path("whole/" .. row.overlay)))
      assert.same({ 3, 20, 24 }, picture.tensor:shape())
      local raw = assert(fovea.npy.read(scratch:path("whole/" .. row.raw)))
      assert.is_true(math.abs(raw:max() - tonumber(row.map_max)) <= 1e-6 * math.abs(raw:max()))
    end
    assert.equal(CASES, #names_in "whole/cases")
    assert.equal(4, #names_in "whole/figures")
    assert.equal(CASES, select(2, scratch:read("whole/cases.jsonl"):gsub("\n", "")))
    local summary = assert(require("fovea.report.csv").decode(scratch:read "whole/summary.csv"))
    assert.equal(2 * 5 * 2, #summary)
    assert.equal("3", summary[1].maps)
  end)

  it("agrees with fovea.explain and with the Lua face, bit by bit", function()
    undisturbed()
    local model = assert(fovea.load(scratch:path "tiny.onnx"))
    local image = assert(fovea.image.read(scratch:path "images/eye2.png"))
    local status, _, err = command.run({ "explain", scratch:path "tiny.onnx", scratch:path "images/eye2.png", "--out",
      scratch:path "explained", "--layer", "enc.relu*", "--threshold", "file:own.lua", "--method", "hirescam", "--raw",
      "npy" }, { folder = scratch.folder })
    assert.equal(0, status, err)
    local records = assert(fovea.json.read(scratch:path "explained/explain.json"))
    local from_command = assert(fovea.npy.read(scratch:path("explained/" .. records[1].raw)))
    local from_lua = assert(fovea.explain(model, image, { layer = "enc.relu*", method = "hirescam",
      threshold = "file:" .. scratch:path "own.lua" }))
    for _, row in ipairs(rows "whole") do
      if row.image == "eye2" and row.layer:find "^enc" and row.threshold == "file:own.lua"
        and row.method == "hirescam" then
        local from_recipe = assert(fovea.npy.read(scratch:path("whole/" .. row.raw)))
        assert.is_true(from_recipe:equal(from_command) and from_recipe:equal(from_lua.raw))
        return
      end
    end
    error "the case is missing"
  end)

  it("runs from a Lua table with the same result", function()
    undisturbed()
    local result = assert(fovea.recipe.run({
      name = "recipe", models = "tiny.onnx",
      images = { files = { "images/*.png" }, masks = "masks/{name}_mask.png" },
      layers = { "enc.relu*", "deep.relu*" },
      strategies = { 0.5, "otsu", "quantile:0.9", { name = "top_k", k = 20 }, "file:own.lua" },
      methods = { "gradcam", "hirescam" }, metrics = { "energy_inside", "roc_auc:ground_truth", "gini" },
      outputs = { raw = true, figure = { cell = 48 } },
    }, { base = scratch.folder, out = scratch:path "from_lua" }))
    assert.equal(CASES, result.done)
    assert.equal(20, #result.summary.rows)
    same("whole", "from_lua")
  end)

  it("takes functions from Lua and never mistakes old results for theirs", function()
    local recipe_table = { models = scratch:path "tiny.onnx", images = scratch:path "images/eye1.png",
      layers = function(layer) return layer.name == "enc.relu.Relu" end,
      strategies = { function(u) return u:gt(u:quantile(0.8)) end },
      methods = { { name = "sum", map = function(a, g) return (a * g):sum { 2, keep_dims = true } end } },
      metrics = { function(view) return view:map():max() end }, outputs = { overlays = false, figure = false } }
    for _ = 1, 2 do
      local result = assert(fovea.recipe.run(recipe_table, { out = scratch:path "functions" }))
      assert.equal(1, result.done)
      assert.equal("sum", result.records[1].method)
    end
  end)

  it("keeps what is done and computes what changed", function()
    undisturbed()
    os.execute(("cp -r %s %s"):format(scratch:path "whole", scratch:path "kept"))
    local found = json "kept"
    assert.same({ CASES, 0 }, { found.there, found.computed })
    same("whole", "kept")
    found = json("kept", { "--force" })
    assert.same({ 0, CASES }, { found.there, found.computed })
    same("whole", "kept")
    found = json("kept", { "--set", "metrics=[gini]" })
    assert.equal(CASES, found.computed)
    local original = scratch:read "own.lua"
    scratch:write("own.lua", "return function(u) return u:gt(0.5 * u:mean()) end\n")
    found = json("kept", { "--set", "metrics=[gini]" })
    assert.same({ CASES - 12, 12 }, { found.there, found.computed })
    scratch:write("own.lua", original)
    original = scratch:read "images/eye2.png"
    assert(fovea.image.write(scratch:path "images/eye2.png", fovea.uniform({ 3, 20, 24 }, { seed = 8, max = 255 })))
    found = json("kept", { "--set", "metrics=[gini]" })
    assert.equal(20 + 2 * 4, found.computed)
    scratch:write("images/eye2.png", original)
  end)

  it("goes on after being killed at ten moments, with nothing lost and nothing double #slow", function()
    local seconds, folder = undisturbed().seconds, scratch:path "killed"
    local moments = fovea.uniform({ 10 }, { seed = 77, min = 0.15, max = 1.0 }):values()
    local program, last, grown, patience = os.getenv "FOVEA" or "bin/fovea", 0, 0, 1
    for _, part in ipairs(moments) do
      os.execute(("timeout -s KILL %.3f %s run %s --out %s >/dev/null 2>&1"):format(patience * part * seconds,
        command.quote(program), command.quote(recipe), command.quote(folder)))
      local count = 0
      for _, name in ipairs(lfs.attributes(folder .. "/cases", "mode") and names_in "killed/cases" or {}) do
        count = count + (name:find "%.json$" and 1 or 0)
      end
      assert.is_true(count >= last)
      -- a machine that others use may have become slower since the run that was not disturbed
      if count > last then grown = grown + 1 else patience = 1.5 * patience end
      last = count
    end
    assert.is_true(grown > 0)
    local status, _, err = run "killed"
    assert.equal(0, status, err)
    same("whole", "killed")
    for _, name in ipairs { "cases", "overlays", "raw", "figures" } do
      assert.same(names_in("whole/" .. name), names_in("killed/" .. name))
    end
  end)

  it("gives the same tables from four shards", function()
    undisturbed()
    for index = 1, 4 do
      local found = json("shard" .. index, { "--shard", index .. "/4" })
      assert.is_true(found.computed >= 12)
      assert.is_nil(lfs.attributes(scratch:path("shard" .. index .. "/cases.csv")))
    end
    local status, _, err = merge({ "shard1", "shard2", "shard3", "shard4" }, "merged")
    assert.equal(0, status, err)
    same("whole", "merged")
    assert.same(names_in "whole/raw", names_in "merged/raw")
    status = merge({ "merged" }, "merged")
    assert.equal(0, status)
    same("whole", "merged")
  end)

  it("refuses to merge gaps, doubles, other recipes and other folders", function()
    local function refused(folders, ...)
      local status, _, err = merge(folders, "refused")
      assert.equal(1, status, err)
      assert.is_nil(lfs.attributes(scratch:path "refused/cases.csv"))
      for _, words in ipairs { ... } do assert.is_truthy(err:find(words, 1, true), err) end
    end
    refused({ "shard1", "shard2", "shard4" }, "cases are missing:", "  tiny  eye")
    refused({ "shard1", "shard2", "shard3", "shard4", "shard2" }, "cases are there twice:", "shard2")
    refused({ "shard1", "shard2", "shard1" }, "cases are missing:", "cases are there twice:")
    refused({ "images" }, "not a folder of results")
    json("other", { "--set", "strategies=[0.5]" })
    refused({ "shard1", "other" }, "come from different recipes")
    assert.equal(2, (command.run { "merge", scratch:path "shard1", scratch:path "shard2" }))
  end)

  it("gives the same tables from several processes", function()
    undisturbed()
    local found = json("jobs", { "--jobs", "3", "--threads", "2" })
    assert.equal(CASES, found.computed)
    same("whole", "jobs")
  end)

  --- A strategy that kills its process as long as a file is there, which it removes first when `once`.
  local function killer(once)
    local path = scratch:write("trap", "x")
    return scratch:write("killer.lua", ([[
return function(u)
  local trap = io.open(%q)
  if trap then
    trap:close()
    %s
    os.execute "kill -9 $PPID"
    while true do end
  end
  return u:gt(0.45)
end
]]):format(path, once and ("os.remove(%q)"):format(path) or ""))
  end

  it("does without a worker that is killed", function()
    local path = killer(true)
    local found, status = json("worker", { "--jobs", "2", "--set", "strategies=[0.5, file:" .. path .. "]" })
    assert.equal(0, status)
    assert.same({ 24, 0 }, { found.cases, found.failed })
    assert.is_nil(io.open(scratch:path "trap"))
  end)

  it("records cases that take their process down every time", function()
    local path = killer(false)
    local words = { "--jobs", "2", "--set", "strategies=[0.5, file:" .. path .. "]", "--set", "methods=gradcam" }
    local found, status, err = json("deadly", words)
    assert.equal(1, status)
    assert.is_true(found.failed >= 6, err)
    assert.is_truthy(err:find("the process that computed this case died", 1, true), err)
    os.remove(scratch:path "trap")
    found, status = json("deadly", words)
    assert.equal(0, status)
    assert.equal(0, found.failed)
  end)

  it("records a broken image in the middle and goes on; mended, the run completes", function()
    undisturbed()
    local original = scratch:read "images/eye2.png"
    scratch:write("images/eye2.png", original:sub(1, 60))
    local found, status, err = json "broken"
    assert.equal(1, status)
    assert.same({ CASES - 20, 20 }, { found.computed, found.failed })
    assert.is_truthy(err:find("eye2.png: ", 1, true), err)
    local failed = 0
    for _, row in ipairs(rows "broken") do
      assert.equal(row.image == "eye2" and "FAILED" or "OK", row.status)
      failed = failed + (row.error ~= "" and 1 or 0)
    end
    assert.equal(20, failed)
    scratch:write("images/eye2.png", original)
    found, status = json "broken"
    assert.equal(0, status)
    assert.same({ 20, CASES - 20 }, { found.computed, found.there })
    same("whole", "broken")
  end)

  it("records a broken model and goes on with the others", function()
    local bad = scratch:write("bad.onnx", "this is no model")
    local found, status, err = json("models", { "--set", "models=[" .. scratch:path "tiny.onnx" .. ", " .. bad .. "]",
      "--set", "layers=enc.relu*", "--set", "strategies=0.5" })
    assert.equal(1, status)
    assert.same({ 6, 6 }, { found.computed, found.failed })
    assert.is_truthy(err:find("bad.onnx: ", 1, true), err)
  end)

  it("lets a strategy that raises an error take no other down", function()
    scratch:write("raises.lua", "return function(u, context)\n  return u:gt(context.nothing.at_all)\nend\n")
    local found, status, err = json("raises", { "--set", "strategies=[0.5, file:" .. scratch:path "raises.lua" .. "]" })
    assert.equal(1, status)
    assert.same({ 12, 12 }, { found.computed, found.failed })
    assert.is_truthy(err:find("raises.lua:2: ", 1, true), err)
  end)

  it("keeps empty targets as results, and the targets of one strategy apart", function()
    local found, status = json("targets", { "--set", "strategies=[0.999, 'component(0.45):each']" })
    assert.equal(0, status)
    assert.equal(24, found.computed)
    local most = 0
    for _, row in ipairs(rows "targets") do
      if row.threshold == "0.999" then
        assert.same({ "EMPTY_TARGET", "0", "NaN" }, { row.status, row.pixels, row.energy_inside })
      end
      most = math.max(most, tonumber(row.target))
    end
    assert.is_true(most > 1)
  end)

  it("lists cases and what they cost without running them", function()
    local status, out, err = run("dry", { "--dry-run" })
    assert.equal(0, status, err)
    assert.is_nil(lfs.attributes(scratch:path "dry"))
    assert.equal(CASES, select(2, out:gsub("to do\n", "")))
    assert.is_truthy(out:find(("%d cases, %d to do; about "):format(CASES, CASES), 1, true), out)
    local _, shard = run("dry", { "--dry-run", "--shard", "2/3", "--json" })
    assert.equal(CASES / 3, assert(fovea.json.decode(shard)).cases)
    undisturbed()
    local _, rest = run("whole", { "--dry-run", "--json" })
    assert.equal(0, assert(fovea.json.decode(rest)).pending)
  end)

  it("refuses misuse with status 2, file and line, before anything is written", function()
    local function misuse(text, words, ...)
      local path = scratch:write("misuse.yaml", text)
      local status, _, err = run("misuse", words, path)
      assert.equal(2, status, err)
      for _, word in ipairs { ... } do assert.is_truthy(err:find(word, 1, true), err) end
      assert.is_nil(lfs.attributes(scratch:path "misuse"))
    end
    misuse(RECIPE .. "layer: x\n", {}, "misuse.yaml:10: unknown key 'layer'; did you mean 'layers'?")
    misuse(RECIPE:gsub("enc.relu", "enc.rellu"), {}, "misuse.yaml:5: no layer 'enc.rellu*'", "enc.relu.Relu")
    misuse(RECIPE:gsub("otsu", "ottsu"), {}, "misuse.yaml:6: ", "did you mean 'otsu'")
    misuse(RECIPE:gsub("hirescam", "hirescan"), {}, "misuse.yaml:7: ", "did you mean 'hirescam'")
    misuse(RECIPE:gsub("images/%*", "imagez/*"), {}, "misuse.yaml:3: ", "imagez/*.png: no file fits this pattern")
    misuse(RECIPE:gsub("tiny.onnx", "tony.onnx"), {}, "misuse.yaml:1: ", "tony.onnx: no such model file")
    misuse("models: [a\n", {}, "misuse.yaml:2: not YAML")
    misuse(RECIPE, { "--set", "class=x" }, "--set class: 'class' must be a whole number")
    misuse(RECIPE, { "--shard", "5/4" }, "I/N")
    misuse(RECIPE, { "--jobs", "0" }, "--jobs: must be at least 1")
    local status, _, err = command.run { "run" }
    assert.equal(2, status)
    assert.is_truthy(err:find("which recipe", 1, true), err)
    status, _, err = command.run { "run", scratch:path "none.yaml" }
    assert.equal(2, status)
    assert.is_truthy(err:find("none.yaml: no such file", 1, true), err)
  end)

  it("prints the reference of all keys, and the JSON Schema", function()
    local status, out = command.run { "run", "--schema" }
    assert.equal(0, status)
    assert.is_truthy(out:find("strategies: number | text | keys, or a list [0.5]", 1, true))
    status, out = command.run { "run", "--schema=json" }
    assert.equal(0, status)
    assert.equal("Fovea recipe", assert(fovea.json.decode(out)).title)
    assert.equal(2, (command.run { "run", "--schema=xml" }))
  end)

  it("runs the recipes of configs/", function()
    local folder, words = io.popen("pwd"):read "l" .. "/configs/", { "--set", "models=" .. scratch:path "tiny.onnx" }
    local images = { quick = { "images=" .. scratch:path "images/eye1.png" },
      layer_sweep = { "images=" .. scratch:path "images/*.png" },
      threshold_sweep = { "images=" .. scratch:path "images/*.png" },
      method_comparison = { "images.files=" .. scratch:path "images/*.png",
        "images.masks=" .. scratch:path "masks/{name}_mask.png" },
      cohort = { "images.manifest=" .. scratch:write("cohort.csv",
        "image,mask\nimages/eye1.png,masks/eye1_mask.png\nimages/eye2.png,masks/eye2_mask.png\n") } }
    for name, overrides in pairs(images) do
      local all = { table.unpack(words) }
      if name ~= "cohort" then all[3], all[4] = "--set", "outputs.figure.cell=40" end
      for _, override in ipairs(overrides) do all[#all + 1], all[#all + 2] = "--set", override end
      local status, _, err = run("configs/" .. name, all, folder .. name .. ".yaml")
      assert.equal(0, status, name .. ": " .. err)
    end
  end)
end)
