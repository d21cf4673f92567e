--- Checks of an op against a naive double-precision reference: value, gradient of every source by finite differences
--- of the reference, adjoint identity in a random direction; each with row-major and with channels-last sources.
local fovea = require "fovea"
local core = require "fovea.core"
local nd = require "support.nd"
local assert = require "luassert"

-- Under valgrind memory is the point: the many runs of the reference that differences take are left out.
local memory_only = os.getenv "FOVEA_MEMORY_ONLY" ~= nil

local M = {}

local function source_tensor(source, seed)
  if source.values then return fovea.tensor(source.shape, source.values) end
  return fovea.uniform(source.shape, { seed = seed, min = source.min or -1, max = source.max or 1 })
end

--- Passes a node through a depthwise convolution with weight 1: the same numbers, channels last.
local function channels_last(graph, node)
  local shape = node:shape()
  if #shape < 3 or #shape > 5 then return node end
  local kernel = { shape[2], 1 }
  for i = 3, #shape do kernel[i] = 1 end
  return graph:conv { node, graph:constant(fovea.full(kernel, 1)), groups = shape[2] }
end

local function build(case, tensors, through_conv)
  local graph = core.graph()
  local sources, leaves, inputs = {}, {}, {}
  for i, source in ipairs(case.sources) do
    if source.param then
      leaves[i] = graph:param(tensors[i])
      sources[i] = leaves[i]
    else
      leaves[i] = graph:input(source.shape)
      inputs[i] = true
      sources[i] = through_conv and channels_last(graph, leaves[i]) or leaves[i]
    end
  end
  local args = {}
  for k, v in pairs(case.attrs or {}) do args[k] = v end
  for i, node in ipairs(sources) do args[i] = node end
  return graph, graph[case.op](graph, args), leaves, inputs
end

local function scale_of(data)
  local most = 0
  for _, v in ipairs(data) do most = math.max(most, math.abs(v)) end
  return most
end

--- False for NaN.
local function within(difference, allowed)
  return math.abs(difference) <= allowed
end

local function assert_near(got, want, tolerance, what)
  assert.are.same(want.shape, got:shape(), what .. ": shape")
  local values, allowed = got:values(), tolerance * math.max(scale_of(want.data), 1e-3)
  for i, w in ipairs(want.data) do
    if w ~= values[i] and not within(values[i] - w, allowed) then
      error(("%s: element %d is %.9g, the reference has %.9g (allowed %.2g)"):format(what, i, values[i], w, allowed), 0)
    end
  end
end

--- Sum of seed times the reference output.
local function score(case, arrays, seed)
  local out, s = case.reference(arrays, case.attrs or {}), 0
  for i, v in ipairs(out.data) do s = s + v * seed[i] end
  return s
end

--- d score / d element i of array k, central difference in double.
local function difference(case, arrays, seed, k, i, step)
  local data = arrays[k].data
  local x = data[i]
  data[i] = x + step
  local up = score(case, arrays, seed)
  data[i] = x - step
  local down = score(case, arrays, seed)
  data[i] = x
  return (up - down) / (2 * step)
end

