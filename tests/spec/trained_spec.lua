-- The sample networks, on phantoms they have never seen: maps by Winograd's method, by plain sums (`exact`), and by the
-- slow path (each node by itself) are the same but for rounding.
local fovea = require "fovea"
local gradcam = require "fovea.cam.gradcam"
local input_file = require "fovea.input_file"
local lfs = require "lfs"

local FOLDER = "examples/networks/"

--- Greatest difference relative to the greatest value.
local function difference(want, got)
  local scale = want:abs():max()
  return (want - got):abs():max() / (scale > 0 and scale or 1)
end

--- Logits and Grad-CAM maps at the candidate layers, of the sum of the positive logits; and how many steps of the plan
--- are Winograd convolutions.
local function explained(model, input, options)
  local instance = assert(model:at(input:shape()))
  local logits, nodes = model:output(instance).logits, {}
  for i, name in ipairs(model:candidate_layers()) do nodes[i] = instance.nodes[name] end
  local spec = { mode = "explain", taps = { logits, table.unpack(nodes) }, seeds = { logits }, gradients = nodes }
  for key, value in pairs(options) do spec[key] = value end
  local plan, steps = assert(instance.graph:plan(spec)), 0
  assert(plan:set_input(instance.input, input))
  assert(plan:forward())
  local results = { logits = assert(plan:value(logits)) }
  assert(plan:set_seed(logits, results.logits:gt(0)))
  assert(plan:backward())
  for _, node in ipairs(nodes) do
    results[node:name()] = gradcam.map(assert(plan:value(node)), assert(plan:gradient(node)))
  end
  for _, step in ipairs(plan:steps()) do
    if step.implementation == "winograd:4x4" then steps = steps + 1 end
  end
  return results, steps
end

describe("trained networks", function()
  local winograd_steps = 0

  for name in lfs.dir(FOLDER) do
    local modality = name:match "_(dermoscopy)" or name:match "_(fundus)" or name:match "_(lung_ct)"
    if name:find "%.safetensors$" then
      it(name .. ": fast, exact and slow agree", function()
        local model = assert(fovea.load(FOLDER .. name))
        local image = assert(input_file.read(("phantom:%s:9001,size=128"):format(modality)))
        local input = assert(model:use(image))
        local fast, steps = explained(model, input, {})
        local exact = explained(model, input, { exact = true })
        local slow = explained(model, input, { exact = true, fold = false })
        winograd_steps = winograd_steps + steps
        for layer, want in pairs(slow) do
          local by_sums, by_winograd = difference(want, exact[layer]), difference(exact[layer], fast[layer])
          assert.is_true(by_sums <= 1e-5, ("%s: %g between exact and slow"):format(layer, by_sums))
          assert.is_true(by_winograd <= 1e-4, ("%s: %g between fast and exact"):format(layer, by_winograd))
        end
      end)
    end
  end

  it("had convolutions that go by Winograd's method", function() assert.is_true(winograd_steps > 20) end)
end)
