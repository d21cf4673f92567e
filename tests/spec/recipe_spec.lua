-- Reading recipes: YAML with line numbers, the schema, its JSON twin, and everything that is refused before anything
-- runs.
local check = require "fovea.recipe.check"
local fovea = require "fovea"
local glob = require "fovea.recipe.glob"
local json_schema = require "support.json_schema"
local lyaml = require "lyaml"
local reference = require "fovea.recipe.reference"
local schema = require "fovea.recipe.schema"
local scratch = require("support.scratch").new()
local tiny = require "support.tiny_onnx"
local units = require "fovea.recipe.units"
local yaml = require "fovea.recipe.yaml"

local function settings_of(text)
  local node, message = yaml.parse(text, "r.yaml", "base")
  if not node then return nil, { message } end
  return check.settings(node)
end

local MINIMAL = "models: m.onnx\nimages: i.png\n"

describe("YAML of recipes", function()
  local function parse(text) return assert(yaml.parse(text, "r.yaml", "base")) end

  it("knows the kinds of scalars and their lines", function()
    local node = parse "a: 1\nb: -2.5e3\nc: true\nd: text\ne: '1'\nf: ~\ng: 0x10\nh: .5\ni: 1.\nj: no\nk: 1e3\n"
    local kinds, values = {}, {}
    for i, entry in ipairs(node.entries) do
      kinds[i], values[i] = entry.node.kind, entry.node.value
      assert.equal(("r.yaml:%d"):format(i), entry.place)
    end
    assert.same({ "number", "number", "boolean", "text", "text", "null", "text", "number", "number", "text", "number" },
      { table.unpack(kinds, 1, 11) })
    assert.same({ 1, -2500, true, "text", "1" }, { table.unpack(values, 1, 5) })
  end)

  it("reads flow style, nesting, comments and aliases", function()
    local node = parse "a: [1, {b: 2}] # note\nc: &x\n  d: 3\ne: *x\n"
    assert.equal(2, node.entries[1].node.items[2].entries[1].node.value)
    assert.equal("r.yaml:3", node.entries[3].node.entries[1].place)
  end)

  it("says what is no recipe, with the line", function()
    local function message(text) return select(2, yaml.parse(text, "r.yaml", "")) end
    assert.equal("r.yaml:2: not YAML: did not find expected ',' or ']'", message "a: [1\nb: 2\n")
    assert.equal("r.yaml:3: the key 'a' stands twice (first at r.yaml:1)", message "a: 1\nb: 2\na: 3\n")
    assert.is_truthy(message("a: !!python/object x\n"):find("r.yaml:1: tags", 1, true))
    assert.equal("r.yaml:1: no anchor 'x' before this alias (a text that begins with * needs quotes)",
      message "a: *x\n")
    assert.is_truthy(message("a: *.png\n"):find("(a text that begins with * needs quotes)", 1, true))
    assert.equal("r.yaml:2: a second document; one is read", message "--- 1\n--- 2\n")
    assert.is_truthy(message(("["):rep(50) .. ("]"):rep(50)):find("more than 40 levels", 1, true))
    assert.is_truthy(message("a: \1\n"):find("r.yaml:1: not YAML", 1, true))
    assert.is_truthy(message("? [a]\n: 1\n"):find("a key must be a word", 1, true))
  end)

  it("is not brought down by damage", function()
    local text = "models: [a, b]\nimages:\n  files: \"*.png\"\nlayers: &l [x]\nmetrics: *l\n"
    for at = 1, #text do
      for _, byte in ipairs { "\0", "[", "\xFF", "\n", ":", "*", "\"" } do
        local node = yaml.parse(text:sub(1, at - 1) .. byte .. text:sub(at + 1), "r.yaml", "")
        if node then check.settings(node) end
      end
      yaml.parse(text:sub(1, at), "r.yaml", "")
    end
  end)
end)

