local core = require "fovea.core"
local fovea = require "fovea"
local nd = require "support.nd"
local op_check = require "support.op_check"

local function reference(logarithm)
  return function(arrays, attrs)
    local src, axis = arrays[1], attrs.axis or 2
    if axis < 0 then axis = axis + #src.shape + 1 end
    return nd.build(src.shape, function(at)
      local own, index, most, sum = at[axis], { table.unpack(at) }, -math.huge, 0
      for k = 1, src.shape[axis] do
        index[axis] = k
        most = math.max(most, src:get(index))
      end
      for k = 1, src.shape[axis] do
        index[axis] = k
        sum = sum + math.exp(src:get(index) - most)
      end
      index[axis] = own
      local x = src:get(index) - most
      return logarithm and x - math.log(sum) or math.exp(x) / sum
    end)
  end
end

local function both(shape, axis)
  for _, op in ipairs { "softmax", "log_softmax" } do
    op_check.case { op = op, sources = { { shape = shape, min = -4, max = 4 } }, attrs = { axis = axis },
      reference = reference(op == "log_softmax"), probes = 3, label = table.concat(shape, "x") }
  end
end

local function values_of(op, values, attrs)
  local g = core.graph()
  local x = g:input { 1, #values }
  attrs[1] = x
  local y = g[op](g, attrs)
  local plan = assert(g:plan { taps = { y } })
  plan:set_input(x, fovea.tensor({ 1, #values }, values))
  assert(plan:forward())
  return plan:value(y):values()
end

describe("softmax", function()
  it("normalises few channels of images, volumes and signals", function()
    both({ 2, 2, 3, 5 })
    both({ 1, 3, 2, 3, 4 })
    both({ 2, 5, 7 })
    both({ 1, 4, 9, 17 }) -- more positions than one block
  end)

  it("normalises many channels", function()
    both({ 1, 19, 3, 4 })
    both({ 2, 33, 5 })
    both({ 3, 40 })
  end)

  it("takes any axis", function()
    for axis = 1, 4 do both({ 3, 4, 5, 2 }, axis) end
    both({ 2, 3, 4, 18 }, -1)
    both({ 2, 3, 17, 4 }, -2)
    both({ 6 }, 1)
  end)

  it("does not overflow and keeps digits far out", function()
    for _, n in ipairs { 3, 20 } do
      local values = { 1e4, 1e4 - 1, -1e4 }
      for i = 4, n do values[i] = -1e4 end
      local p, q = values_of("softmax", values, {}), values_of("log_softmax", values, {})
      assert(math.abs(p[1] - 1 / (1 + math.exp(-1))) < 1e-6 and p[3] == 0)
      assert(math.abs(q[1] + math.log(1 + math.exp(-1))) < 1e-6 and q[3] < -1.99e4)
    end
  end)

  it("takes names of axes and refuses those that are not there", function()
    assert.same({ 0.5, 0.5 }, values_of("softmax", { 3, 3 }, { axis = "channel" }))
    op_check.fails("softmax", { { 2, 3 } }, { axis = 3 }, "axis 3 does not exist in 2 dimensions")
    op_check.fails("softmax", { { 2, 3 } }, { axis = -3 }, "axis -3")
    op_check.fails("log_softmax", { { 2, 3 } }, { dim = 1 }, "unknown option 'dim'")
    op_check.fails("softmax", { { 2, 3 } }, { axis = "time" }, "no axis 'time'")
  end)
end)
