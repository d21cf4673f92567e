-- Every network gives with folding what it gives node by node: outputs, activations and gradients, whatever is looked
-- at. The ReLUs are taken by ELUs, which have no kink: single precision decides some ReLUs either way.
local core = require "fovea.core"
local fovea = require "fovea"

local nn_class = getmetatable(fovea.nn.new(fovea.graph())).__index

-- architecture, options, input shape
local CASES = {
  { "unet", { width = 8, depth = 4 }, { 1, 3, 24, 32 } },
  { "unet", { width = 4, depth = 3, norm = "none", up = "bilinear", up_conv = false }, { 2, 3, 16, 16 } },
  { "unet", { width = 4, depth = 3, up = "nearest", concat = "up_first", conv_bias = false }, { 1, 3, 16, 24 } },
  { "attention_unet", { width = 4, depth = 4 }, { 1, 3, 16, 24 } },
  { "bcdunet", { width = 4, directions = 2, gate = "sigmoid", order = "encoder_first" }, { 1, 3, 16, 16 } },
  { "bcdunet", { width = 4, zero_state = true, dense = 1 }, { 1, 3, 16, 16 } },
  { "mcgunet", { width = 16 }, { 1, 3, 16, 24 } },
  { "deeplabv3_resnet50", {}, { 1, 3, 64, 80 } },
  { "deepseg_gm", {}, { 1, 1, 24, 32 } },
  { "double_unet", { width = 8 }, { 1, 3, 32, 32 } },
  { "double_unet", { width = 8, variant = "torch" }, { 1, 3, 32, 32 } },
  { "little_wnet", {}, { 1, 3, 32, 32 } },
  { "m2unet", {}, { 1, 3, 32, 64 } },
  { "nnunet", { widths = { 4, 8, 12 } }, { 1, 1, 16, 24 } },
  { "nnunet", { dimensions = 3, widths = { 4, 8, 12 }, strides = { 1, { 1, 2, 2 }, 2 } }, { 1, 1, 4, 16, 16 } },
  { "r2unet", { width = 4 }, { 1, 3, 32, 32 } },
  { "r2unet", { width = 4, depth = 3, kernels = "separate", up = "transposed" }, { 1, 3, 16, 16 } },
  { "resunetpp", { widths = { 8, 8, 16, 16, 24 } }, { 1, 3, 32, 48 } },
  { "retina_unet", {}, { 1, 1, 16, 16 } },
  { "unetpp", { width = 4, depth = 4, deep_supervision = true }, { 1, 3, 16, 24 } },
}

-- Networks in which something else than convolutions reads concatenations.
local NORMALISED = { deepseg_gm = true, resunetpp = true }

--- Statistics and biases that matter, instead of 0 and 1, and kernels small enough that differences of rounding do not
--- grow from layer to layer.
local function varied(weights)
  local names = {}
  for name in pairs(weights) do names[#names + 1] = name end
  table.sort(names)
  for i, name in ipairs(names) do
    local value = weights[name]
    local low, high = value:mean() - 0.3, value:mean() + 0.3
    if name:find "running_var$" then low, high = 0.7, 1.5 end
    if #value:shape() > 1 then
      weights[name] = value * 0.7
    else
      weights[name] = fovea.uniform(value:shape(), { seed = i, min = low, max = high })
    end
  end
  return weights
end

local function build(name, options, shape)
  local relu = nn_class.relu
  nn_class.relu = function(nn, name_of_node, x) return nn.graph:elu { x, name = nn:name(name_of_node) } end
  local weights = {}
  assert(fovea.arch.model(name, options, weights, { input_shape = shape, seed = 5 }))
  local model = assert(fovea.arch.model(name, options, varied(weights), { input_shape = shape }))
  local instance = assert(model:at(shape))
  nn_class.relu = relu
  return model, instance
end

--- Values and gradients of a plan, by node.
local function run(instance, spec, input)
  local plan = assert(instance.graph:plan(spec))
  assert(plan:set_input(instance.input, input))
  assert(plan:forward())
  assert(plan:set_seed(spec.seeds[1], fovea.uniform(spec.seeds[1]:shape(), { seed = 8, min = -1, max = 1 })))
  assert(plan:backward())
  local found = {}
  for _, node in ipairs(spec.taps) do found[node:name()] = assert(plan:value(node)) end
  for _, node in ipairs(spec.gradients) do found["gradient of " .. node:name()] = assert(plan:gradient(node)) end
  return found, plan
end

local function compare(instance, spec, input)
  spec.mode, spec.fold = "explain", false
  local want = run(instance, spec, input)
  spec.fold = true
  local got, plan = run(instance, spec, input)
  for what, tensor in pairs(want) do
    local scale, off = tensor:abs():max(), (tensor - got[what]):abs():max()
    assert.is_true(off <= 1e-5 * scale, ("%s: off by %g of %g"):format(what, off, scale))
  end
  return plan
end

local function is_built(plan, kind)
  for _, step in ipairs(plan:steps()) do
    if step.op == kind then return true end
  end
  return false
end

for _, case in ipairs(CASES) do
  local name, options, shape = table.unpack(case)
  local words = {}
  for key, value in pairs(options) do
    words[#words + 1] = key .. " " .. (type(value) == "table" and "..." or tostring(value))
  end
  table.sort(words)

  describe(("%s with %s #slow"):format(name, table.concat(words, ", ")), function()
    local model, instance = build(name, options, shape)
    local input = fovea.uniform(shape, { seed = 3, min = -1, max = 1 })
    local logits, layers, joined = model:output(instance).logits, {}, {}
    for i, layer in ipairs(model:candidate_layers()) do layers[i] = instance.nodes[layer] end
    for _, node in ipairs(instance.graph:nodes()) do
      if node:kind() == "concat" then joined[#joined + 1] = node end
    end

    it("gives its candidate layers", function()
      compare(instance, { taps = { logits, table.unpack(layers) }, seeds = { logits }, gradients = layers }, input)
    end)

    it("gives gradients of the deepest layer and of the input", function()
      local plan = compare(instance, { taps = { logits }, seeds = { logits }, gradients = { layers[1] } }, input)
      if not NORMALISED[name] then assert.is_false(is_built(plan, "concat")) end
      compare(instance, { taps = { logits }, seeds = { logits }, gradients = { instance.input } }, input)
    end)

    it("gives the same bits for any number of threads", function()
      local spec = { mode = "explain", taps = { logits }, seeds = { logits }, gradients = layers }
      local threads, hashes = core.threads(), {}
      for i = 1, 2 do
        core.threads(2 * i - 1)
        hashes[i] = {}
        for what, tensor in pairs(run(instance, spec, input)) do hashes[i][what] = tensor:hash() end
      end
      core.threads(threads)
      assert.are.same(hashes[1], hashes[2])
    end)

    it("gives its concatenations", function()
      if #joined == 0 then return end
      compare(instance, { taps = { logits, table.unpack(joined) }, seeds = { logits }, gradients = joined }, input)
    end)
  end)
end