describe("settings of recipes", function()
  it("have defaults", function()
    local settings = assert(settings_of(MINIMAL))
    assert.same({ "base/m.onnx" }, settings.models)
    assert.same({ "auto" }, settings.layers)
    assert.same({ 0.5 }, settings.strategies)
    assert.same({ "gradcam" }, settings.methods)
    assert.same({ "logit" }, settings.scores)
    assert.equal("sum", settings.reduction)
    assert.is_true(settings.outputs.overlays)
    assert.is_false(settings.outputs.raw)
  end)

  it("resolve paths from the recipe's folder", function()
    local settings = assert(settings_of("models: [a.onnx, /b.onnx]\n"
      .. "images: {files: ['*.png'], masks: 'm/{name}.png'}\n"))
    assert.same({ "base/a.onnx", "/b.onnx" }, settings.models)
    assert.same({ "base/*.png" }, settings.images.files)
    assert.equal("base/m/{name}.png", settings.images.masks)
  end)

  local function complaints(text)
    local settings, list = settings_of(text)
    assert.is_nil(settings, text)
    return table.concat(list, "\n")
  end

  it("name every mistake with line and nearest key", function()
    local cases = {
      { "layer: x", "r.yaml:3: unknown key 'layer'; did you mean 'layers'?" },
      { "thresholds: 0.5", "r.yaml:3: unknown key 'thresholds'; did you mean 'strategies'?" },
      { "metods: gradcam", "r.yaml:3: unknown key 'metods'; did you mean 'methods'? (known: name, models" },
      { "scores: logits", "r.yaml:3: unknown value 'logits'; did you mean 'logit'? (known: logit, probability)" },
      { "class: one", "r.yaml:3: 'class' must be a whole number, not 'one'" },
      { "class: 1.5", "r.yaml:3: 'class' must be a whole number, not '1.5'" },
      { "class: 0", "r.yaml:3: must be at least 1, not 0" },
      { "layers: []", "r.yaml:3: the list is empty" },
      { "layers: {a: 1}", "r.yaml:3: 'layers' must be a text or a list of such, not a table of keys" },
      { "reduction: [sum]", "r.yaml:3: 'reduction' must be a text, not a list" },
      { "strategies:\n - 0.5\n - true", "r.yaml:5: this value must be a number or a text or a table of keys, not true "
        .. "or false" },
      { "strategies:\n - {sweep: fixed, from: 0.1}", "r.yaml:4: the key 'to' is missing" },
      { "strategies:\n - {sweep: fixed, from: 0.1, to: 1, steps: 1}", "r.yaml:4: must be at least 2, not 1" },
      { "strategies:\n - {q: 0.1}", "r.yaml:4: the key 'name' is missing" },
      { "strategies:\n - {name: top_k, k: [1]}", "r.yaml:4: 'k' must be a plain value, not a list" },
      { "outputs: {overlay: true}", "r.yaml:3: unknown key 'overlay'; did you mean 'overlays'?" },
      { "outputs: {raw: npz}", "r.yaml:3: unknown value 'npz'" },
      { "outputs: {figure: {columns: layer}}", "r.yaml:3: unknown value 'layer'; did you mean 'layers'?" },
      { "drawing: {alpha: 2}", "r.yaml:3: must be at most 1, not 2" },
      { "preprocess: {size: {hight: 3}}", "r.yaml:3: unknown key 'hight'; did you mean 'height'?" },
      { "results: [a]", "r.yaml:3: 'results' must be a path, not a list" },
      { "output: true", "r.yaml:3: 'output' must be a whole number or a text, not true or false" },
    }
    for _, case in ipairs(cases) do
      local said = complaints(MINIMAL .. case[1] .. "\n")
      assert.is_truthy(said:find(case[2], 1, true), ("%s\nlacks\n%s"):format(said, case[2]))
    end
  end)

  it("name all mistakes at once", function()
    local said = complaints "model: m.onnx\nimages: {fils: a}\nclass: x\n"
    for _, words in ipairs { "r.yaml:1: unknown key 'model'; did you mean 'models'?",
      "r.yaml:2: unknown key 'fils'; did you mean 'files'?", "r.yaml:3: 'class' must be a whole number",
      "r.yaml:1: the key 'models' is missing" } do
      assert.is_truthy(said:find(words, 1, true), said)
    end
    assert.equal("r.yaml:1: a recipe is a table of keys such as models and images", complaints "- a\n")
    assert.equal("r.yaml:1: a recipe is a table of keys such as models and images", complaints "")
  end)
end)

