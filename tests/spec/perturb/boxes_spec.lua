-- Scores with boxes of the input replaced: crops through the first layers against whole passes.
local fovea = require "fovea"
local cuts = require "fovea.perturb.cut"
local engines = require "fovea.perturb.engine"

--- The input with a box taken from another tensor, element by element.
local function replaced(input, box, other)
  local shape, wanted = input:shape(), {}
  for axis = 3, #shape do
    local values, view = {}, {}
    for i = 1, shape[axis] do
      local at = box.at[axis - 2]
      values[i] = (i >= at and i < at + box.size[axis - 2]) and 1 or 0
    end
    for i = 1, #shape do view[i] = i == axis and shape[axis] or 1 end
    wanted[#wanted + 1] = fovea.tensor(view, values)
  end
  local inside = wanted[1]
  for i = 2, #wanted do inside = inside * wanted[i] end
  return input * (1 - inside) + other * inside
end

--- Boxes at all corners, at borders and inside, of odd and even sizes.
local function boxes_of(shape, sizes)
  local list, axes = {}, #shape - 2
  for k, size in ipairs(sizes) do
    for corner = 0, 2 ^ axes do
      local box = { at = {}, size = {} }
      for axis = 1, axes do
        local n = math.min(shape[axis + 2], size + axis - 1)
        local last = shape[axis + 2] - n + 1
        box.size[axis] = n
        box.at[axis] = math.tointeger(corner == 2 ^ axes and math.max(1, (last * (k + axis)) // 5)
          or ((corner // 2 ^ (axis - 1)) % 2 == 0 and 1 or last))
      end
      list[#list + 1] = box
    end
  end
  return list
end

--- Largest difference of logits from those of whole passes, as a part of the largest logit; and the cut.
local function difference(model, shape, sizes, options)
  local input = fovea.uniform(shape, { seed = 3, min = -1, max = 1 })
  local other = fovea.uniform(shape, { seed = 4, min = -1, max = 1 })
  options = options or {}
  options.weights, options.baseline, options.batch = nil, other, options.batch or 3
  local instance = assert(model:at(shape))
  options.weights = fovea.full(model:output(instance).logits:shape(), 1)
  model.exact = options.exact
  local engine, boxes = assert(engines.new(model, input, options)), boxes_of(shape, sizes)
  assert(engine:boxes(boxes))
  local windows, worst, largest, reach = engine.plans, 0, 0, 0
  local plan = assert(instance.graph:plan { taps = { engine.output.logits }, exact = options.exact })
  local plain = engine.job.logits
  for first = 1, #boxes, windows.batch do
    local part = table.move(boxes, first, math.min(#boxes, first + windows.batch - 1), 1, {})
    local logits = assert(windows:run(part))
    for i, box in ipairs(part) do
      plan:set_input(instance.input, replaced(input, box, other))
      plan:forward()
      local whole = plan:value(engine.output.logits)
      worst = math.max(worst, (logits:slice(1, i, i) - whole):abs():max())
      largest, reach = math.max(largest, whole:abs():max()), math.max(reach, (whole - plain):abs():max())
    end
  end
  assert.is_true(reach > 0)
  return worst / largest, windows.cut
end

local function conv(g, x, out, kernel, seed, options)
  local shape = { out, x:shape()[2] // (options.groups or 1) }
  for i = 1, #x:shape() - 2 do shape[i + 2] = kernel end
  local bound = math.sqrt(3 / (shape[2] * kernel * kernel))
  options[1], options[2] = x, g:param(fovea.uniform(shape, { seed = seed, min = -bound, max = bound }))
  options[3] = g:param(fovea.uniform({ out }, { seed = seed + 100, min = -0.1, max = 0.1 }))
  return g:conv(options)
end

local function norm(g, x, seed)
  local c = x:shape()[2]
  local function draw(k, min, max) return g:param(fovea.uniform({ c }, { seed = seed + k, min = min, max = max })) end
  return g:batch_norm { x, draw(1, 0.5, 1.5), draw(2, -0.2, 0.2), draw(3, -0.2, 0.2), draw(4, 0.5, 1.5) }
end

--- A model whose head looks at everything, so that only what comes before can be computed on crops.
local function model_of(channels, build)
  return fovea.model { name = "net", input = { false, channels, false, false }, input_shape = { 1, channels, 40, 40 },
    build = function(g, x)
      local y = build(g, x)
      return g:mul { y, g:sigmoid { g:global_avg_pool { y } }, name = "out" }
    end }
end

local nets = {
  ["convolutions and pools"] = function(g, x)
    x = g:max_pool { g:relu { conv(g, x, 8, 3, 1, { pad = 1 }) }, kernel = 2 }
    x = g:avg_pool { g:relu { norm(g, conv(g, x, 8, 3, 2, { pad = 1 }), 20) }, kernel = 2 }
    return conv(g, x, 4, 3, 3, { pad = 1 })
  end,
  ["strides, dilations, groups and odd kernels"] = function(g, x)
    x = g:relu { conv(g, x, 8, 7, 1, { pad = 3, stride = 2 }) }
    x = g:max_pool { x, kernel = 3, stride = 2, pad = 1 }
    x = g:add { conv(g, x, 8, 3, 2, { pad = 2, dilation = 2, groups = 2 }), x }
    return conv(g, x, 4, 5, 3, { pad = 2, groups = 4 })
  end,
  ["no padding, and padding by itself"] = function(g, x)
    x = g:relu { conv(g, x, 8, 3, 1, {}) }
    x = g:pad { x, before = { 0, 0, 2, 1 }, after = { 0, 0, 1, 2 }, value = 0.3 }
    return conv(g, x, 4, 4, 2, { stride = { 1, 2 } })
  end,
  ["mirrored and prolonged borders"] = function(g, x)
    x = g:relu { conv(g, g:pad { x, before = { 0, 0, 2, 1 }, after = { 0, 0, 1, 3 }, mode = "edge" }, 8, 4, 1, {}) }
    x = g:pad { g:avg_pool { x, kernel = 2 }, before = { 0, 0, 3, 3 }, after = { 0, 0, 3, 3 }, mode = "reflect" }
    return conv(g, x, 4, 7, 2, {})
  end,
  ["ceiling and padded means"] = function(g, x)
    x = g:avg_pool { conv(g, x, 8, 3, 1, { pad = 1 }), kernel = 3, stride = 2, pad = 1, include_pad = true }
    return g:max_pool { conv(g, x, 4, 1, 2, {}), kernel = 3, stride = 2, ceil = true }
  end,
  ["upsampling"] = function(g, x)
    local low = g:relu { conv(g, g:max_pool { x, kernel = 2 }, 8, 3, 1, { pad = 1 }) }
    local w = g:param(fovea.uniform({ 8, 4, 2, 2 }, { seed = 5, min = -0.3, max = 0.3 }))
    local wide = g:param(fovea.uniform({ 8, 4, 4, 4 }, { seed = 6, min = -0.3, max = 0.3 }))
    return g:concat { g:conv_transpose { low, w, stride = 2 }, g:conv_transpose { low, wide, stride = 2, pad = 1 },
      g:resample { low, scale = 2, mode = "linear" }, g:resample { low, scale = 2, mode = "nearest" } }
  end,
}

describe("perturb boxes", function()
  for name, build in pairs(nets) do
    it("are those of whole passes: " .. name, function()
      local model, size = model_of(2, build), name == "upsampling" and { 64, 72 } or { 61, 75 }
      for _, exact in ipairs { true, false } do
        local worst, cut = difference(model, { 1, 2, size[1], size[2] }, { 1, 5, 8 }, { exact = exact })
        assert.is_true(cut.share < 0.9, "no reuse")
        assert.is_true(worst < 2e-6, tostring(worst))
      end
    end)
  end

  it("have the same bits where the sums are the same", function()
    local model = model_of(3, function(g, x)
      x = g:relu { conv(g, x, 16, 3, 1, { pad = 1 }) }
      x = g:max_pool { g:relu { conv(g, x, 16, 3, 2, { pad = 1 }) }, kernel = 2 }
      return conv(g, x, 32, 3, 3, { pad = 1 })
    end)
    local worst, cut = difference(model, { 1, 3, 96, 96 }, { 3, 7, 8 }, { exact = true })
    assert.is_true(cut.share < 0.9)
    assert.are.equal(0, worst)
  end)

  it("serve networks with skip connections, gates and recurrent blocks", function()
    local cases = { { "unet", { width = 8, depth = 4 } }, { "attention_unet" }, { "unetpp" }, { "m2unet" },
      { "r2unet" }, { "little_wnet" }, { "resunetpp" } }
    for _, case in ipairs(cases) do
      local model = assert(fovea.load("random:1", { arch = case[1], arch_options = case[2] }))
      local shape = model:default_shape()
      shape[3], shape[4] = 64, 96
      local worst = difference(model, shape, { 7 }, { batch = 5 })
      assert.is_true(worst < 2e-5, case[1] .. " " .. worst)
    end
  end)

  it("take convolutions over concatenations apart", function()
    local model = assert(fovea.load("random:1", { arch = "unet", arch_options = { width = 8, depth = 4 } }))
    local worst, cut = difference(model, { 1, 3, 96, 96 }, { 6 }, {})
    local names = {}
    for i, node in ipairs(cut.frontier) do names[i] = node:name() end
    assert.matches("near", table.concat(names, " "))
    assert.is_true(worst < 1e-5)
  end)

  it("serve volumes", function()
    local model = fovea.model { name = "volume", input = { false, 1, false, false, false },
      input_shape = { 1, 1, 16, 16, 16 }, build = function(g, x)
        x = g:max_pool { g:relu { conv(g, x, 4, 3, 1, { pad = 1 }) }, kernel = 2 }
        x = conv(g, x, 4, 3, 2, { pad = 1 })
        return g:mul { x, g:sigmoid { g:global_avg_pool { x } } }
      end }
    local worst, cut = difference(model, { 1, 1, 40, 48, 33 }, { 3, 5 }, {})
    assert.is_true(cut.share < 0.9)
    assert.is_true(worst < 2e-6)
  end)

  it("may reach the output on crops alone", function()
    local model = fovea.model { name = "net", input = { false, 2, false, false }, input_shape = { 1, 2, 40, 40 },
      build = function(g, x) return conv(g, g:relu { conv(g, x, 8, 3, 1, { pad = 1 }) }, 1, 3, 2, { pad = 1 }) end }
    local worst, cut = difference(model, { 1, 2, 80, 80 }, { 4 }, {})
    assert.are.equal(1, #cut.frontier)
    assert.is_true(cut.share < 0.2)
    assert.is_true(worst < 2e-6)
  end)

  it("run whole passes where nothing can be kept", function()
    local model = fovea.model { name = "net", input = { false, 2, false, false }, input_shape = { 1, 2, 16, 16 },
      build = function(g, x) return conv(g, g:mul { x, g:global_avg_pool { x } }, 1, 3, 1, { pad = 1 }) end }
    local worst, cut = difference(model, { 1, 2, 16, 20 }, { 4 }, {})
    assert.is_true(cut.frontier[1]:kind() == "input" and worst < 2e-6)
    worst = difference(model_of(2, nets["convolutions and pools"]), { 1, 2, 32, 32 }, { 5 }, { reuse = false })
    assert.is_true(worst < 2e-6)
  end)

  it("begin crops at whole elements of all layers, with room for all that a box reaches", function()
    local model = model_of(2, nets["convolutions and pools"])
    local instance = assert(model:at { 1, 2, 72, 61 })
    local boxes = boxes_of({ 1, 2, 72, 61 }, { 3 })
    local cut = cuts.choose(instance.graph, instance.input, model:output(instance).logits, boxes)
    for _, box in ipairs(boxes) do
      for axis, from in ipairs(cuts.origin(cut, box, { 1, 2, 72, 61 })) do
        local size = 60 + (axis == 1 and 12 or 1)
        assert.are.equal(0, from % cut.align[axis])
        assert.is_true(from <= math.max(0, box.at[axis] - 1 - cut.margin[axis]))
        assert.is_true(from + cut.size[axis] >= math.min(size, box.at[axis] - 1 + box.size[axis] + cut.margin[axis]))
      end
    end
  end)
end)
