local core = require "fovea.core"
local fovea = require "fovea"
local op_check = require "support.op_check"

--- The same by concat, conv, add and activation, whose own specs hold them against plain sums.
local function long_way(g, sources, weights, bias, addend, options)
  local joined = #sources > 1 and g:concat(sources) or sources[1]
  local y = g:conv { joined, weights, bias, stride = options.stride, pad = options.pad, dilation = options.dilation }
  if addend then y = g:add { y, addend } end
  if options.activation then
    y = g[options.activation](g, { y, alpha = options.alpha, min = options.min, max = options.max })
  end
  return y
end

local function short_way(g, sources, weights, bias, addend, options)
  local arguments = { table.unpack(sources) }
  if addend then arguments[#arguments + 1] = addend end
  arguments[#arguments + 1] = weights
  arguments[#arguments + 1] = bias
  arguments.stride, arguments.pad, arguments.dilation = options.stride, options.pad, options.dilation
  arguments.activation, arguments.addend = options.activation, addend and true or nil
  arguments.alpha, arguments.beta = options.alpha or options.min, options.max
  return g:conv_sum(arguments)
end

--- Output and gradients of all data sources.
local function run(way, shapes, kernel, options)
  local g, sources, inputs, channels = core.graph(), {}, {}, 0
  for i, shape in ipairs(shapes) do
    sources[i] = g:input(shape)
    inputs[i] = { sources[i], fovea.uniform(shape, { seed = i, min = -1, max = 1 }) }
    channels = channels + shape[2]
  end
  local weights = g:param(fovea.uniform({ kernel[1], channels, table.unpack(kernel, 2) },
    { seed = 20, min = -0.5, max = 0.5 }))
  local bias = g:param(fovea.uniform({ kernel[1] }, { seed = 21, min = -0.5, max = 0.5 }))
  local addend
  if options.addend then
    addend = g:input(options.addend)
    inputs[#inputs + 1] = { addend, fovea.uniform(options.addend, { seed = 30, min = -1, max = 1 }) }
  end
  local y = way(g, sources, weights, bias, addend, options)
  local wanted = {}
  for i, input in ipairs(inputs) do
    if i ~= options.unwanted then wanted[#wanted + 1] = input[1] end
  end
  local plan = assert(g:plan { mode = "explain", taps = { y }, seeds = { y }, gradients = wanted, fold = false })
  for _, input in ipairs(inputs) do plan:set_input(input[1], input[2]) end
  plan:forward():set_seed(y, fovea.uniform(y:shape(), { seed = 40, min = -1, max = 1 }))
  plan:backward()
  local results = { plan:value(y) }
  for i, node in ipairs(wanted) do results[i + 1] = plan:gradient(node) end
  return results, plan
end

local function same(shapes, kernel, options)
  local want, got = run(long_way, shapes, kernel, options), run(short_way, shapes, kernel, options)
  for i, w in ipairs(want) do
    local off = (w - got[i]):abs():max() / math.max(w:abs():max(), 1e-3)
    assert.is_true(off < 2e-6, ("result %d is off by %g"):format(i, off))
  end
end

describe("conv_sum", function()
  it("is a convolution of joined channels", function()
    same({ { 2, 3, 6, 5 }, { 2, 4, 6, 5 } }, { 5, 3, 3 }, { pad = 1 })
    same({ { 1, 16, 6, 5 }, { 1, 3, 6, 5 }, { 1, 17, 6, 5 } }, { 20, 1, 1 }, {})
    same({ { 1, 3, 9 }, { 1, 2, 9 } }, { 4, 3 }, { stride = 2 })
    same({ { 1, 3, 4, 5, 6 }, { 1, 2, 4, 5, 6 } }, { 4, 3, 3, 3 }, { pad = 1 })
    same({ { 1, 3, 9, 9 } }, { 4, 3, 3 }, { pad = 2, dilation = 2 })
  end)

  it("adds a tensor before the activation", function()
    for _, kernel in ipairs { { 5, 3, 3 }, { 33, 1, 1 } } do
      local options = { pad = kernel[2] // 2, addend = { 2, kernel[1], 6, 5 } }
      for _, activation in ipairs { false, "relu", "sigmoid" } do
        options.activation = activation or nil
        same({ { 2, 3, 6, 5 } }, kernel, options)
        same({ { 2, 3, 6, 5 }, { 2, 4, 6, 5 }, { 2, 1, 6, 5 } }, kernel, options)
      end
    end
    same({ { 1, 6, 4, 4 }, { 1, 3, 4, 4 } }, { 4, 3, 3 }, { pad = 1, activation = "leaky_relu", alpha = 0.2 })
    same({ { 1, 6, 4, 4 }, { 1, 3, 4, 4 } }, { 4, 3, 3 }, { pad = 1, activation = "clip", min = 0, max = 1 })
  end)

  it("does nothing for a source nobody wants", function()
    local function steps(unwanted)
      local shapes, options = { { 1, 16, 6, 5 }, { 1, 8, 6, 5 } }, { pad = 1, activation = "relu", unwanted = unwanted }
      same(shapes, { 4, 3, 3 }, options)
      local _, plan = run(short_way, shapes, { 4, 3, 3 }, options)
      local count = 0
      for _, step in ipairs(plan:steps()) do count = count + (step.phase == "backward" and 1 or 0) end
      return count
    end
    assert.are.equal(steps(nil) - 2, steps(1)) -- its convolution, and the change of layout of the result
  end)

  it("says what does not fit", function()
    op_check.fails("conv_sum", { { 1, 3, 6, 6 }, { 1, 4, 6, 5 }, { 2, 7, 3, 3 }, { 2 } }, {}, "1x4x6x5", "axis 2")
    op_check.fails("conv_sum", { { 1, 3, 6, 6 }, { 1, 4, 6, 6 }, { 2, 8, 3, 3 }, { 2 } }, {}, "7 channels", "2x8x3x3")
    op_check.fails("conv_sum", { { 1, 3, 6, 6 }, { 1, 2, 6, 6 }, { 2, 3, 3, 3 }, { 2 } }, { addend = true }, "addend",
      "1x2x6x6", "1x2x4x4")
    op_check.fails("conv_sum", { { 1, 3, 6, 6 }, { 2, 3, 3, 3 }, { 2 } }, { addend = true }, "nothing to convolve")
    op_check.fails("conv_sum", { { 1, 2, 6, 6 }, { 1, 2, 6, 6 }, { 2, 2, 3, 3 }, { 2 } }, { groups = 2 }, "groups")
  end)
end)