describe("the schema of recipes", function()
  local function read(path)
    local file = assert(io.open(path))
    local text = file:read "a"
    file:close()
    return text
  end

  local schema_value = assert(fovea.json.decode(reference.json_schema()))

  it("is the one that is shipped for editors", function()
    assert.equal(reference.json_schema() .. "\n", read "configs/recipe.schema.json")
  end)

  it("is explained key by key", function()
    local text = reference.text()
    local function walk(rule)
      for _, pair in ipairs(rule.keys or {}) do
        assert.is_truthy(text:find(pair[1] .. ": ", 1, true), pair[1])
        assert.is_truthy(pair[2].doc and #pair[2].doc > 3, pair[1])
        walk(pair[2])
      end
      if rule.of and rule.type == "either" then
        for _, one in ipairs(rule.of) do walk(one) end
      elseif rule.of then
        walk(rule.of)
      end
    end
    walk(schema.recipe)
  end)

  -- What both readers must agree on: recipes that are right, and recipes with one thing wrong.
  local lines = {
    "class: 2", "class: 0", "class: a", "layers: [a, b]", "layers: a", "layers: []", "layers: {a: 1}", "layers: [[a]]",
    "scores: [logit]", "scores: logit", "scores: prob", "strategies: 0.5", "strategies: [0.5, otsu]",
    "strategies: [{name: top_k, k: 3}]", "strategies: [{name: top_k, k: [3]}]", "strategies: [{k: 3}]",
    "strategies: {sweep: fixed, from: 0.1, to: 0.9, steps: 3}", "strategies: {sweep: fixed, from: 0.1, to: 0.9}",
    "strategies: true", "metrics: [gini, {name: roc_auc, reference: target}]", "metrics: 3", "metrics: true",
    "outputs: {raw: true}", "outputs: {raw: npy}", "outputs: {raw: zip}", "outputs: {figure: false}",
    "outputs: {figure: {columns: layers, rows: 3}}", "outputs: {figure: {columns: images}}", "outputs: true",
    "outputs: {figure: {cell: 8}}", "drawing: {alpha: 0.5, contour: false}", "drawing: {alpha: -1}",
    "preprocess: {mean: 0.5, std: [1, 2, 3]}", "preprocess: {mean: a}",
    "preprocess: {size: {policy: pad, multiple: 8}}", "preprocess: {size: {policy: padded}}", "frobnicate: 1",
    "name: a", "name: [a]", "output: 1", "output: out",
    "output: true", "activation: none", "activation: x", "results: a/b", "results: true", "spacing: [1, 0.5]",
    "spacing: 1", "ground_truth_label: 2", "reduction: mean", "reduction: median", "models: [{path: a, name: b}]",
    "models: [{name: b}]", "models: {path: a, class: 2, preprocess: {channels: 1}}", "models: 3", "images: [a, b]",
    "images: {files: a, masks: b}", "images: {manifest: a.csv, limit: 3}", "images: {files: a, limit: 0}",
    "images: [{image: a, mask: b}]", "images: [{mask: b}]", "images: {file: a}", "images: true",
  }

  it("says the same to an editor as to the reader", function()
    for _, line in ipairs(lines) do
      local key, text = line:match "^(%a+):", line .. "\n"
      for _, needed in ipairs { "models: m", "images: i" } do
        if key ~= needed:match "^%a+" then text = text .. needed .. "\n" end
      end
      local accepted = settings_of(text) ~= nil
      assert.equal(accepted, json_schema.valid(lyaml.load(text), schema_value), line)
    end
  end)

  it("requires the same keys", function()
    for _, text in ipairs { "models: m\n", "images: i\n", "name: x\n" } do
      assert.is_nil(settings_of(text))
      assert.is_false(json_schema.valid(lyaml.load(text), schema_value))
    end
  end)

  it("accepts all recipes of configs/", function()
    for _, path in ipairs(glob.files "configs/*.yaml") do
      local text = read(path)
      local node = assert(yaml.parse(text, path, "configs"))
      local settings, message = check.settings(node)
      assert(settings, not settings and table.concat(message, "\n"))
      assert.is_true(json_schema.valid(lyaml.load(text), schema_value), path)
      assert.equal(path:match "([%w_]+)%.yaml$", settings.name)
    end
  end)
end)

describe("plans of recipes", function()
  local model, picture, mask

  setup(function()
    model = scratch:write("tiny.onnx", tiny.bytes())
    scratch:write("own.lua", "return function(u) return u:gt(u:mean()) end\n")
    scratch:write("bad.lua", "return 3\n")
    scratch:write("broken.lua", "return function( end\n")
    scratch:write("filter.lua", "return function(layer) return layer.kind == 'relu' end\n")
    picture, mask = scratch:path "eye.png", scratch:path "eye_mask.png"
    assert(fovea.image.write(picture, fovea.uniform({ 3, 16, 16 }, { seed = 1, min = 0, max = 255 })))
    assert(fovea.image.write(mask, fovea.uniform({ 1, 16, 16 }, { seed = 2 }):gt(0.5) * 255))
    scratch:write("list.csv", "name,image,mask\nfirst,eye.png,eye_mask.png\n\"se,cond\",eye.png,\n")
    scratch:write("nocolumn.csv", "picture\neye.png\n")
    scratch:write("ragged.csv", "image,mask\neye.png\n")
  end)

  teardown(function() scratch:remove() end)

  local function plan(more, options)
    local recipe = { models = model, images = picture }
    for key, value in pairs(more or {}) do recipe[key] = value end
    return fovea.recipe.plan(recipe, options)
  end

  local function refused(more, ...)
    local ok, message = pcall(plan, more)
    assert.is_false(ok)
    for _, words in ipairs { ... } do
      assert.is_truthy(tostring(message):find(words, 1, true), ("%s\nlacks\n%s"):format(message, words))
    end
  end

  it("multiply models, images, layers, strategies, methods and scores", function()
    local found = plan { images = { { image = picture, name = "b" }, { image = picture, name = "a" } },
      layers = { "enc.relu*", "deep.relu*" }, strategies = { 0.5, "otsu", { sweep = "fixed", from = 0.1, to = 0.3,
        steps = 3 } }, methods = { "gradcam", "hirescam" }, scores = { "logit", "probability" } }
    assert.equal(1 * 2 * 2 * 5 * 2 * 2, #found.cases)
    local labels = {}
    for i, part in ipairs(found.strategies) do labels[i] = part.label end
    assert.same({ "0.5", "otsu", "0.1", "0.2", "0.3" }, labels)
    assert.equal("a", found.images[1].name)
    local ids = {}
    for _, case in ipairs(found.cases) do
      assert.is_nil(ids[case.id])
      ids[case.id] = true
    end
  end)

  it("know layers by name, pattern, auto, sweep, and a filter in a file", function()
    local function layers(filter) return plan({ layers = filter }, { base = scratch.folder }).models[1].layers end
    local relu = { "enc.relu.Relu", "deep.relu.Relu" }
    assert.same(relu, layers { "deep.relu.Relu", "enc.relu.Relu" })
    assert.same(relu, layers "*relu*")
    assert.same(relu, layers "file:filter.lua")
    assert.same(relu, layers(function(layer) return layer.kind == "relu" end))
    assert.same(assert(fovea.load(model)):default_layers(), layers "auto")
    local sweep = layers "sweep"
    assert.is_true(#sweep > 5)
    assert.equal("enc.conv.Conv", sweep[1])
  end)

  it("read CSV manifests", function()
    local found = plan { images = { manifest = scratch:path "list.csv" } }
    assert.same({ "first", "se,cond" }, { found.images[1].name, found.images[2].name })
    assert.equal(mask, found.images[1].mask)
    assert.is_nil(found.images[2].mask)
    assert.equal(1, #plan({ images = { manifest = scratch:path "list.csv", limit = 1 } }).images)
  end)

  it("pair images with masks", function()
    local found = plan { images = { files = { scratch:path "*.png" }, exclude = { "*_mask.png" },
      masks = scratch:path "{name}_m*.png" } }
    assert.equal(1, #found.images)
    assert.equal(mask, found.images[1].mask)
  end)

  it("refuse what cannot be, with the place", function()
    refused({ layers = { "enc.relu*", "encc" } }, "layers[2]: no layer 'encc'", "the nearest of")
    refused({ layers = "file:bad.lua" }, "layers: ", "bad.lua")
    refused({ strategies = { 0.5, "ottsu" } }, "strategies[2]: ", "did you mean 'otsu'")
    refused({ strategies = { 0.5, "fixed:0.5" } }, "strategies[2]: '0.5' stands there twice (first at strategies[1])")
    refused({ strategies = { { sweep = "fixed", from = 0.9, to = 0.1, steps = 3 } } }, "a sweep goes upwards")
    refused({ methods = "gradcan" }, "methods: ", "did you mean 'gradcam'")
    refused({ methods = { "gradcam", "gradcam" } }, "methods[2]: 'gradcam' stands there twice")
    refused({ metrics = { "gini", "ginny" } }, "metrics[2]: ", "unknown metric")
    refused({ metrics = { "roc_auc:ground_truth" } }, "metrics[1]: roc_auc:ground_truth needs ground truth")
    refused({ metrics = { { name = "pointing_game", tolerence = 3 } } }, "tolerence", "tolerance")
    refused({ scores = { "logit", "logit" } }, "scores[2]: 'logit' stands there twice")
    refused({ scores = "probability", activation = "none" }, "there is no probability with 'activation: none'")
    refused({ outputs = { overlays = false } }, "a figure is made of overlays; they are switched off")
    refused({ drawing = { sign = "signed", colormap = "jet" } }, "a signed map needs the colours 'diverging'")
    refused({ class = 2 }, "class: tiny has classes 1 to 1, there is no class 2")
    refused({ output = "nose" }, "output: ", "mask")
    refused({ preprocess = { size = { policy = "fixed" } } }, "preprocess: ", "height and width")
    refused({ models = "none.onnx" }, "models", "none.onnx: no such model file")
    refused({ images = scratch:path "none*.png" }, "images", "no file fits this pattern")
    refused({ images = { picture, picture } }, "stands there twice")
    refused({ images = { files = { picture }, manifest = "x.csv" } }, "either files or manifest, not both")
    refused({ images = { limit = 3 } }, "images need one of the keys files, manifest, data_set")
    refused({ images = { manifest = "x.csv", masks = "{name}" } }, "'masks' goes with 'files' only")
    refused({ images = { files = { picture }, masks = "mask.png" } }, "masks need {name}")
    refused({ images = { files = { picture }, exclude = { "*" } } }, "no image is left")
    refused({ images = { data_set = "chase_db", root = "x" } }, "did you mean 'chase_db1'")
    refused({ images = { data_set = "chase_db1" } }, "needs the key 'root'")
    refused({ images = { data_set = "chase_db1", root = scratch.folder } }, "no images of the data set")
    refused({ images = { manifest = scratch:path "nocolumn.csv" } }, "nocolumn.csv:1: no column 'image'")
    refused({ images = { manifest = scratch:path "ragged.csv" } }, "line 2: 1 fields, the header has 2")
    refused({ images = { manifest = scratch:path "none.csv" } }, "none.csv: no such file")
  end)

  it("refuse Lua files that are not what they should be", function()
    local function from_folder(more, words)
      local ok, message = pcall(function()
        plan(more, { base = scratch.folder })
      end)
      assert.is_false(ok)
      assert.is_truthy(tostring(message):find(words, 1, true), message)
    end
    from_folder({ strategies = "file:none.lua" }, "none.lua")
    from_folder({ strategies = "file:broken.lua" }, "broken.lua:1:")
    from_folder({ methods = "file:bad.lua" }, "a method is a function of activation and gradient")
    from_folder({ metrics = { "file:bad.lua" } }, "a metric is a function of a view")
    from_folder({ layers = "file:bad.lua" }, "must return a function of a layer")
  end)

  it("take overrides, whose paths belong to the working directory", function()
    local path = scratch:write("r.yaml", "models: tiny.onnx\nimages: {files: eye.png, limit: 1}\nlayers: nope\n")
    local found = fovea.recipe.plan(path, { set = { "layers=[enc.relu*]", "outputs.raw=true", "images=" .. picture } })
    assert.equal(true, found.settings.outputs.raw)
    assert.equal(picture, found.images[1].path)
    assert.equal("r", found.folder)
    assert.same({ "*relu*" }, fovea.recipe.plan(path, { set = { "layers=*relu*" } }).settings.layers)
    assert.equal("x", fovea.recipe.plan(path, { set = { "layers=auto" }, out = "x" }).folder)
    local function complaint(override)
      local ok, message = pcall(fovea.recipe.plan, path, { set = { override } })
      assert.is_false(ok)
      return message
    end
    assert.is_truthy(complaint("layer=auto"):find("--set layer: unknown key 'layer'; did you mean 'layers'?", 1, true))
    assert.is_truthy(complaint("class=x"):find("--set class: 'class' must be a whole number", 1, true))
    assert.is_truthy(complaint("frob"):find("KEY=VALUE is expected", 1, true))
    assert.is_truthy(complaint("layers=[a"):find("--set layers: not YAML", 1, true))
    assert.is_truthy(complaint("name=x"):find(path .. ":3: no layer 'nope'", 1, true))
  end)

  it("are split into shares that are disjoint and whole", function()
    local found = plan { images = { { image = picture, name = "a" }, { image = picture, name = "b" } },
      layers = { "enc.relu*" }, strategies = { 0.5, "otsu", 0.3 }, methods = { "gradcam", "hirescam" } }
    for _, count in ipairs { 1, 2, 3, 5, 7, 50 } do
      local seen, total = {}, 0
      for index = 1, count do
        for _, unit in ipairs(units.share(found, { index = index, count = count })) do
          for _, case in ipairs(unit.cases) do
            assert.is_nil(seen[case.index])
            seen[case.index], total = true, total + 1
            assert.equal(unit.image, case.image)
          end
        end
      end
      assert.equal(#found.cases, total)
    end
    assert.equal(2, #units.share(found))
  end)
end)

describe("files by pattern", function()
  it("match names and folders", function()
    assert.is_true(glob.matches("eye_1.png", "eye_?.png"))
    assert.is_true(glob.matches("a.b", "[ab].b"))
    assert.is_false(glob.matches("c.b", "[ab].b"))
    assert.is_true(glob.matches("c.b", "[!ab].b"))
    assert.is_false(glob.matches("axb", "a.b"))
    assert.same({ "tests/spec/recipe_spec.lua", "tests/spec/train/recipe_spec.lua" },
      glob.files "tests/**/recipe_spec.lua")
    assert.same({ "tests/spec/recipe_spec.lua" }, glob.files "tests/s*/recipe_s???.lua")
    assert.same({}, glob.files "tests/none/*.lua")
    assert.same({ "Makefile" }, glob.files "Makefile")
  end)
end)
