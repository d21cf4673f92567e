-- Every network gives the same bits for any number of threads: by Winograd's method and by plain sums, in plans made
-- for one number of threads and run with another, one image or several.
local core = require "fovea.core"
local fovea = require "fovea"
local networks = require "support.networks"

local skip = require "support.skip"

local NUMBERS = { 1, 2, 3 }

--- Without AVX-512, oneDNN has dilated convolutions by matrix products only, which add up by threads.
local function skip_sums_by_thread(plan)
  local products
  for _, step in ipairs(plan:steps()) do
    if step.implementation:find("avx512", 1, true) then return end
    if step.implementation:find("x64:gemm", 1, true) then products = step end
  end
  if products then skip(("%s: %s adds up by threads"):format(products.node, products.implementation)) end
end

--- Hashes of logits, activations and gradients of the layers one looks at.
local function hashes(plan, instance, logits, layers, input)
  local found = {}
  assert(plan:set_input(instance.input, input))
  assert(plan:forward())
  assert(plan:set_seed(logits, fovea.uniform(logits:shape(), { seed = 8, min = -1, max = 1 })))
  assert(plan:backward())
  found.logits = assert(plan:value(logits)):hash()
  for _, node in ipairs(layers) do
    found[node:name()] = { assert(plan:value(node)):hash(), assert(plan:gradient(node)):hash() }
  end
  return found
end

local function check(name, options, shape, exact)
  local model = assert(fovea.arch.model(name, options, nil, { input_shape = shape, seed = 5 }))
  local instance, layers, first = assert(model:at(shape)), {}, nil
  local logits = model:output(instance).logits
  for i, layer in ipairs(model:candidate_layers()) do layers[i] = instance.nodes[layer] end
  local input = fovea.uniform(shape, { seed = 3, min = -1, max = 1 })
  local before <close> = setmetatable({ core.threads() }, { __close = function(t) core.threads(t[1]) end })
  assert(before)
  for _, made in ipairs(NUMBERS) do
    core.threads(made)
    local plan = assert(instance.graph:plan { mode = "explain", taps = { logits, table.unpack(layers) },
      seeds = { logits }, gradients = layers, exact = exact })
    skip_sums_by_thread(plan)
    for _, run in ipairs(made == 1 and NUMBERS or { made }) do
      core.threads(run)
      local found = hashes(plan, instance, logits, layers, input)
      first = first or found
      assert.are.same(first, found, ("made for %d, run with %d threads"):format(made, run))
    end
  end
end

describe("the number of threads #slow", function()
  for _, case in ipairs(networks.ALL) do
    local name, options, shape = table.unpack(case)
    it("does not matter to " .. networks.title(case), function()
      check(name, options, shape)
      check(name, options, shape, true)
      check(name, options, { 2, table.unpack(shape, 2) })
    end)
  end
end)
