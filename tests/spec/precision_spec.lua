-- Convolutions that read bfloat16: how far they are off, where they are taken, and that it is told.
local fovea = require "fovea"
local networks = require "support.networks"

--- A convolution of 64 channels with its gradient; nil where the machine has no bfloat16.
local function convolution(options)
  local g = fovea.graph()
  local x = g:input { 1, 64, 20, 24 }
  local w = g:param(fovea.normal({ 72, 64, 1, 1 }, { seed = 2 }))
  local y = g:conv { x, w }
  local plan, message, code = g:plan { mode = "explain", taps = { y }, seeds = { y }, gradients = { x },
    precision = options.precision }
  if not plan then return nil, message, code end
  assert(plan:set_input(x, fovea.normal({ 1, 64, 20, 24 }, { seed = 1 })))
  assert(plan:forward())
  assert(plan:set_seed(y, fovea.normal(y:shape(), { seed = 3 })))
  assert(plan:backward())
  return { y = assert(plan:value(y)), gradient = assert(plan:gradient(x)), plan = plan }
end

local function is_there(case)
  local found, message, code = convolution { precision = "bf16" }
  if found then return true end
  assert.are.equal("dnn", code)
  assert.matches("no convolutions of bfloat16", message)
  pending(case .. ": this machine has no bfloat16")
  return false
end

local function relative(want, got) return (want - got):abs():max() / want:abs():max() end

describe("convolutions of bfloat16", function()
  it("round what they read to 8 bits and nothing else", function()
    if not is_there "rounding" then return end
    local want, got = convolution {}, convolution { precision = "bf16" }
    for _, what in ipairs { "y", "gradient" } do
      local off = relative(want[what], got[what])
      assert.is_true(off > 1e-5 and off < 2 ^ -7, ("%s: off by %g"):format(what, off))
    end
    local rounded = 0
    for _, step in ipairs(got.plan:steps()) do
      assert.is_nil(step.implementation:find "ref")
      if step.implementation:find "bf16" then rounded = rounded + 1 end
    end
    assert.is_true(rounded >= 2)
  end)

  it("are refused in training", function()
    local g = fovea.graph()
    local x = g:input { 1, 2, 4, 4 }
    local y = g:relu { x }
    local ok, message = pcall(g.plan, g, { mode = "train", taps = { y }, precision = "bf16" })
    assert.is_false(ok)
    assert.matches("too rough for training", message)
    assert.has_error(function() g:plan { taps = { y }, precision = "bf15" } end)
  end)

  for _, network in ipairs(networks.ALL) do
    local name, options, shape = table.unpack(network)
    it(("have no reference implementation in %s #slow"):format(networks.title(network)), function()
      if not is_there(name) then return end
      local model = assert(fovea.arch.model(name, options, nil, { input_shape = shape, seed = 5 }))
      local instance = assert(model:at(shape))
      local logits = model:output(instance).logits
      local spec = { mode = "explain", taps = { logits }, seeds = { logits }, precision = "bf16",
        gradients = { instance.input } }
      for _, exact in ipairs { false, true } do
        spec.exact = exact
        for _, step in ipairs(assert(instance.graph:plan(spec)):steps()) do
          assert.is_nil(step.implementation:find "^ref", step.node)
        end
      end
    end)
  end
end)

describe("heat maps of less precision", function()
  local function explained(options, seed)
    local model = options.model or assert(fovea.arch.model("unet", { width = 16, depth = 3 }, nil,
      { input_shape = { 1, 3, 32, 32 }, seed = 5 }))
    options.model = nil
    return model, assert(fovea.explain_all(model, fovea.uniform({ 1, 3, 32, 32 }, { seed = seed }), options))
  end

  it("say how far they are off, on the first image by themselves", function()
    if not is_there "heat maps" then return end
    local model, maps = explained({ precision = "bf16", thresholds = { "quantile:0.8", "quantile:0.5" } }, 1)
    local _, exact = explained({ model = model, thresholds = { "quantile:0.8", "quantile:0.5" } }, 1)
    assert.are.equal(4, #maps)
    for i, heat in ipairs(maps) do
      local found = heat:record().precision
      local scale = exact[i].raw:abs():max()
      assert.is_true(found.measured)
      assert.are.equal("bf16", found.kind)
      assert.is_true(math.abs(found.map - (heat.raw - exact[i].raw):abs():max() / scale) < 1e-12)
      assert.are.equal((heat.mask - exact[i].mask):abs():sum(), found.pixels)
      assert.is_true(found.correlation > 0.9)
      assert.is_truthy(table.concat(heat.statuses, " "):find "ROUGH")
      assert.is_nil(exact[i]:record().precision)
    end
    local worst = math.max(maps[1].precision.map, maps[2].precision.map, maps[3].precision.map, maps[4].precision.map)
    local _, later = explained({ model = model, precision = "bf16" }, 2)
    assert.is_false(later[1].precision.measured)
    assert.are.equal(worst, later[1].precision.map)
  end)

  it("are made when asked for only", function()
    local ok, message = pcall(explained, { precision = "half" }, 1)
    assert.is_false(ok)
    assert.matches("unknown precision 'half'", message)
    local _, maps = explained({ precision = "f32" }, 1)
    assert.is_nil(maps[1].precision)
  end)
end)