--- What the reference says of source k: differences at some elements, and <J v, w> along a random direction v.
local function probe(case, arrays, seed, k)
  local original, step = arrays[k].data, case.step or 1e-4
  local count = #original
  local direction = fovea.uniform(arrays[k].shape, { seed = 77 + k, min = -1, max = 1 }):values()
  local stride = math.max(1, count // (case.probes or 6))
  local found = { direction = direction, differences = {} }
  for i = 1 + (count > stride and stride // 2 or 0), count, stride do
    found.differences[i] = difference(case, arrays, seed, k, i, step)
  end
  local function along(sign)
    local moved = {}
    for i, x in ipairs(original) do moved[i] = x + sign * step * direction[i] end
    arrays[k].data = moved
    local s = score(case, arrays, seed)
    arrays[k].data = original
    return s
  end
  found.derivative = (along(1) - along(-1)) / (2 * step)
  return found
end

--- Compares a gradient with the differences, and <v, J'w> with <J v, w>.
local function check_gradient(case, found, k, gradient, what)
  local values, tolerance = gradient:values(), case.gradient_tolerance or 2e-4
  if memory_only then return end
  local scale = math.max(scale_of(values), 1e-3)
  for i, want in pairs(found.differences) do
    if not within(values[i] - want, tolerance * scale) then
      error(("%s: gradient of source %d at %d is %.9g, finite differences give %.9g"):format(what, k, i, values[i],
        want), 0)
    end
  end
  local sum, size = 0, 0
  for i, g in ipairs(values) do
    sum = sum + g * found.direction[i]
    size = size + math.abs(g * found.direction[i])
  end
  if not within(sum - found.derivative, tolerance * math.max(size, 1e-3)) then
    error(("%s: <v, J'w> of source %d is %.9g, <Jv, w> is %.9g"):format(what, k, sum, found.derivative), 0)
  end
end

--- Runs the engine once and compares with what the reference said.
local function run_once(case, known, through_conv)
  local graph, node, leaves, inputs = build(case, known.tensors, through_conv)
  local what = ("%s%s %s"):format(case.op, through_conv and " (channels last)" or "", case.label or "")
  local gradients = {}
  for i in pairs(known.probes) do gradients[#gradients + 1] = leaves[i] end
  assert.are.same(known.value.shape, node:shape(), what .. ": inferred shape")
  local plan = assert(graph:plan {
    mode = case.mode or (#gradients > 0 and "explain" or "infer"),
    taps = { node }, seeds = #gradients > 0 and { node } or nil, gradients = gradients })
  for i in pairs(inputs) do assert(plan:set_input(leaves[i], known.tensors[i])) end
  assert(plan:forward())
  assert_near(plan:value(node), known.value, case.tolerance or 1e-5, what)
  if #gradients == 0 then return end
  assert(plan:set_seed(node, known.seed))
  assert(plan:backward())
  for i, found in pairs(known.probes) do check_gradient(case, found, i, plan:gradient(leaves[i]), what) end
end

--- Runs one case:
---   op        name of the op
---   attrs     its options
---   sources   list of { shape, param = true for parameters, min, max, values, gradient = false to leave out }
---   reference function(arrays, attrs) -> nd array, in doubles
---   tolerance of values, relative to the largest (1e-5); gradient_tolerance (2e-4); step of the differences (1e-4)
---   mode      plan mode (explain); seed of the random sources; gradient = false: value only
---   probes    elements per source at which differences are taken (6): the reference runs twice for each
function M.case(case)
  local known, arrays = { tensors = {}, probes = {} }, {}
  for i, source in ipairs(case.sources) do
    known.tensors[i] = source_tensor(source, (case.seed or 1) * 100 + i)
    arrays[i] = nd.from_tensor(known.tensors[i])
  end
  known.value = case.reference(arrays, case.attrs or {})
  known.seed = fovea.uniform(known.value.shape, { seed = 5, min = -1, max = 1 })
  for i, source in ipairs(case.sources) do
    if case.gradient ~= false and source.gradient ~= false then
      known.probes[i] = memory_only and {} or probe(case, arrays, known.seed:values(), i)
    end
  end
  run_once(case, known, false)
  run_once(case, known, true)
end

--- Asserts that building the op with these sources and options fails with a message that has all the given words.
function M.fails(op, shapes, attrs, ...)
  local graph = core.graph()
  local args = {}
  for k, v in pairs(attrs or {}) do args[k] = v end
  for i, shape in ipairs(shapes) do args[i] = graph:input(shape) end
  local ok, message = pcall(graph[op], graph, args)
  assert.is_false(ok, op .. " should have refused")
  for _, word in ipairs { op, ... } do
    assert.is_truthy(tostring(message):find(word, 1, true), ("%q lacks %q"):format(message, word))
  end
end

return M
